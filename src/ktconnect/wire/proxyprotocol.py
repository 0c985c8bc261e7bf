"""PROXY protocol, version 2: who the caller is, in front of a connection's first byte.

The format is HAProxy's "The PROXY protocol", section 2.2.
"""

import struct
from ipaddress import IPv4Address, ip_address
from typing import Final

from .call import Call

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"

_HEAD: Final = struct.Struct(">12sBBH")
_PORTS: Final = struct.Struct(">HH")
_VERSION_AND_PROXY: Final = 0x21
_UNSPECIFIED: Final = 0x00
_TCP_OVER_4: Final = 0x11
_TCP_OVER_6: Final = 0x21


def header(call: Call) -> bytes:
    """The header for a TCP call. The address it came to, the agent's, is told as unspecified; the
    port is the Pod's. A caller that has no address is told as unknown.
    """
    try:
        caller = ip_address(call.caller)
    except ValueError:
        return _HEAD.pack(SIGNATURE, _VERSION_AND_PROXY, _UNSPECIFIED, 0)
    family = _TCP_OVER_4 if isinstance(caller, IPv4Address) else _TCP_OVER_6
    addresses = caller.packed + bytes(len(caller.packed))
    body = addresses + _PORTS.pack(call.caller_port, call.port)
    return _HEAD.pack(SIGNATURE, _VERSION_AND_PROXY, family, len(body)) + body
