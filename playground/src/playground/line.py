"""The line between laptop and cluster: delay, rate, loss, and a cut.

The kernel's netem does it where there is one; else ``kube line`` carries the frames between the
two ports of the line's namespace in user space.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from playground import machines
from playground.access import Access
from playground.commands import run, succeeds
from playground.errors import PlaygroundError
from playground.folders import RunFolder
from playground.machine import Machine, Unit
from playground.network import in_namespace
from playground.plan import Plan

PORTS = ("left", "right")
LONGEST_DELAY = 10_000.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)([kmg])bit", re.IGNORECASE)
_LOSS = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class Line:
    """What the line does to traffic: round-trip delay in ms, bits/s each way, loss in percent."""

    delay: float = 0.0
    rate: float = 0.0
    loss: float = 0.0
    cut: bool = False

    @property
    def is_plain(self) -> bool:
        return self == Line()

    def __str__(self) -> str:
        said = [f"{self.delay:g} ms round trip"] if self.delay else []
        said += [f"{self.rate / 1e6:g} Mbit/s"] if self.rate else []
        said += [f"{self.loss:g} % loss each way"] if self.loss else []
        return "cut" if self.cut else ", ".join(said) or "plain"


def parse(delay: str = "", rate: str = "", loss: str = "") -> Line:
    """A line from words such as ``20ms``, ``100mbit``, ``0.1%``. Raises: PlaygroundError."""
    milliseconds, bits, percent = 0.0, 0.0, 0.0
    if delay:
        number, unit = _matched(_DURATION, delay, "delay", "20ms or 1s")
        milliseconds = number * (1000 if unit == "s" else 1)
    if rate:
        number, unit = _matched(_RATE, rate, "rate", "500kbit, 100mbit or 1gbit")
        bits = number * {"k": 1e3, "m": 1e6, "g": 1e9}[unit.lower()]
    if loss:
        percent, _ = _matched(_LOSS, loss, "loss", "0.1%")
    if milliseconds > LONGEST_DELAY or percent > 100:
        raise PlaygroundError("that line is too bad", hint="delay up to 10s, loss up to 100%")
    return Line(milliseconds, bits, percent)


def _matched(pattern: re.Pattern[str], text: str, what: str, example: str) -> tuple[float, str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise PlaygroundError(f"{text!r} is not a {what}", hint=f"write it like {example}")
    return float(found[1]), found[2] if pattern.groups > 1 else ""


def netem_words(line: Line) -> list[str]:
    """Arguments of netem for one of the two ports."""
    words = ["limit", "100000", "delay", f"{line.delay * 500:.0f}us"]
    words += ["rate", f"{line.rate:.0f}bit"] if line.rate else []
    return words + (["loss", f"{line.loss:g}%"] if line.loss else [])


def line_machine(run_folder: RunFolder, kube: Path, line: Line) -> Machine:
    """The machine that carries frames itself, for kernels without netem."""
    ports = [f"-left={PORTS[0]}", f"-right={PORTS[1]}"]
    rules = [f"-delay={line.delay * 500:.0f}us", f"-loss={line.loss / 100:g}"]
    return Machine(
        name="line",
        folder=str(run_folder.machine("line")),
        log_folder=str(run_folder.log("line", "any").parent),
        units=[Unit("line", [str(kube), "line", *ports, *rules, f"-rate={line.rate:.0f}"])],
    )


def current(site: Access) -> Line:
    """What the line is set to."""
    return Line(**site.state.line)


def put(site: Access, line: Line) -> None:
    """Make the line so, whatever it was. Raises: PlaygroundError."""
    _clear(site)
    if not line.is_plain and not line.cut and not _use_netem(site.plan, line):
        _use_own(site, line)
    elif not line.cut:
        _bridge(site.plan)
    known = site.state
    known.line = dict(vars(line))
    known.save(site.folder)


def _clear(site: Access) -> None:
    """Nothing passes after this."""
    machines.kill(site.folder.machine("line"))
    inside = in_namespace(site.plan.namespace("line"))
    for port in PORTS:
        run([*inside, "ip", "link", "set", port, "nomaster"])
        succeeds([*inside, "tc", "qdisc", "del", "dev", port, "root"])
    _segment(site.plan, 65535)


def _bridge(plan: Plan) -> None:
    for port in PORTS:
        run([*in_namespace(plan.namespace("line")), "ip", "link", "set", port, "master", "middle"])


def _use_netem(plan: Plan, line: Line) -> bool:
    """False: this kernel has no netem."""
    inside = in_namespace(plan.namespace("line"))
    for port in PORTS:
        added = ["tc", "qdisc", "add", "dev", port, "root", "netem", *netem_words(line)]
        if not succeeds([*inside, *added]):
            return False
    if line.loss or line.rate:
        _segment(plan, 1)
    _bridge(plan)
    return True


def _use_own(site: Access, line: Line) -> None:
    if line.loss:
        _segment(site.plan, 1)
    spec = line_machine(site.folder, Path(site.state.binaries) / "kube", line)
    machines.start(spec, site.plan.namespace("line"))
    machines.release(site.folder.machine("line"), "line")


def _segment(plan: Plan, most: int) -> None:
    """How many packets may travel as one: 1 where single packets are to be lost."""
    for machine, link in (("laptop", "eth0"), ("router", "lap0")):
        inside = in_namespace(plan.namespace(machine))
        run([*inside, "ip", "link", "set", link, "gso_max_segs", str(most)])
