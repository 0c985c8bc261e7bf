from ktconnect.objects.sockets import established

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
OF_POD = "0A01F40A:1F90"
CALLER = "0701F40A:A11A"
V6 = "0000000000000000FFFF00000A01F40A:1F90"


def listing(*lines: tuple[str, str, str]) -> str:
    rows = (f"   {n}: {here} {there} {state} 0 0\n" for n, (here, there, state) in enumerate(lines))
    return HEAD + "".join(rows)


def test_what_is_established_to_a_port_of_ours_counts_in_both_listings():
    told = listing((OF_POD, CALLER, "01")) + listing((V6, "0" * 16 + "FFFF0000" + CALLER, "01"))
    assert established(told, {8080}) == {
        (OF_POD, CALLER),
        (V6, "0" * 16 + "FFFF0000" + CALLER),
    }


def test_other_ports_and_other_states_do_not():
    told = listing((OF_POD, CALLER, "06"), (OF_POD, "00000000:0000", "0A"))
    assert established(told, {8080}) == frozenset()
    assert established(listing((OF_POD, CALLER, "01")), {80}) == frozenset()


def test_callers_of_the_pods_own_loopback_do_not():
    loopback = [
        "0100007F:A11A",
        "0" * 24 + "01000000:A11A",
        "0" * 16 + "FFFF0000" + "0100007F:A11A",
    ]
    assert established(listing(*((OF_POD, each, "01") for each in loopback)), {8080}) == frozenset()


def test_what_can_not_be_read_is_not_one():
    told = "cat: /proc/net/tcp6: No such file or directory\n1: a b 01\n1: a:zz b:1 01\n\n"
    assert established(told, {8080, 0}) <= {("a:zz", "b:1")}
    assert established(told, {8080}) == frozenset()


def test_callers_at_certain_addresses_do_not_either():
    v6 = "000010FD00000000000000000100A0FE"
    told = listing(
        (OF_POD, CALLER, "01"),
        (V6, "0" * 16 + "FFFF0000" + CALLER, "01"),
        (V6, f"{v6}:1234", "01"),
    )
    ours = ("10.244.1.7", "fd10::fea0:1")
    assert len(established(told, {8080}, ours[:1])) == 1
    assert established(told, {8080}, ours) == frozenset()
