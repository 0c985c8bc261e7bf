"""What is told of sessions and calls, each in one line for a person. Pure."""

from typing import Final

from rich.text import Text

from ktconnect.modes.report import CallEnded, Calls, Status

COLOURS: Final = {"up": "green", "stalled": "yellow", "connecting": "yellow", "down": "red"}


def status_line(status: Status) -> Text:
    """``● up · 0.6 ms · 3 streams · ↓ 1.2 MB ↑ 3.0 kB · 0 reconnections``.

    Of a session that callers come to, it tells the calls instead of the streams.
    """
    state = status.health + (f": {status.reason}" if status.reason else "")
    parts = [f"{status.target} {state}" if status.target else state]
    if status.round_trip is not None:
        parts.append(f"{status.round_trip * 1000:.1f} ms")
    streams = counted(status.streams, "stream")
    parts.append(streams if status.calls is None else calls_text(status.calls))
    parts.append(f"↓ {size(status.received)} ↑ {size(status.sent)}")
    parts.append(counted(status.reconnections, "reconnection"))
    return Text("● ", style=COLOURS[status.health]).append(" · ".join(parts), style="default")


def calls_text(calls: Calls) -> str:
    """``3 calls open, 1,204 in all, 311 by the origin``."""
    parts = [f"{counted(calls.open, 'call')} open", f"{calls.total:,} in all"]
    origin = max(calls.to_origin, calls.refused)
    if origin:
        parts.append(f"{origin:,} by the origin")
    if calls.failed:
        parts.append(f"{calls.failed:,} by nobody")
    if calls.older:
        parts.append(counted(calls.older, "older connection"))
    return ", ".join(parts)


def call_line(call: CallEnded) -> str:
    """``10.244.1.7:41234 → shop/web:80 → 127.0.0.1:8080 · ↓ 1.2 kB ↑ 3.4 MB · 0.12 s · closed``."""
    protocol = "/udp" if call.protocol == "udp" else ""
    way = f"{call.caller} → {call.service}:{call.port}{protocol} → {call.target}"
    carried = [] if protocol else [f"↓ {size(call.received)} ↑ {size(call.sent)}"]
    return " · ".join([way, *carried, f"{call.seconds:.2f} s", call.ended])


def size(count: int) -> str:
    """Bytes in decimal units: ``999 B``, ``1.2 MB``."""
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.0f} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def counted(number: int, noun: str) -> str:
    """``1 stream``, ``1,204 streams``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
