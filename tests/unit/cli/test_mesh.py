from typing import Any

import pytest
from click.testing import CliRunner

from ktconnect import names
from ktconnect.cli.main import SETTINGS
from ktconnect.cli.mesh import mesh, spec_of
from ktconnect.errors import UsageError
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.agent import AgentPod

SPELLING: dict[str, Any] = SETTINGS
"""Flags in any case."""


def parsed(*argv):
    """The flags as click reads them."""
    with mesh.make_context("mesh", list(argv), **SPELLING) as context:
        return context.params


def spec(*argv, cluster=None):
    return spec_of(parsed(*argv), cluster or ClusterSpec())


def test_flags_of_kt_connect_mean_what_they_meant():
    found = spec("tomcat", "--expose", "8080", "--mode", "manual", "--versionMark", "user:ann")
    assert found.targets == ("tomcat",)
    assert found.mode == "manual"
    assert found.mark == "user:ann"
    assert [each.remote for each in found.exposes] == ["8080"]


def test_a_router_is_chosen_and_has_what_goes_for_the_agent():
    pod = AgentPod(pull_secret="s", node_selector=(("zone", "a"),))
    argv = ("web", "--routerImage", "envoy:1", "--routerReplicas", "2")
    found = spec(*argv, cluster=ClusterSpec(agent=pod)).router
    assert (found.image, found.replicas) == ("envoy:1", 2)
    assert (found.pull_secret, found.node_selector) == ("s", (("zone", "a"),))
    assert spec("web").router.image == names.ROUTER_IMAGE


def test_matches_are_alternatives():
    found = spec("web", "--match", "cookie:user=ann,path:/api", "--match", "header:x=1")
    assert found.matches == ("cookie:user=ann,path:/api", "header:x=1")
    assert found.mode == "auto"
    assert found.mark == ""


def test_what_can_not_be_meant_is_refused():
    with pytest.raises(UsageError):
        spec("web", "--expose", "99999")
    done = CliRunner().invoke(mesh, ["web", "--mode", "magic"], **SPELLING)
    assert done.exit_code == 2
    assert "magic" in done.output


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_mark_is_a_variable_that_is_not_set(text):
    with pytest.raises(UsageError, match="--versionMark is empty") as caught:
        spec("web", "--versionMark", text)
    assert "1 to 63 characters" in caught.value.hint
    assert spec("web").mark == ""
