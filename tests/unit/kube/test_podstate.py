from typing import Any

import pytest

from ktconnect.kube.podstate import (
    Broken,
    Ready,
    Waiting,
    described,
    failed_creation,
    verdict,
)


def container(**state: Any) -> dict[str, Any]:
    return {"name": "c", "image": "img", "ready": False, "state": state}


def pod(
    *containers: dict[str, Any], conditions: tuple[dict[str, Any], ...] = (), **status: Any
) -> dict[str, Any]:
    return {
        "status": {"conditions": list(conditions), "containerStatuses": list(containers), **status}
    }


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def test_a_pod_that_says_so_is_ready():
    assert verdict(pod(conditions=(condition("Ready", "True"),))) == Ready()


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ({}, "Pending"),
        (
            pod(conditions=(condition("PodScheduled", "False", "SchedulingGated"),)),
            "SchedulingGated",
        ),
        (pod(container(waiting={"reason": "ContainerCreating"})), "container c: ContainerCreating"),
        (pod(container(running={})), "container c runs, but is not ready"),
        (pod({**container(), "ready": True}, phase="Running"), "Running"),
    ],
)
def test_a_pod_on_its_way_is_described(found, state):
    assert verdict(found) == Waiting(state)


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]
)
def test_an_image_that_can_not_be_had_is_told_at_once(reason):
    found = verdict(pod(container(waiting={"reason": reason, "message": "no such thing"})))
    assert isinstance(found, Broken)
    assert (found.reason, found.message, found.grace) == (reason, "image img: no such thing", 0)
    assert "--image" in found.hint


def test_a_container_that_can_not_be_made_is_told_at_once():
    waiting = {"reason": "CreateContainerConfigError", "message": 'configmap "x" not found'}
    found = verdict(pod(container(waiting=waiting)))
    assert isinstance(found, Broken)
    assert found.message == 'configmap "x" not found'


def test_an_init_container_counts_too():
    waiting = container(waiting={"reason": "RunContainerError"})
    found = verdict(pod(initContainerStatuses=[waiting]))
    assert isinstance(found, Broken)
    assert found.message == "RunContainerError"


def test_a_crash_names_its_exit_code_and_whose_log_to_read():
    crashed = container(waiting={"reason": "CrashLoopBackOff"})
    crashed["lastState"] = {"terminated": {"exitCode": 3, "reason": "Error"}}
    found = verdict(pod(crashed))
    assert isinstance(found, Broken)
    assert (found.message, found.crashed) == ("container c ended with 3 (Error)", "c")
    bare = verdict(pod(container(waiting={"reason": "CrashLoopBackOff"})))
    assert isinstance(bare, Broken)
    assert bare.message == "container c ended with ?"


def test_a_scheduler_and_a_failed_pod_get_a_moment():
    unschedulable = condition("PodScheduled", "False", "Unschedulable", "Insufficient cpu")
    found = verdict(pod(conditions=(unschedulable,)))
    assert isinstance(found, Broken)
    assert found.message == "Insufficient cpu"
    assert found.grace > 0
    evicted = verdict(pod(phase="Failed", reason="Evicted", message="low on memory"))
    assert isinstance(evicted, Broken)
    assert (evicted.reason, evicted.message) == ("Evicted", "low on memory")
    assert evicted.grace > 0


def test_a_deployment_tells_why_it_can_make_no_pod():
    failure = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")
    found = failed_creation({"status": {"conditions": [condition("Available", "False"), failure]}})
    assert found
    assert (found.reason, found.message) == ("FailedCreate", "exceeded quota")
    assert failed_creation({"status": {}}) is None


@pytest.mark.parametrize(("name", "least", "most"), [("default", 10, 60), ("nope", 0, 3)])
def test_an_account_that_is_missing_is_named_soon_unless_a_controller_makes_it(name, least, most):
    message = f'error looking up service account n/{name}: serviceaccount "{name}" not found'
    failure = condition("ReplicaFailure", "True", "FailedCreate", message)
    found = failed_creation({"status": {"conditions": [failure]}})
    assert found
    assert least <= found.grace <= most
    assert f"ServiceAccount {name}" in found.hint
    assert "--serviceAccount" in found.hint


def test_each_verdict_has_words():
    verdicts = (Ready(), Waiting("Pending"), Broken("Crash", "ended with 1", "look"))
    assert [described(each) for each in verdicts] == ["ready", "Pending", "Crash: ended with 1"]


@pytest.mark.parametrize(
    ("notes", "started", "ready"),
    [
        ({"kt-ready": "with its laptop"}, True, True),
        ({"kt-ready": "with its laptop"}, False, False),
        ({}, True, False),
    ],
)
def test_an_agent_that_waits_for_its_laptop_to_be_ready_is_there_once_it_has_started(
    notes, started, ready
):
    """Else no laptop would come to it, and it would never be."""
    containers = [{"name": "c", "started": started}]
    found = {"metadata": {"annotations": notes}, "status": {"containerStatuses": containers}}
    assert isinstance(verdict(found), Ready) is ready
    assert not isinstance(verdict({**found, "status": {}}), Ready)
