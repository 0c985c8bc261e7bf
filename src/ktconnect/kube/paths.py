"""Where in the API a kind lives, as a table. Pure: strings in, URL paths out.

A kind is written as its manifests write it: ``apiVersion/kind`` (``v1/Service``,
``apps/v1/Deployment``). Kinds that the table lacks are passed as a `Resource`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

from ktconnect.errors import UsageError


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object of the API: group ("" is the core), version, plural, scope."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """URL path of one object, or of the collection when no name is given.

        An empty namespace means the whole cluster, which only a collection can be.

        Raises: ValueError when an object of a namespaced kind is asked for without namespace.
        """
        if name and self.namespaced and not namespace:
            raise ValueError(f"{self.plural} live in namespaces: say which one")
        parts = ["api" if not self.group else f"apis/{self.group}", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        parts += [quote(part, safe="") for part in (name, subresource) if part]
        return "/" + "/".join(parts)


Kind = str | Resource
Manifest = dict[str, Any]


def _core(plural: str, namespaced: bool = True) -> Resource:
    return Resource("", "v1", plural, namespaced)


VIRTUAL_SERVICE = "networking.istio.io/v1/VirtualService"
HTTP_ROUTE = "gateway.networking.k8s.io/v1/HTTPRoute"

KINDS: Mapping[str, Resource] = {
    "v1/ConfigMap": _core("configmaps"),
    "v1/Endpoints": _core("endpoints"),
    "v1/Event": _core("events"),
    "v1/Namespace": _core("namespaces", namespaced=False),
    "v1/Node": _core("nodes", namespaced=False),
    "v1/Pod": _core("pods"),
    "v1/Secret": _core("secrets"),
    "v1/Service": _core("services"),
    "v1/ServiceAccount": _core("serviceaccounts"),
    "v1/ResourceQuota": _core("resourcequotas"),
    "apps/v1/Deployment": Resource("apps", "v1", "deployments"),
    "apps/v1/ReplicaSet": Resource("apps", "v1", "replicasets"),
    "apps/v1/StatefulSet": Resource("apps", "v1", "statefulsets"),
    "apps/v1/DaemonSet": Resource("apps", "v1", "daemonsets"),
    "batch/v1/Job": Resource("batch", "v1", "jobs"),
    "coordination.k8s.io/v1/Lease": Resource("coordination.k8s.io", "v1", "leases"),
    "discovery.k8s.io/v1/EndpointSlice": Resource("discovery.k8s.io", "v1", "endpointslices"),
    "networking.k8s.io/v1/Ingress": Resource("networking.k8s.io", "v1", "ingresses"),
    "networking.k8s.io/v1/NetworkPolicy": Resource("networking.k8s.io", "v1", "networkpolicies"),
    "networking.k8s.io/v1/ServiceCIDR": Resource(
        "networking.k8s.io", "v1", "servicecidrs", namespaced=False
    ),
    "rbac.authorization.k8s.io/v1/Role": Resource("rbac.authorization.k8s.io", "v1", "roles"),
    "rbac.authorization.k8s.io/v1/RoleBinding": Resource(
        "rbac.authorization.k8s.io", "v1", "rolebindings"
    ),
    "rbac.authorization.k8s.io/v1/ClusterRole": Resource(
        "rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False
    ),
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": Resource(
        "rbac.authorization.k8s.io", "v1", "clusterrolebindings", namespaced=False
    ),
    "authorization.k8s.io/v1/SelfSubjectAccessReview": Resource(
        "authorization.k8s.io", "v1", "selfsubjectaccessreviews", namespaced=False
    ),
    "authorization.k8s.io/v1/SelfSubjectRulesReview": Resource(
        "authorization.k8s.io", "v1", "selfsubjectrulesreviews", namespaced=False
    ),
    "apiextensions.k8s.io/v1/CustomResourceDefinition": Resource(
        "apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False
    ),
    "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": Resource(
        "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", namespaced=False
    ),
    "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": Resource(
        "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", namespaced=False
    ),
    "env.alibaba.com/v1alpha2/VirtualEnvironment": Resource(
        "env.alibaba.com", "v1alpha2", "virtualenvironments"
    ),
    "networking.istio.io/v1/VirtualService": Resource(
        "networking.istio.io", "v1", "virtualservices"
    ),
    "networking.istio.io/v1/DestinationRule": Resource(
        "networking.istio.io", "v1", "destinationrules"
    ),
    "security.istio.io/v1/PeerAuthentication": Resource(
        "security.istio.io", "v1", "peerauthentications"
    ),
    "security.istio.io/v1/AuthorizationPolicy": Resource(
        "security.istio.io", "v1", "authorizationpolicies"
    ),
    "gateway.networking.k8s.io/v1/GatewayClass": Resource(
        "gateway.networking.k8s.io", "v1", "gatewayclasses", namespaced=False
    ),
    "gateway.networking.k8s.io/v1/Gateway": Resource("gateway.networking.k8s.io", "v1", "gateways"),
    "gateway.networking.k8s.io/v1/HTTPRoute": Resource(
        "gateway.networking.k8s.io", "v1", "httproutes"
    ),
    "gateway.networking.k8s.io/v1/GRPCRoute": Resource(
        "gateway.networking.k8s.io", "v1", "grpcroutes"
    ),
}


def resource_of(kind: Kind) -> Resource:
    """The place of a kind.

    Raises: UsageError when the table doesn't have it.
    """
    if isinstance(kind, Resource):
        return kind
    try:
        return KINDS[kind]
    except KeyError:
        raise UsageError(
            f"unknown kind {kind!r}",
            hint="write it as in a manifest, apiVersion/kind, for example apps/v1/Deployment",
        ) from None


def kind_of(manifest: Manifest) -> str:
    """``apiVersion/kind`` of a manifest."""
    return f"{manifest['apiVersion']}/{manifest['kind']}"


PLURAL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
"""How a resource may be called (RFC 1035, label; Kubernetes wants that of custom resources)."""


class Key(NamedTuple):
    """One object of the cluster, or a subresource of it; namespace "" for the cluster's own."""

    kind: Kind
    namespace: str
    name: str
    subresource: str = ""


def split_key(key: str) -> Key:
    """``v1/Service/demo/web``, or with a subresource ``apps/v1/Deployment/demo/web/scale``.

    A kind that the table lacks is written by its plural: ``argoproj.io/v1alpha1/rollouts/…``.

    Raises: UsageError when the key names no object.
    """
    kind, rest = _kind_and_rest(key)
    namespaced = resource_of(kind).namespaced
    parts = rest.split("/") if namespaced else ["-", *rest.split("/")]
    if not (2 <= len(parts) <= 3 and all(parts)):
        raise UsageError(f"{key!r} names no object of the cluster")
    return Key(kind, parts[0] if namespaced else "", *parts[1:])


def _kind_and_rest(key: str) -> tuple[Kind, str]:
    for kind in KINDS:
        if key.startswith(f"{kind}/"):
            return kind, key[len(kind) + 1 :]
    group, _, rest = key.partition("/")
    version, _, rest = rest.partition("/")
    plural, _, rest = rest.partition("/")
    if "." in group and rest and PLURAL.fullmatch(plural):
        return Resource(group, version, plural), rest
    raise UsageError(f"{key!r} names no known kind of object")
