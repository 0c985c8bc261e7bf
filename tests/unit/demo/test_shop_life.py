import json
import sys

import pytest
import yaml
from places import DemoFailed, Place, own_cluster
from shop_life import ALL, claim, manifests, wait_until_ready

KUBECTL = """
import json, sys
with open(sys.argv[1] + "/asked", "a") as asked:
    print(*sys.argv[2:], file=asked)
print(open(sys.argv[1] + "/answer").read())
"""


@pytest.fixture
def cluster(tmp_path):
    """A cluster that answers each question alike."""
    return Place((sys.executable, "-c", KUBECTL, str(tmp_path)), (), (), ())


def answer(tmp_path, value):
    (tmp_path / "answer").write_text(json.dumps(value))


def pod(app, *, ready=True, waiting=None):
    state = {"waiting": waiting} if waiting else {"running": {}}
    return {
        "kind": "Pod",
        "metadata": {"name": f"{app}-1", "labels": {"app": app}},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [
                {"name": app, "image": "redis:7", "ready": ready, "state": state}
            ],
        },
    }


def test_a_shop_is_ready_when_each_service_has_a_pod_that_is(tmp_path, cluster):
    answer(tmp_path, {"items": [pod(app) for app in ALL]})
    wait_until_ready(cluster, 0)
    answer(tmp_path, {"items": [pod(app) for app in ALL[1:]]})
    with pytest.raises(DemoFailed, match=f"not ready in 0 s: {ALL[0]}$"):
        wait_until_ready(cluster, 0)


def test_an_image_that_can_not_be_pulled_is_told_at_once_and_what_to_do(tmp_path, cluster):
    waiting = {"reason": "ErrImagePull", "message": "no such host"}
    answer(tmp_path, {"items": [pod("redis", ready=False, waiting=waiting)]})
    with pytest.raises(DemoFailed, match=r"ErrImagePull: image redis:7: no such host\n.*REDIS_IM"):
        wait_until_ready(cluster)


def test_why_a_workload_may_make_no_pod_is_told(tmp_path, cluster):
    reason = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "cart", "labels": {"app": "cart"}},
        "status": {"conditions": [reason | {"message": "exceeded quota"}]},
    }
    answer(tmp_path, {"items": [deployment]})
    with pytest.raises(DemoFailed, match="cart does not start: FailedCreate: exceeded quota"):
        wait_until_ready(cluster)


def test_a_namespace_of_somebody_else_is_not_touched(tmp_path, cluster):
    answer(tmp_path, {"metadata": {"name": "shop"}, "status": {"phase": "Active"}})
    with pytest.raises(DemoFailed, match=r"not the demo's: nothing was changed"):
        claim(cluster)
    assert (tmp_path / "asked").read_text().count("\n") == 1


def test_the_namespace_of_the_last_run_is_waited_for_while_it_goes(tmp_path, cluster):
    labels = {"app.kubernetes.io/part-of": "ktctl-demo"}
    answer(tmp_path, {"metadata": {"labels": labels}, "status": {"phase": "Terminating"}})
    claim(cluster)
    assert "wait --for=delete namespace/shop" in (tmp_path / "asked").read_text()


def test_on_a_cluster_of_the_user_all_images_are_those_that_were_named(monkeypatch, tmp_path):
    for name in ("kubectl", "ktctl", "sudo"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for kind in ("PYTHON", "REDIS", "ENVOY"):
        monkeypatch.setenv(f"{kind}_IMAGE", f"mirror.example/{kind.lower()}")
    place = own_cluster("mine")
    assert place.command("mesh")[-4:] == ["--context", "mine", "--image", "mirror.example/python"]
    assert place.router == ("--routerImage", "mirror.example/envoy")
    pods = [
        each["spec"]["template"]
        for each in yaml.safe_load_all(manifests(place))
        if "spec" in each and "template" in each["spec"]
    ]
    images = {each["spec"]["containers"][0]["image"] for each in pods}
    assert images == {"mirror.example/python", "mirror.example/redis"}
