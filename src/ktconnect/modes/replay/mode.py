"""`ktctl replay`: recorded requests go to a program here, and its answers are compared."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from ktconnect.errors import KtError, UsageError
from ktconnect.groups import task_group
from ktconnect.modes.report import Compared, Reporter, Totals
from ktconnect.traffic.compare import Difference, compare, status_of
from ktconnect.traffic.exchange import Exchange, header, place
from ktconnect.traffic.har_read import read_har

from .choosing import again, chosen, secrets_missing
from .sending import send
from .spec import ReplaySpec

MOST_AT_ONCE = 100
Tell = Callable[[Exchange, Exchange], None]
"""Of what was recorded, and what came now."""


class Differ(KtError):
    """Some answers were not those recorded, or there were none."""

    exit_code = 10


async def run(spec: ReplaySpec, reporter: Reporter) -> None:
    """Send all that is chosen. Raises: UsageError; Differ if answers differed or did not come."""
    recorded = read_har(_text(spec.file))
    wanted = chosen(recorded, spec.filters)
    if not wanted:
        raise UsageError(
            f"{spec.file} has no request to send ({len(recorded)} in all)",
            hint="look at --filter" if spec.filters else "was anything recorded?",
        )
    _tell_missing(spec, wanted, reporter)
    results: list[Compared] = []

    def tell(before: Exchange, now: Exchange) -> None:
        results.append(_compared(spec, before, now))
        reporter.compared(results[-1])

    await _send_all(spec, wanted, tell)
    totals = Totals(
        spec.file,
        len(results),
        sum(bool(each.differences) for each in results),
        sum(not each.answered for each in results),
        diff=spec.diff,
    )
    reporter.totals(totals)
    if totals.differing or totals.failed:
        raise Differ(_summary(totals), hint="does it listen there?" if totals.failed else "")


def _text(file: str) -> str:
    """Raises: UsageError."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{file} is no text, so it is no HAR") from None


def _tell_missing(spec: ReplaySpec, wanted: tuple[Exchange, ...], reporter: Reporter) -> None:
    missing = secrets_missing(wanted, spec.headers)
    if missing:
        reporter.warn(
            f"not recorded, and so not sent: {', '.join(missing)}",
            f"--header '{missing[0].title()}: …' sends one, and `ktctl mirror --recordSecrets` "
            "records them",
        )


async def _send_all(spec: ReplaySpec, wanted: tuple[Exchange, ...], tell: Tell) -> None:
    """One after the other, or at the times recorded: then what is quick may overtake."""
    if spec.speed == "max":
        for each in wanted:
            tell(each, await _once(spec, each))
        return
    room, loop = asyncio.Semaphore(MOST_AT_ONCE), asyncio.get_running_loop()
    start = loop.time() - wanted[0].began

    async def in_time(each: Exchange) -> None:
        await asyncio.sleep(start + each.began - loop.time())
        async with room:
            tell(each, await _once(spec, each))

    async with task_group() as tasks:
        for each in wanted:
            tasks.create_task(in_time(each))


async def _once(spec: ReplaySpec, recorded: Exchange) -> Exchange:
    return await send(spec.to, again(recorded.request, spec.headers), spec.limit)


def _compared(spec: ReplaySpec, before: Exchange, now: Exchange) -> Compared:
    return Compared(
        service=spec.file,
        id=header(before.request.headers, "x-request-id"),
        request=place(before.request),
        origin=status_of(before.answer) if before.answer else before.failure or "not recorded",
        laptop=status_of(now.answer) if now.answer else now.failure,
        answered=now.answer is not None,
        seconds=round(now.seconds, 4),
        differences=_differences(spec, before, now),
    )


def _differences(spec: ReplaySpec, before: Exchange, now: Exchange) -> tuple[Difference, ...]:
    if not spec.diff or before.answer is None or now.answer is None:
        return ()
    return compare(before.answer, now.answer, spec.ignored)


def _summary(totals: Totals) -> str:
    told = []
    if totals.differing:
        told.append(f"{totals.differing:,} got another answer than recorded")
    if totals.failed:
        told.append(f"{totals.failed:,} got none")
    requests = "1 request" if totals.compared == 1 else f"{totals.compared:,} requests"
    return f"of {requests}, {' and '.join(told)}"
