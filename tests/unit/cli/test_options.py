import click
import pytest

from ktconnect.cli.main import SETTINGS
from ktconnect.cli.options import shared_options, take_shared
from ktconnect.errors import UsageError


def parse(*args):
    taken = []

    @click.group(context_settings=SETTINGS)
    @shared_options
    def group(**_):
        pass

    @group.command()
    @shared_options
    @click.pass_context
    def run(context, /, **_):
        taken.append(take_shared(context))

    group.main(args, standalone_mode=False)
    return taken[0]


def test_shared_flags_may_stand_before_or_after_the_command():
    before = parse("-n", "demo", "--image", "x/python:3", "run")
    after = parse("run", "-n", "demo", "--image", "x/python:3")
    assert before == after
    assert before.cluster.namespace == "demo"
    assert before.cluster.agent.image == "x/python:3"


def test_what_stands_after_the_command_wins():
    assert parse("-n", "one", "run", "-n", "two").cluster.namespace == "two"


def test_without_flags_the_defaults_hold():
    shared = parse("run")
    assert shared.cluster.namespace == ""
    assert shared.cluster.agent.image == "python:3-alpine"
    assert shared.cluster.agent.pull_policy == "IfNotPresent"
    assert shared.cluster.pod_creation_timeout == 60
    assert (shared.output, shared.debug) == ("text", False)


def test_all_choices_about_the_agent_are_taken():
    agent = parse(
        "run", "-f", "--imagePullSecret", "s", "--serviceAccount", "sa",
        "--nodeSelector", "pool=a", "--podQuota", "1c,64m",
    ).cluster.agent  # fmt: skip
    assert agent.pull_policy == "Always"
    assert (agent.pull_secret, agent.service_account) == ("s", "sa")
    assert agent.node_selector == (("pool", "a"),)
    assert dict(agent.quota) == {"cpu": "1", "memory": "64Mi"}


@pytest.mark.parametrize(
    "args",
    [
        ("-n", "No_Such"),
        ("--withLabel", "novalue"),
        ("--nodeSelector", "a b=c"),
        ("--image", ""),
        ("--image", "two words"),
        ("--podQuota", "lots"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(args):
    with pytest.raises(UsageError):
        parse("run", *args)
