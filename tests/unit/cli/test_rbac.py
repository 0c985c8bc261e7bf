import json

import pytest
import yaml

from ktconnect.cli.main import run
from ktconnect.objects.rights import CLEAN, STATUS, role


def test_the_role_can_be_piped_into_kubectl(capsys):
    assert run(["rbac", "print", "clean", "-n", "shop"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == role("ktctl-clean", "shop", CLEAN)


@pytest.mark.parametrize("before", [True, False])
def test_shared_flags_may_stand_before_the_command(capsys, before):
    flags = ["-n", "shop", "-o", "json"]
    command = ["rbac", "print", "status"]
    assert run([*flags, *command] if before else [*command, *flags]) == 0
    assert json.loads(capsys.readouterr().out) == role("ktctl-status", "shop", STATUS)


def test_it_prints_what_setup_asks_for(capsys):
    assert run(["rbac", "print", "setup", "--scalable", "rollouts.argoproj.io"]) == 0
    assert "rollouts/scale" in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys):
    assert run(["rbac", "print", "dance"]) == 2
    assert "dance is no command" in capsys.readouterr().err
