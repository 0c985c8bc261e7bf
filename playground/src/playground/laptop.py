"""The developer's laptop: a network namespace with files of its own, and one way out. Pure.

Whatever runs there shares one mount namespace, in which /etc and /run are the laptop's; so one
command sees what another changed, and the machine's own files are never touched.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from playground.folders import RunFolder
from playground.machine import Machine, Mount
from playground.plan import LAPTOP_MARK, ROUTER_ON_LAPTOP

USER = "dev"
USER_ID = 1000
HOME = "/run/home/dev"
BINARIES = "/run/playground/bin"

_HOSTS = """\
127.0.0.1\tlocalhost
127.0.1.1\tlaptop
::1\tlocalhost ip6-localhost ip6-loopback
"""
_SWITCH = """\
passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
"""


def laptop_machine(run: RunFolder, binaries: Path) -> Machine:
    """``binaries`` is the folder of kubectl; it appears where the ordinary user may go, too."""
    folder = run.machine("laptop")
    accounts = {name: Path(name).read_text() for name in ("/etc/passwd", "/etc/group")}
    user = f"{USER}:x:{USER_ID}:{USER_ID}::{HOME}:/bin/bash"
    return Machine(
        name="laptop",
        folder=str(folder),
        log_folder=str(run.log("laptop", "any").parent),
        mounts=[
            Mount("overlay", "/etc", str(folder / "etc")),
            Mount("tmpfs", "/run", options="mode=755"),
            Mount("bind", BINARIES, str(binaries)),
            Mount("bind", "/run/cgroup", "/sys/fs/cgroup"),
            Mount("sysfs", "/sys"),  # shows the devices of the namespace that mounts it
            Mount("bind", "/sys/fs/cgroup", "/run/cgroup"),
        ],
        files={
            LAPTOP_MARK: run.name,
            "/etc/resolv.conf": f"nameserver {ROUTER_ON_LAPTOP[0]}\n",
            "/etc/hosts": _HOSTS,
            "/etc/nsswitch.conf": _SWITCH,
            "/etc/hostname": "laptop\n",
            "/etc/passwd": with_user(accounts["/etc/passwd"], user),
            "/etc/group": with_user(accounts["/etc/group"], f"{USER}:x:{USER_ID}:"),
            f"{HOME}/.profile": "",
        },
        owners={HOME: USER_ID, f"{HOME}/.profile": USER_ID},
        own_processes=False,
    )


def with_user(text: str, entry: str) -> str:
    """An account file with one more entry, in the place of whoever had its number or name."""
    others = [line for line in text.splitlines() if not _is_taken(line)]
    return "\n".join([*others, entry, ""])


def _is_taken(line: str) -> bool:
    name, _, number, *_ = [*line.split(":"), "", "", ""]
    return name == USER or number == str(USER_ID)


@dataclass(frozen=True)
class Entrance:
    """The way into the laptop: the PID of its init, and the kubeconfig that commands find."""

    pid: int
    kubeconfig: Path

    def command(self, argv: list[str], *, user: int | None = None, folder: str = "") -> list[str]:
        """``argv`` as run on the laptop: by root, or by the ordinary user number ``user``.

        nsenter and setpriv replace themselves by the command, so its PID and signals are the
        caller's.
        """
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--uts"]
        enter += [f"--wdns={folder or os.getcwd()}", "--"]
        return [*enter, *(_as_user(user) if user is not None else []), *argv]

    def environment(self, outer: dict[str, str], *, user: int | None = None) -> dict[str, str]:
        """The caller's environment with kubectl on the PATH and, for root, the kubeconfig."""
        path = outer.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        found = {**outer, "PATH": f"{BINARIES}:{path}"}
        if user is None:
            return {"KUBECONFIG": str(self.kubeconfig), **found}
        return {**found, "HOME": HOME, "USER": USER, "LOGNAME": USER}


def _as_user(user: int) -> list[str]:
    """An ordinary user, but for one right: to read. The checkout and its Python may well lie in
    root's home, where no one else may look."""
    reading = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    who = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return ["setpriv", *who, *reading, "--bounding-set=-all,+dac_read_search", "--"]
