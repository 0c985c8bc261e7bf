"""Run on the laptop: use the cluster room as ktctl does; prints what came of it as JSON.

kube_on_laptop.py KUBECONFIG facts NAMESPACE
                             ready NAMESPACE LABELS DEPLOYMENT
                             echo NAMESPACE POD PORT PROTOCOL SIZE
                             field KEY VALUE
                             watch NAMESPACE NUMBER
                             lacks NAMESPACE VERB RESOURCE
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from ktconnect.errors import KtError
from ktconnect.kube.backend import KubeBackend
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import load
from ktconnect.kube.discover import discover
from ktconnect.kube.portforward import open_pipe
from ktconnect.kube.ready import wait_ready
from ktconnect.kube.rights import Right
from ktconnect.tunnel.pipe import HEADROOM

CHUNK = 64 * 1024


class Heard:
    """Counts what comes back of a pipe."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.data = bytearray()
        self.lost = ""
        self.done = asyncio.Event()
        self.may_write = asyncio.Event()

    def data_received(self, data: memoryview) -> None:
        self.data += data
        if len(self.data) >= self.wanted:
            self.done.set()

    def resume_writing(self) -> None:
        self.may_write.set()

    def pipe_lost(self, reason: str) -> None:
        self.lost = reason
        self.done.set()
        self.may_write.set()


async def facts(cluster: Cluster, namespace: str) -> Any:
    return asdict(await discover(cluster, namespace))


async def ready(cluster: Cluster, namespace: str, labels: str, deployment: str) -> Any:
    pod = await wait_ready(cluster, namespace, labels, deployment=deployment, within=120)
    return pod["metadata"]["name"]


async def echo(
    cluster: Cluster, namespace: str, pod: str, port: str, protocol: str, size: str
) -> Any:
    """Send so many bytes to what echoes them, and say whether they came back whole."""
    sent = (bytes(range(251)) * (int(size) // 251 + 1))[: int(size)]
    heard = Heard(len(sent))
    pipe = await open_pipe(cluster, namespace, pod, int(port), protocol=protocol)
    pipe.start(heard)
    for at in range(0, len(sent), CHUNK):
        buffer = bytearray(HEADROOM) + sent[at : at + CHUNK]
        heard.may_write.clear()
        if not pipe.send(buffer, HEADROOM, len(buffer)):
            await heard.may_write.wait()
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await heard.done.wait()
    pipe.close()
    return {"whole": heard.data == sent, "lost": heard.lost}


async def field(cluster: Cluster, key: str, value: str) -> Any:
    """Set a field, read it, and set it back."""
    backend = KubeBackend(cluster)
    before = await backend.read(key)
    await backend.write(key, json.loads(value), expected=before)
    during = await backend.read(key)
    await backend.write(key, before, expected=during)
    return [before, during, await backend.read(key)]


async def watch(cluster: Cluster, namespace: str, number: str) -> Any:
    found = []
    async with aclosing(cluster.watch("v1/ConfigMap", namespace)) as events:
        async for event in events:
            found.append([event.type, (event.object.get("metadata") or {}).get("name")])
            if len(found) == int(number):
                break
            if event.type == "SYNCED":
                sys.stderr.write("synced\n")
                sys.stderr.flush()
    return found


async def lacks(cluster: Cluster, namespace: str, verb: str, resource: str) -> Any:
    return [str(right) for right in await cluster.allowed([Right(verb, "", resource, namespace)])]


DEEDS: dict[str, Callable[..., Awaitable[Any]]] = {
    deed.__name__: deed for deed in (facts, ready, echo, field, watch, lacks)
}


async def main(kubeconfig: str, deed: str, *words: str) -> Any:
    async with Cluster(load(kubeconfig)) as cluster:
        try:
            return await DEEDS[deed](cluster, *words)
        except KtError as error:
            return {"error": type(error).__name__, "message": str(error), "hint": error.hint}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(*sys.argv[1:])), default=str))
