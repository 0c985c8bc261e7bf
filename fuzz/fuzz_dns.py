"""Throw damaged DNS messages at the parser: ``python -m fuzz.fuzz_dns [SECONDS] [SEED]``.

Whatever comes in, FormatError is all that may come out.
"""

import random
import sys
import time
from collections.abc import Callable

from tests.unit.dns.messages import query, response

from ktconnect.dns.message import is_answer_to, parse_question, records, renamed, truncated
from ktconnect.dns.name import FormatError, to_wire

FULL = "web.shop.svc.cluster.local."
ASKED = query(FULL, edns=1232)
SEEDS = [
    ASKED,
    query("web", "SRV", edns=4096, cookie=b"12345678"),
    response(ASKED, f"{FULL} 30 IN CNAME a.{FULL}", f"a.{FULL} 30 IN A 10.0.0.1"),
    response(ASKED, f"{FULL} 5 IN SRV 1 2 80 w.{FULL}", f"{FULL} 5 IN MX 1 m.{FULL}"),
    response(ASKED, authority=(f"{FULL} 30 IN SOA ns.{FULL} a.{FULL} 1 2 3 4 5",), code="NXDOMAIN"),
]
WEB = to_wire("web")
TARGETS: list[Callable[[bytes], object]] = [
    parse_question,
    lambda data: records(data, 12),
    lambda data: renamed(renamed(data, WEB), to_wire(FULL)),
    lambda data: truncated(data, 20),
    lambda data: is_answer_to(ASKED, data),
]


def damaged(dice: random.Random) -> bytes:
    """A seed with some bytes changed, cut out, or doubled."""
    data = bytearray(dice.choice(SEEDS))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(3):
            case 0:
                data[at : at + 1] = dice.randbytes(1)
            case 1:
                del data[at : at + dice.randint(1, 8)]
            case _:
                data[at:at] = data[dice.randrange(len(data) + 1) :][: dice.randint(1, 16)]
    return bytes(data)


def main(seconds: float, seed: int) -> None:
    dice = random.Random(seed)
    end = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < end:
        data = damaged(dice)
        for target in TARGETS:
            try:
                target(data)
            except FormatError:
                continue
            except Exception:
                sys.stderr.write(f"seed {seed}, message {tried}: {data!r}\n")
                raise
        tried += 1
    sys.stdout.write(f"{tried} damaged messages, seed {seed}: nothing but FormatError\n")


if __name__ == "__main__":
    given = [float(text) for text in sys.argv[1:]]
    main(given[0] if given else 10.0, int(given[1]) if len(given) > 1 else time.time_ns() % 10**6)
