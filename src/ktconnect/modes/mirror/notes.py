"""What becomes of the copies that came here: compared with the origin's answers, and recorded."""

import logging
import time
from collections.abc import Iterable
from dataclasses import replace

from ktconnect.modes.report import Compared, Reporter, Totals
from ktconnect.traffic.compare import Difference, compare, status_of
from ktconnect.traffic.exchange import Exchange, header, place
from ktconnect.traffic.har import entry_of
from ktconnect.traffic.pairs import Pair, Pairs

from .harfile import HarFile
from .spec import Keeping

log = logging.getLogger(__name__)


class Notes:
    """One session's. ``file``: where exchanges are recorded, if they are. Closes: it.

    ``tapped``: whether the origin's answers are seen at all; else only the laptop's are recorded.
    """

    def __init__(
        self,
        service: str,
        keeping: Keeping,
        reporter: Reporter,
        file: HarFile | None,
        *,
        tapped: bool,
    ) -> None:
        self._service = service
        self._keeping = keeping
        self._reporter = reporter
        self._file = file
        self._tapped = tapped
        self._diff = keeping.diff
        self._pairs = Pairs()
        self._unread: set[str] = set()
        self._compared = self._differing = self._failed = self._unpaired = 0

    def answered(self, exchange: Exchange) -> None:
        """The laptop has answered a copy, or has not."""
        if self._tapped:
            self._take(self._pairs.seen("laptop", exchange, time.monotonic()))
        else:
            self._take([Pair(None, exchange)])

    def original(self, exchange: Exchange) -> None:
        """The origin has."""
        self._take(self._pairs.seen("origin", exchange, time.monotonic()))

    def look(self) -> None:
        """To be called now and then: some answers never come."""
        self._take(self._pairs.late(time.monotonic()))

    def unread(self, why: str) -> None:
        """What came on a connection can't be read. Each reason is told once."""
        if why not in self._unread:
            self._unread.add(why)
            self._reporter.note(f"copies that can't be read are passed on all the same: {why}")

    def close(self) -> None:
        """Take in what waits, and tell the sum. Idempotent."""
        self._take(self._pairs.rest())
        if self._diff:
            self._diff = False
            sums = self._compared, self._differing, self._failed, self._unpaired
            self._reporter.totals(Totals(self._service, *sums))
        self._close_file()

    def _take(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            self._record(pair)
            if self._diff:
                self._tell(pair)

    def _tell(self, pair: Pair) -> None:
        self._failed += pair.laptop.answer is None
        if pair.origin is None or pair.origin.answer is None:
            self._unpaired += 1
            return
        told = self._compare(pair.origin, pair.laptop)
        self._compared += 1
        self._differing += bool(told.differences)
        if told.differences or not told.answered or self._keeping.everything:
            self._reporter.compared(told)

    def _compare(self, origin: Exchange, laptop: Exchange) -> Compared:
        return Compared(
            service=self._service,
            id=header(laptop.request.headers, "x-request-id"),
            request=place(laptop.request),
            origin=status_of(origin.answer) if origin.answer else origin.failure,
            laptop=status_of(laptop.answer) if laptop.answer else laptop.failure,
            answered=laptop.answer is not None,
            seconds=round(laptop.seconds, 4),
            differences=self._differences(origin, laptop),
        )

    def _differences(self, origin: Exchange, laptop: Exchange) -> tuple[Difference, ...]:
        if origin.answer is None or laptop.answer is None:
            return ()
        return compare(origin.answer, laptop.answer, self._keeping.ignored)

    def _record(self, pair: Pair) -> None:
        if self._file is None:
            return
        secrets = self._keeping.secrets
        if pair.origin is None:
            entry = entry_of(pair.laptop, by="laptop", secrets=secrets)
        else:
            entry = entry_of(_joined(pair.origin, pair.laptop), pair.laptop.answer, secrets=secrets)
        try:
            self._file.add(entry)
        except OSError as error:
            self._reporter.warn(
                f"recording ends: {error.strerror or error}", "what was recorded so far is whole"
            )
            self._close_file()

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            if file.entries:
                self._reporter.note(f"{file.entries:,} exchanges were recorded in {file.path}")
            file.close()


def _joined(origin: Exchange, laptop: Exchange) -> Exchange:
    """The origin's answer to the whole request, of which a tap may show the beginning only; nor
    does it say by which HTTP the origin was asked."""
    answer = origin.answer
    if answer is not None:
        answer = replace(answer, version=laptop.request.version)
    return replace(origin, request=laptop.request, answer=answer, began=laptop.began)
