"""What speaks against taking a Service's callers by its selector, or is worth knowing first. Pure.

Manifests in, findings out: each says what is so, what it means for callers, and what to do.
"""

from collections.abc import Callable, Iterable
from typing import Final

from ktconnect import names
from ktconnect.kube.undoable import AGENT
from ktconnect.objects.session import Manifest

from .mesh import check_subsets
from .seen import Finding, Found, Seen, is_ready

OLD_SELECTOR: Final = "kt-selector"
"""KT Connect's annotation on a Service: the selector that it had before."""
TRACKERS: Final = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "meta.helm.sh/release-name": "Helm",
    "kubectl.kubernetes.io/last-applied-configuration": "kubectl apply",
}


def check_service(seen: Seen) -> tuple[Finding, ...]:
    """All findings for ``exchange --mode selector``. One that is taken already has no others."""
    for check in (_taken, _without_selector):
        if found := tuple(check(seen)):
            return found
    return tuple(finding for check in CHECKS for finding in check(seen))


def check_ruled(seen: Seen) -> tuple[Finding, ...]:
    """All findings where rules of a mesh lead requests, and the Service itself stays as it is."""
    for check in (_taken, _without_selector):
        if found := tuple(check(seen)):
            return found
    return tuple(_endpoints(seen))


def ready_endpoints(slices: Iterable[Manifest]) -> int:
    """How many endpoints get callers."""
    every = (endpoint for each in slices for endpoint in each.get("endpoints") or ())
    return sum(map(is_ready, every))


def _taken(seen: Seen) -> Found:
    """Someone's redirect is in place already, of KT Connect or of a session that left it."""
    metadata, selector = seen.service["metadata"], seen.service["spec"].get("selector") or {}
    if OLD_SELECTOR in (metadata.get("annotations") or {}):
        users = sorted({_user(pod) for pod in seen.backends} - {""})
        by = f" by {', '.join(users)}" if users else ""
        yield Finding(
            "refuse",
            f"Service {seen.name} is taken with KT Connect{by}: its selector is not its own",
            f"ask them to end it; if nobody runs it any more, `ktctl recover {seen.name}`",
        )
    elif agents := sorted({value for value in selector.values() if AGENT.fullmatch(value)}):
        what = "a router" if agents[0].endswith("-router") else "an agent"
        yield Finding(
            "refuse",
            f"the selector of Service {seen.name} leads to {what}, {agents[0]}",
            f"`ktctl recover {seen.name}` gives it back to its own Pods",
        )


def _without_selector(seen: Seen) -> Found:
    spec = seen.service["spec"]
    if spec.get("type") == "ExternalName":
        yield Finding(
            "refuse",
            f"Service {seen.name} is only another name for {spec.get('externalName')}",
            "it has no backends that could be replaced: exchange what it leads to",
        )
    elif not spec.get("selector"):
        yield Finding(
            "refuse",
            f"Service {seen.name} has no selector: its endpoints are written by someone else",
            "`ktctl preview OTHER-NAME` makes a Service of your own, for callers that you choose",
        )


def _ports(seen: Seen) -> Found:
    ports = seen.service["spec"].get("ports") or ()
    sctp = [str(port["port"]) for port in ports if port.get("protocol") == "SCTP"]
    if sctp:
        yield Finding(
            "refuse",
            f"port {', '.join(sctp)} of Service {seen.name} is SCTP, which an agent can't pass on",
            "a Service is taken with all of its ports, so its SCTP callers would be lost",
        )
    if not ports:
        yield Finding(
            "refuse",
            f"Service {seen.name} names no ports, so it is not known where its callers go",
            "`--mode scale` takes the workload with the ports of its containers",
        )


