"""Waits of `exchange --mode scale`: for the agent among the endpoints, and for Pods to be back."""

import asyncio
import logging
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ktconnect import names
from ktconnect.errors import Forbidden, KtError, Refused
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import split_key
from ktconnect.kube.scalable import SCALE
from ktconnect.modes.checks.seen import SLICE, SLICE_OF, is_ready
from ktconnect.modes.targets import POD
from ktconnect.objects.scale import Workload
from ktconnect.objects.session import Manifest

log = logging.getLogger(__name__)

LOOK_AGAIN = 0.2
ENDPOINTS_WITHIN = 30.0
"""Seconds until the agent's Pod, which is ready, must be among a Service's endpoints."""

_waiting: set[asyncio.Event] = set()


@contextmanager
def skipped_by_ctrl_c() -> Iterator[asyncio.Event]:
    """Set by the next Ctrl-C. At this time the first one has been heard, and others are ignored.

    Outside a main thread, where signals can't be heard, it is never set.
    """
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    _waiting.add(event)
    try:
        loop.add_signal_handler(signal.SIGINT, _skip_all)
    except (RuntimeError, ValueError):
        log.debug("signals can't be heard here")
    try:
        yield event
    finally:
        _waiting.discard(event)
        if not _waiting and loop.remove_signal_handler(signal.SIGINT):
            signal.signal(signal.SIGINT, signal.SIG_IGN if before is None else before)


def _skip_all() -> None:
    for event in _waiting:
        event.set()


async def until_ready(
    cluster: Cluster, workload: Workload, replicas: int, skip: asyncio.Event
) -> int:
    """Wait for so many ready Pods, or for ``skip``; how many there are. Polls: one right less."""
    ready = 0
    while not skip.is_set():
        try:
            ready = await ready_replicas(cluster, workload)
        except NotFound:
            return 0
        except KtError as error:
            log.info("%s: %s", workload, error)
        if ready >= replicas:
            break
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await skip.wait()
        except TimeoutError:
            continue
    return ready


async def ready_replicas(cluster: Cluster, workload: Workload) -> int:
    """How many Pods of it are ready; of kinds that do not tell, how many there are."""
    at = split_key(workload.key.partition("#")[0])
    found = await cluster.get(at.kind, at.name, at.namespace)
    status = found.get("status") or {}
    if workload.place.startswith("apps/v1/") or "readyReplicas" in status:
        return int(status.get("readyReplicas", 0))
    scale = await cluster.get(at.kind, at.name, at.namespace, subresource=SCALE)
    return int((scale.get("status") or {}).get("replicas", 0))


async def until_endpoint(
    cluster: Cluster, namespace: str, agent: str, services: Iterable[str]
) -> None:
    """Wait until the agent's Pod is a ready endpoint of each Service.

    Raises: Refused if that does not happen; nothing has been scaled then.
    """
    for service in services:
        try:
            async with asyncio.timeout(ENDPOINTS_WITHIN):
                while not await _is_endpoint(cluster, namespace, agent, service):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_AGAIN)
        except Forbidden as error:  # it is ready, so it will be
            log.info("endpoints of %s: %s", service, error)
        except TimeoutError:
            raise Refused(
                f"the agent did not become an endpoint of Service {service} within "
                f"{ENDPOINTS_WITHIN:g} s; nothing was scaled",
                hint=f"`kubectl get endpointslices -l {SLICE_OF}={service}` shows who is",
            ) from None


async def leave_services(
    cluster: Cluster, namespace: str, agent: str, labels: Iterable[str]
) -> None:
    """Take the labels off the agent's Pods, so that no Service leads to them any more."""
    patch = {"metadata": {"labels": dict.fromkeys(labels)}}
    for pod in await _agent_pods(cluster, namespace, agent):
        try:
            await cluster.patch(POD, pod["metadata"]["name"], patch, namespace)
        except (NotFound, Forbidden) as error:
            log.info("the agent's Pod leaves its Services when it ends: %s", error)


async def _is_endpoint(cluster: Cluster, namespace: str, agent: str, service: str) -> bool:
    pods = {pod["metadata"]["name"] for pod in await _agent_pods(cluster, namespace, agent)}
    slices = await cluster.list(SLICE, namespace, labels=f"{SLICE_OF}={service}")
    return any(_leads_to(endpoint, pods) for each in slices for endpoint in each["endpoints"] or ())


def _leads_to(endpoint: Manifest, pods: set[str]) -> bool:
    return is_ready(endpoint) and (endpoint.get("targetRef") or {}).get("name") in pods


async def _agent_pods(cluster: Cluster, namespace: str, agent: str) -> list[Manifest]:
    return await cluster.list(POD, namespace, labels=f"{names.LABEL_SESSION}={agent}")
