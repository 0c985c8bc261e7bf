import pytest

from ktconnect.cli.exchange import exchange, spec_of
from ktconnect.cli.main import run
from ktconnect.cli.options import take_shared
from ktconnect.errors import UsageError


def parsed(*argv):
    with exchange.make_context("exchange", list(argv)) as context:
        return spec_of(context.params, take_shared(context).cluster)


def test_what_is_said_reaches_the_mode():
    spec = parsed(
        "web", "svc/api", "--expose", "web=8080:80,9000:http", "--log", "--proxyProtocol",
        "--restoreAfter", "30", "--takeover", "--skipPortChecking",
    )  # fmt: skip
    assert spec.targets == ("web", "svc/api")
    assert [each.remote for each in spec.exposes] == ["80", "http"]
    serving = spec.serving
    assert (serving.log, serving.proxy_protocol, serving.restore_after) == (True, True, 30.0)
    assert (serving.takeover, serving.skip_port_checking) == (True, True)


def test_little_needs_to_be_said():
    spec = parsed("web")
    assert (spec.exposes, spec.mode) == ((), "selector")
    assert spec.serving.restore_after == 60.0


def test_a_port_that_cant_be_meant_is_told():
    with pytest.raises(UsageError, match="not a port"):
        parsed("web", "--expose", "99999")


def test_the_mode_that_never_worked_is_explained_and_another_one_offered(capsys):
    assert run(["exchange", "pod/web-0", "--mode", "ephemeral"]) == 2
    told = capsys.readouterr().err
    assert "NET_ADMIN" in told
    assert "ktctl exchange pod/web-0" in told


def test_a_target_must_be_said(capsys):
    assert run(["exchange"]) == 2
    assert "Missing argument" in capsys.readouterr().err
