"""First process of the bench's Pods: `serve.py target`, or `serve.py sshd` for sshuttle.

It ends when one of its servers ends, so that the kubelet starts all of them anew.
"""  # noqa: INP001 — a file of an image, not of the package

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

BULK, ECHO = 5201, 7000
SSHD = Path("/run/sshd")


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.write = transport.write

    def data_received(self, data: bytes) -> None:
        self.write(data)


def commands(role: str) -> list[list[str]]:
    """The other servers of a role."""
    if role == "sshd":
        prepare_sshd()
        return [["/usr/sbin/sshd", "-D", "-e"]]
    for folder in ("/var/lib/nginx", "/var/log/nginx"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    return [["nginx"], ["python3", "/bulk.py", "serve", str(BULK)]]


def prepare_sshd() -> None:
    SSHD.mkdir(mode=0o755, parents=True, exist_ok=True)
    (SSHD / "authorized_keys").write_text(os.environ["AUTHORIZED_KEY"])
    make_key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(SSHD / "host_key")]
    os.spawnvp(os.P_WAIT, make_key[0], make_key)


async def run(argv: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(*argv)
    sys.exit(f"{argv[0]} ended with {await process.wait()}")


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)
    await loop.create_server(Echo, "0.0.0.0", ECHO, backlog=4096)
    await asyncio.gather(*(run(argv) for argv in commands(sys.argv[1])))


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main())
