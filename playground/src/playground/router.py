"""The machine between laptop and cluster: it also plays the internet. Pure.

Its names are those that RFC 2606 keeps for documentation.
"""

import sys
from pathlib import Path

from playground.folders import RunFolder
from playground.machine import Machine, Mount, Unit
from playground.plan import BEHIND_CLUSTER, INTERNET

INTERNET_NAMES = ("example.com", "www.example.com", "example.org", "www.example.dev")
SLOW_NAME = "slow.example.net"
BEHIND_NAME = "db.corp.example"
SLOWNESS = "2s"
ECHO = Path(__file__).parent / "images" / "builtin" / "echo" / "echo.py"

_COREFILE = "/run/Corefile"
_HOSTS = "/run/internet-hosts"


def router_machine(run: RunFolder, binaries: Path) -> Machine:
    echo = [sys.executable, str(ECHO), "--http", "80", "--tcp", "8081", "--udp", "8080"]
    return Machine(
        name="internet",
        folder=str(run.machine("router")),
        log_folder=str(run.log("router", "any").parent),
        mounts=[Mount("tmpfs", "/run")],
        files={_COREFILE: corefile(), _HOSTS: hosts()},
        units=[
            Unit("dns", [str(binaries / "coredns"), "-conf", _COREFILE]),
            Unit("web", echo),
        ],
    )


def names() -> dict[str, tuple[str, str]]:
    """Every name of the made-up internet that answers at once, with its addresses."""
    found = dict.fromkeys(INTERNET_NAMES, INTERNET)
    found[BEHIND_NAME] = BEHIND_CLUSTER
    return found


def hosts() -> str:
    lines = [f"{address} {name}" for name, both in names().items() for address in both]
    return "\n".join(lines) + "\n"


def zones() -> list[str]:
    """Domains that somebody has, and the reverse ones of all addresses."""
    domains = {".".join(name.split(".")[-2:]) for name in names()}
    return [*sorted(domains), "in-addr.arpa", "ip6.arpa"]


def corefile() -> str:
    """Corefile of the internet: known names, one slow name, and no such name for the rest."""
    ours = " ".join(f"{zone}:53" for zone in zones())
    return f"""\
{SLOW_NAME}:53 {{
    erratic {{
        delay 1 {SLOWNESS}
        drop 0
        truncate 0
    }}
}}
{ours} {{
    errors
    hosts {_HOSTS}
}}
.:53 {{
    errors
    template ANY ANY {{
        rcode NXDOMAIN
        authority ". 60 IN SOA a.example.net. admin.example.net. 1 60 60 60 60"
    }}
}}
"""
