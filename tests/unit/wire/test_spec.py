import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import UsageError
from ktconnect.wire.spec import AgentSpec, Guard, Listen
from ktconnect.wire.target import Target

DIGEST = "0f" * 32

ports = st.integers(1, 65535)
origins = st.one_of(
    st.builds("{}:{}".format, st.ip_addresses(v=4), ports),
    st.builds("[{}]:{}".format, st.ip_addresses(v=6), ports),
)
protocols = st.sampled_from(["tcp", "udp"])
listens = st.one_of(
    st.builds(Listen, protocols, ports),
    st.builds(Listen, protocols, ports, origins, st.booleans()),
)
names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
seconds = st.floats(0, 1e6).map(lambda s: round(s, 3))
guards = st.builds(Guard, names, names, seconds, st.just("") | names)
specs = st.builds(
    AgentSpec,
    st.just(DIGEST),
    st.just(7070),
    st.lists(
        listens.filter(lambda one: one.port != 7070),
        max_size=4,
        unique_by=lambda one: (one.protocol, one.port),
    ).map(tuple),
    st.none() | guards,
)


@given(specs)
def test_orders_survive_the_command_line(spec):
    assert AgentSpec.from_argv(spec.to_argv()) == spec


def test_an_agent_that_only_dials_has_short_orders():
    spec = AgentSpec(DIGEST, port=7171)
    assert spec.to_argv() == ["--port", "7171", "--token-sha256", DIGEST]
    assert AgentSpec.from_argv(spec.to_argv()) == spec


def test_the_port_has_a_default():
    assert AgentSpec.from_argv(["--token-sha256", DIGEST]).port == 7070


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("tcp:8080", Listen("tcp", 8080)),
        ("udp:53>10.96.3.4:53", Listen("udp", 53, "10.96.3.4:53")),
        ("tcp:8080=[fd00::3]:80", Listen("tcp", 8080, "[fd00::3]:80", to_laptop=False)),
        (
            "tcp:8080+10.96.3.4:80",
            Listen("tcp", 8080, "10.96.3.4:80", to_laptop=False, copied=True),
        ),
    ],
)
def test_a_listen_reads_and_writes_as_the_same_text(text, listen):
    assert Listen.parse(text) == listen
    assert str(listen) == text


def test_a_listen_knows_its_origin_as_a_target():
    assert Listen.parse("udp:53>[fd00::3]:54").target == Target("udp", "fd00::3", 54)
    assert Listen.parse("udp:53").target is None


def test_udp_may_use_a_number_that_laptops_come_in_by():
    argv = ["--token-sha256", DIGEST, "--listen", "udp:7070", "--listen", "tcp:80"]
    assert len(AgentSpec.from_argv(argv).listens) == 2


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["--port", "7070"], "--token-sha256 must be 64"),
        (["--token-sha256", "zz"], "--token-sha256 must be 64"),
        (["--token-sha256", DIGEST, "--port", "x"], "--port x is not between"),
        (["--token-sha256", DIGEST, "--port", "70000"], "--port 70000 is not between"),
        (["--token-sha256"], "--token-sha256 needs a value"),
        (["--loud", "1"], "unknown argument '--loud'"),
        (["--listen", "sctp:80"], "starts with none of tcp, udp"),
        (["--listen", "tcp:0"], "--listen 0 is not between"),
        (["--listen", "tcp:80>web"], "has no port"),
        (["--listen", "tcp:80="], "'tcp:80=' leads nowhere"),
        (["--listen", "tcp:80+"], "leads nowhere"),
        (["--listen", "udp:80+10.0.0.1:80"], "datagrams are not copied"),
        (["--listen", "tcp:80", "--listen", "tcp:80>10.0.0.1:80"], "tcp port 80 twice"),
        (["--listen", "tcp:7070"], "tcp port 7070 twice"),
        (["--guard", "ns/lease"], "--guard ns/lease is not namespace/lease/seconds"),
        (["--guard", "ns//60"], "is not namespace/lease/seconds"),
        (["--guard", "ns/lease/soon"], "'soon' is not a number of seconds"),
    ],
)
def test_wrong_orders_are_named(argv, why):
    rest = [] if "--token-sha256" in argv or argv[0] == "--port" else ["--token-sha256", DIGEST]
    with pytest.raises(UsageError, match=why):
        AgentSpec.from_argv(argv + rest)


def test_a_port_may_show_whether_there_is_a_laptop():
    spec = AgentSpec(DIGEST, 7070, (Listen("tcp", 8080),), ready=20000)
    assert spec.to_argv()[-2:] == ["--ready", "20000"]
    assert AgentSpec.from_argv(spec.to_argv()) == spec
    with pytest.raises(UsageError, match="twice"):
        AgentSpec.from_argv([*spec.to_argv(), "--listen", "tcp:20000"])
