import pytest

from ktconnect.errors import UsageError
from ktconnect.wire.spec import AgentSpec

DIGEST = "0f" * 32


def test_orders_survive_the_command_line():
    spec = AgentSpec(DIGEST, port=7171)
    assert AgentSpec.from_argv(spec.to_argv()) == spec


def test_the_port_has_a_default():
    assert AgentSpec.from_argv(["--token-sha256", DIGEST]).port == 7070


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["--port", "7070"], "--token-sha256 must be 64"),
        (["--token-sha256", "zz"], "--token-sha256 must be 64"),
        (["--token-sha256", DIGEST, "--port", "x"], "--port x is not between"),
        (["--token-sha256", DIGEST, "--port", "70000"], "--port 70000 is not between"),
        (["--token-sha256"], "--token-sha256 needs a value"),
        (["--loud", "1"], "unknown argument '--loud'"),
    ],
)
def test_wrong_orders_are_named(argv, why):
    with pytest.raises(UsageError, match=why):
        AgentSpec.from_argv(argv)