def _headless(seen: Seen) -> Found:
    if seen.service["spec"].get("clusterIP") != "None":
        return
    hosts = _hostnames(seen)
    if hosts:
        record = f"{hosts[0]}.{seen.name}"
        others = [each["metadata"]["name"] for each in seen.neighbours if _has_address(each)]
        yield Finding(
            "refuse",
            f"{record}{' and others' if len(hosts) > 1 else ''} would vanish: Service {seen.name} "
            "is headless and gives its Pods names of their own",
            f"exchange service/{others[0]}, which leads to the same Pods"
            if others
            else "make a Service with a cluster IP for the same Pods, and exchange that",
        )
    else:
        yield Finding(
            "warn",
            f"Service {seen.name} is headless: callers that know a Pod's address keep calling it",
            "it takes as long as they remember what DNS told them, often 30 s",
        )


def _policies(seen: Seen) -> Found:
    spec = seen.service["spec"]
    if spec.get("internalTrafficPolicy") == "Local":
        yield Finding(
            "refuse",
            f"Service {seen.name} has internalTrafficPolicy Local: only callers on the agent's "
            "node would reach it, all others nobody",
            "exchange another Service of these Pods, or use `--mode scale` with one node",
        )
    if spec.get("externalTrafficPolicy") == "Local":
        yield Finding(
            "warn",
            f"Service {seen.name} has externalTrafficPolicy Local: from outside the cluster it "
            "answers on the agent's node alone",
            "a load balancer finds that node by its health checks within seconds",
        )


def _same_pods(seen: Seen) -> Found:
    others = [each["metadata"]["name"] for each in seen.neighbours]
    if others:
        yield Finding(
            "note",
            f"callers of {', '.join(sorted(others))} still get the original Pods, which these "
            f"Services share with {seen.name}",
        )


def _habits(seen: Seen) -> Found:
    spec = seen.service["spec"]
    if spec.get("publishNotReadyAddresses"):
        yield Finding(
            "note",
            f"Service {seen.name} publishes Pods that are not ready: if the agent has to be "
            "replaced, callers may come before it listens",
        )
    if spec.get("sessionAffinity") == "ClientIP":
        yield Finding(
            "note",
            f"Service {seen.name} keeps callers at one Pod (sessionAffinity): all come here now, "
            "and afterwards may go to another Pod than before",
        )


def _endpoints(seen: Seen) -> Found:
    if seen.slices is not None and not ready_endpoints(seen.slices):
        yield Finding(
            "warn",
            f"no Pod of Service {seen.name} is ready, so nobody answers while this machine is away",
            "its callers fall back to its own Pods: start one, and they are safe",
        )


def _managed(seen: Seen) -> Found:
    metadata = seen.service["metadata"]
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    tools = [tool for mark, tool in TRACKERS.items() if mark in marks]
    owners = [
        f"{each['kind']} {each['name']}"
        for each in metadata.get("ownerReferences") or ()
        if each["kind"] != "Lease"  # a preview's own: nobody applies it again
    ]
    if by := (tools + owners)[:1]:
        yield Finding(
            "note",
            f"Service {seen.name} is managed by {by[0]}: applied again meanwhile, it is taken "
            "again, and what was applied is what comes back at the end",
        )


CHECKS: Final[tuple[Callable[[Seen], Found], ...]] = (
    _ports,
    _headless,
    _policies,
    check_subsets,
    _endpoints,
    _same_pods,
    _habits,
    _managed,
)


def _user(pod: Manifest) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(names.ANNOTATION_USER, ""))


def _has_address(service: Manifest) -> bool:
    return bool(service["spec"].get("clusterIP") != "None")


def _hostnames(seen: Seen) -> list[str]:
    """The names that its Pods have below a headless Service's."""
    slices = (endpoint for each in seen.slices or () for endpoint in each.get("endpoints") or ())
    told = {each["hostname"] for each in slices if each.get("hostname")}
    specs = [pod["spec"] for pod in seen.backends]
    told |= {each["hostname"] for each in specs if _named_below(each, seen.name)}
    return sorted(told)


def _named_below(spec: Manifest, service: str) -> bool:
    return bool(spec.get("hostname")) and spec.get("subdomain") == service
