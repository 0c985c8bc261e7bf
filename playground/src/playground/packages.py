"""The Debian packages that a playground needs, by a program or file that shows each is there."""

import os
from pathlib import Path

from playground.commands import is_installed, run
from playground.errors import PlaygroundError

NEEDED = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "busybox-static": "/bin/busybox",
    "nftables": "nft",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "iputils-ping": "ping",
    "curl": "curl",
    "procps": "sysctl",
    "util-linux": "nsenter",
    "python3": "/usr/bin/python3",
    "faketime": "faketime",  # for tests of laptops whose clock is wrong
    "media-types": "/etc/mime.types",
}


def missing() -> list[str]:
    """Names of the packages that are not installed."""
    return [package for package, sign in NEEDED.items() if not _is_there(sign)]


def _is_there(sign: str) -> bool:
    return Path(sign).exists() if sign.startswith("/") else is_installed(sign)


def install(packages: list[str]) -> None:
    """Install Debian packages with apt-get. Raises: PlaygroundError."""
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run(["apt-get", "update", "-qq"], timeout=300)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], timeout=600)


def demand() -> None:
    """Raises: PlaygroundError naming what is missing: packages, rights."""
    if os.geteuid() != 0:
        raise PlaygroundError(
            "the playground makes network namespaces and mounts, which takes root",
            hint="run it with sudo",
        )
    if lacking := missing():
        raise PlaygroundError(
            f"Debian packages are missing: {', '.join(lacking)}",
            hint="`playground setup` installs them with apt-get",
        )
