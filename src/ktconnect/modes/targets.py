"""What the user named, turned into the Services whose callers are meant.

A workload or a Pod stands for the Service that selects its Pods. Names of ours (``web-kt-origin``,
or ``web-kt-stuntman`` of KT Connect) stand for the Service that they were made for.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ktconnect import names
from ktconnect.errors import Forbidden, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.objects.origin import SUFFIX, origin_name
from ktconnect.objects.session import Manifest

from .cluster import check_namespace

SERVICE: Final = "v1/Service"
POD: Final = "v1/Pod"
DEPLOYMENT: Final = "apps/v1/Deployment"
STATEFUL_SET: Final = "apps/v1/StatefulSet"
# Words as kubectl takes them (API conventions: plural, singular, short names).
WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("service", "services", "svc"), SERVICE),
    **dict.fromkeys(("deployment", "deployments", "deploy"), DEPLOYMENT),
    **dict.fromkeys(("statefulset", "statefulsets", "sts"), STATEFUL_SET),
    **dict.fromkeys(("replicaset", "replicasets", "rs"), "apps/v1/ReplicaSet"),
    **dict.fromkeys(("daemonset", "daemonsets", "ds"), "apps/v1/DaemonSet"),
    **dict.fromkeys(("pod", "pods", "po"), POD),
}
STUNTMAN: Final = "-kt-stuntman"
HINT: Final = "for example web, service/web, deployment/web, statefulset/db or pod/web-0"
SHOWN: Final = 10
"""How many names a hint lists at most."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One target as the user wrote it; ``word`` is the kind's, "" if only a name was said."""

    text: str
    word: str
    name: str

    @property
    def kind(self) -> str:
        """The kind, as manifests write it; "" if none was said or it is none that we know."""
        return WORDS.get(self.word.lower(), "")


def parse_target(text: str) -> Wanted:
    """``[KIND/]NAME``. Raises: UsageError."""
    word, slash, name = text.rpartition("/")
    if not name or (slash and not word) or "/" in word or any(map(str.isspace, text)):
        raise UsageError(f"{text!r} is not a target", hint=HINT)
    return Wanted(text, word, name)


async def find_services(
    cluster: Cluster, namespace: str, wanted: Iterable[Wanted]
) -> tuple[Manifest, ...]:
    """The Services that are meant, each once, in the order in which they were named.

    Raises: UsageError for a target that stands for no Service or for several; Forbidden.
    """
    found: dict[str, Manifest] = {}
    for each in wanted:
        service = await find_service(cluster, namespace, each)
        found.setdefault(service["metadata"]["name"], service)
    return tuple(found.values())


async def find_service(cluster: Cluster, namespace: str, wanted: Wanted) -> Manifest:
    """The Service that is meant. Raises: UsageError, Forbidden."""
    if wanted.word and not wanted.kind:
        raise UsageError(
            f"{wanted.text}: {wanted.word} is no kind whose Services are known", hint=HINT
        )
    services = await cluster.list(SERVICE, namespace)
    if not services:
        await check_namespace(cluster, namespace)
    if wanted.kind in ("", SERVICE):
        service = service_named(services, wanted.name)
        if service is not None:
            return service
    if wanted.kind == SERVICE:
        raise _no_service(wanted, services, namespace)
    labels = await _pod_labels(cluster, namespace, wanted)
    if labels is None:
        raise _no_service(wanted, services, namespace)
    return one_of(wanted, services_of(labels, services))


def service_named(services: Sequence[Manifest], name: str) -> Manifest | None:
    """The Service of that name; for a name of ours the one that it was made for."""
    found = None
    for service in services:
        own = service["metadata"]["name"]
        if name in (origin_name(own), own + STUNTMAN):
            return service
        found = service if own == name else found
    return found


def services_of(labels: Mapping[str, str], services: Sequence[Manifest]) -> list[Manifest]:
    """The Services that select Pods with these labels, ours mapped back, each once, by name."""
    found: dict[str, Manifest] = {}
    for service in services:
        if selects(service, labels):
            meant = service_named(services, service["metadata"]["name"])
            assert meant is not None, "it is one of them"
            found[meant["metadata"]["name"]] = meant
    return [found[name] for name in sorted(found)]


def selects(service: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether Pods with these labels are backends of ``service``."""
    spec = service["spec"]
    selector = spec.get("selector") or {}
    return (
        bool(selector) and spec.get("type") != "ExternalName" and selector.items() <= labels.items()
    )


def one_of(wanted: Wanted, services: Sequence[Manifest]) -> Manifest:
    """The only one. Raises: UsageError, naming all if there are several."""
    if len(services) == 1:
        return services[0]
    if not services:
        raise UsageError(
            f"no Service selects the Pods of {wanted.text}, so nobody calls them by one",
            hint="`ktctl preview NAME` makes a new Service that leads to this machine",
        )
    named = [f"service/{each['metadata']['name']}" for each in services]
    raise UsageError(
        f"the Pods of {wanted.text} are behind {len(services)} Services: {', '.join(named)}",
        hint=f"name those that you mean, for example {named[0]}",
    )


def template_labels(workload: Manifest) -> dict[str, str]:
    """The labels of a workload's Pods, or of the Pod that it is."""
    if workload["kind"] == "Pod":
        return dict(workload["metadata"].get("labels") or {})
    template = (workload.get("spec") or {}).get("template") or {}
    return dict((template.get("metadata") or {}).get("labels") or {})


async def _pod_labels(cluster: Cluster, namespace: str, wanted: Wanted) -> dict[str, str] | None:
    """Labels of the Pods that a target stands for; None: there is no such workload.

    A bare name that is no Service's may be a workload's, as far as the user may look.
    """
    if wanted.kind:
        try:
            return template_labels(await cluster.get(wanted.kind, wanted.name, namespace))
        except NotFound:
            raise UsageError(
                f"there is no {wanted.text} in namespace {namespace}",
                hint="-n names another namespace",
            ) from None
    for kind in (DEPLOYMENT, STATEFUL_SET):
        try:
            found = await cluster.find(kind, wanted.name, namespace)
        except Forbidden:
            continue
        if found is not None:
            return template_labels(found)
    return None


def _is_ours(service: Manifest) -> bool:
    """Whether a session made it for itself; what a preview made is meant by somebody."""
    metadata = service["metadata"]
    role = (metadata.get("labels") or {}).get(names.LABEL_ROLE, "")
    made = bool(role) and role != names.ROLE_PREVIEW
    return made or str(metadata["name"]).endswith((SUFFIX, STUNTMAN))


def _no_service(wanted: Wanted, services: Sequence[Manifest], namespace: str) -> UsageError:
    there = [each["metadata"]["name"] for each in services if not _is_ours(each)]
    near = difflib.get_close_matches(wanted.name, there, n=3)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif there:
        more = ", …" if len(there) > SHOWN else ""
        hint = f"there are {', '.join(there[:SHOWN])}{more}"
    else:
        hint = "the namespace has no Services; -n names another one"
    return UsageError(f"there is no Service {wanted.name} in namespace {namespace}", hint=hint)
