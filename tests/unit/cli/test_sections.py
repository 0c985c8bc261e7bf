import click
import pytest
from click.testing import CliRunner

from ktconnect.cli.main import SETTINGS, ktctl
from ktconnect.cli.sections import Sectioned, flag


def help_of(*words):
    return CliRunner().invoke(ktctl, [*words, "-h"], terminal_width=100).output


def sections(text):
    """The flags that stand under each heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            heading = line[:-1]
            found[heading] = []
        elif line.startswith("  -") and heading:
            found[heading].append(next(w for w in line.split() if w.startswith("--")))
    return found


def test_a_commands_own_flags_come_first_and_shared_ones_under_headings():
    found = sections(help_of("mesh"))
    assert list(found) == ["Options", "Session", "Router", "Cluster", "Agent", "General"]
    assert found["Options"] == ["--expose", "--mode", "--versionMark", "--match", "--dryRun"]
    assert "--takeover" in found["Session"]
    assert found["Router"] == ["--routerImage", "--routerReplicas"]
    assert found["General"] == ["--output", "--debug", "--help"]


def test_explain_has_flags_of_an_agent_for_live_alone():
    found = sections(help_of("explain"))
    assert list(found) == ["Options", "Cluster", "General", "Agent of --live"]
    assert "--image" in found["Agent of --live"]
    assert "--ipVersion" not in found["Agent of --live"]


@pytest.mark.parametrize("command", ["clean", "recover", "setup", "birdseye", "status", "ps"])
def test_what_starts_no_agent_shows_no_flags_of_one(command):
    assert "--image" not in help_of(command)


@pytest.mark.parametrize("command", ["exchange", "mesh", "mirror", "preview"])
def test_families_of_addresses_are_for_those_who_know_them(command):
    assert "--ipVersion" not in help_of(command)
    assert "--ipVersion" in help_of("connect")


def test_what_is_kept_for_old_scripts_is_taken_and_not_shown():
    assert "--useShadowDeployment" not in help_of("connect")
    assert "--useShadowDeployment" not in help_of()


def test_the_commands_come_before_the_flags_that_they_share():
    shown = help_of()
    assert shown.index("Commands:") < shown.index("Cluster:") < shown.index("Agent:")


def test_a_heading_alone_says_nothing():
    @click.command(cls=Sectioned, context_settings=SETTINGS)
    @flag("--quiet", section="General")
    def run(quiet):
        pass

    assert list(sections(CliRunner().invoke(run, ["-h"]).output)) == ["Options"]
