"""DNS messages for the tests, made and read by dnspython: another's understanding of the RFCs."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset


def query(
    name: str,
    qtype: str = "A",
    *,
    number: int = 0x1234,
    edns: int | None = None,
    cookie: bytes = b"",
) -> bytes:
    options: list[dns.edns.Option] | None = [dns.edns.CookieOption(cookie, b"")] if cookie else None
    message = dns.message.make_query(
        name,
        qtype,
        id=number,
        use_edns=-1 if edns is None else 0,
        payload=edns or 0,
        options=options,
    )
    return message.to_wire()


def response(
    asked: bytes,
    *records: str,
    authority: tuple[str, ...] = (),
    code: str = "NOERROR",
    truncated: bool = False,
) -> bytes:
    """Records as in a zone file: ``web.shop. 30 IN A 10.0.0.1``; dnspython compresses names."""
    message = dns.message.make_response(dns.message.from_wire(asked))
    message.set_rcode(dns.rcode.from_text(code))
    if truncated:
        message.flags |= dns.flags.TC
    for text, section in [(r, message.answer) for r in records] + [
        (r, message.authority) for r in authority
    ]:
        name, ttl, rclass, rtype, rdata = text.split(None, 4)
        section.append(dns.rrset.from_text(name, int(ttl), rclass, rtype, rdata))
    return message.to_wire(max_size=65535)


def read(wire: bytes) -> dns.message.Message:
    return dns.message.from_wire(wire)


def answers(wire: bytes) -> list[str]:
    """Each record of the answer as one line of text."""
    found = dns.message.from_wire(wire, one_rr_per_rrset=True).answer
    return [rrset.to_text() for rrset in found]
