"""Set a plan up and undo it, killed at the first step, then at the second, and so on.

After each kill the files are put back as at the next start, and compared.
"""

import asyncio
import os
import signal
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

from ktconnect.host.backend import HostBackend
from ktconnect.host.links import Links
from ktconnect.host.network import HostNetwork, recover
from ktconnect.host.plan import DnsPlan, HostPlan

PLAN = HostPlan(
    session="s1",
    tun="kt0",
    addresses=(ip_address("198.18.0.1"),),
    networks=(ip_network("10.96.0.0/12"), ip_network("10.244.0.0/16")),
    redirect_ports=(15001, 15002),
    dns=DnsPlan("resolv.conf", search=("demo.svc.cluster.local",), hosts=("10.96.0.7 web",)),
)
STEPS = ("engine", "network", "links", "nft")  # the files whose functions are one effect each
FILES = [Path("/etc/resolv.conf"), Path("/etc/hosts")]


def kill_at(step):
    """Have this process killed at the ``step``-th step: before and after each system call."""
    left = step

    def look(frame, event, called):
        nonlocal left
        path = Path(frame.f_code.co_filename)
        ours = "ktconnect" in path.parts
        step = event == "call" and path.stem in STEPS
        effect = event in ("c_call", "c_return") and called.__module__ == "posix"
        if ours and (step or effect):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)


async def set_and_undo(step):
    async with Links.open() as links:
        network = HostNetwork(links, HostBackend())
        kill_at(step)
        await network.set(PLAN)
        await network.undo()
        sys.setprofile(None)


def survived(step):
    """Run it in a child; whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        asyncio.run(set_and_undo(step))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL), status
    return status == 0


def main():
    before = [path.read_bytes() for path in FILES]
    step = 0
    while not survived(step):
        asyncio.run(recover(HostBackend()))
        assert [path.read_bytes() for path in FILES] == before, step
        assert not list(Path("/var/lib/kt/journal").glob("*.jsonl")), step
        step += 1
    print("steps", step)  # noqa: T201


main()
