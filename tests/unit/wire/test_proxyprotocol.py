from ktconnect.wire.call import Call
from ktconnect.wire.proxyprotocol import header


def test_a_caller_over_ipv4_is_told_as_the_specification_says():
    told = header(Call("tcp", 8080, "10.244.1.7", 41234))
    assert told.hex(" ", 4) == bytes.fromhex(
        "0d0a0d0a 000d0a51 5549540a"  # signature
        "21 11 000c"  # version 2, PROXY; TCP over IPv4; 12 bytes
        "0af40107 00000000"  # 10.244.1.7, unspecified
        "a112 1f90"  # 41234, 8080
    ).hex(" ", 4)


def test_a_caller_over_ipv6_is_told_as_the_specification_says():
    told = header(Call("tcp", 80, "fd00::7", 5))
    assert told[12:16].hex() == "21210024"
    assert told[16:].hex() == "fd000000000000000000000000000007" + 16 * "00" + "00050050"


def test_a_caller_that_has_no_address_is_told_as_unknown():
    assert header(Call("tcp", 80, "web", 5))[12:].hex() == "21000000"
