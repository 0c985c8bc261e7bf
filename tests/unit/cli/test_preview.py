import pytest

from ktconnect.cli.main import run
from ktconnect.cli.options import take_shared
from ktconnect.cli.preview import preview, spec_of
from ktconnect.errors import UsageError


def parsed(*argv):
    with preview.make_context("preview", list(argv)) as context:
        return spec_of(context.params, take_shared(context).cluster)


def test_what_is_said_reaches_the_mode():
    spec = parsed("svc/mine", "--expose", "8080:80,53/udp", "--external", "--log")
    assert (spec.name, spec.external, spec.serving.log) == ("mine", True, True)
    assert [each.remote for each in spec.exposes] == ["80", "53"]


def test_a_name_that_no_service_can_have_is_told():
    with pytest.raises(UsageError, match="can't be the name of a Service"):
        parsed("Mine", "--expose", "80")


def test_a_port_must_be_said(capsys):
    assert run(["preview", "mine"]) == 2
    assert "--expose" in capsys.readouterr().err
