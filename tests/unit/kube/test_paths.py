import pytest

from ktconnect.errors import UsageError
from ktconnect.kube.paths import KINDS, Resource, kind_of, resource_of, split_key

ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts")


@pytest.mark.parametrize(
    ("kind", "where", "path"),
    [
        ("v1/Pod", ("demo", "web"), "/api/v1/namespaces/demo/pods/web"),
        ("v1/Pod", ("demo", "web", "log"), "/api/v1/namespaces/demo/pods/web/log"),
        ("v1/Pod", (), "/api/v1/pods"),
        ("v1/Node", ("", "n1"), "/api/v1/nodes/n1"),
        ("v1/Node", ("ignored", "n1"), "/api/v1/nodes/n1"),
        ("apps/v1/Deployment", ("demo",), "/apis/apps/v1/namespaces/demo/deployments"),
    ],
)
def test_a_kind_has_its_place_in_the_api(kind, where, path):
    assert resource_of(kind).path(*where) == path


def test_a_name_can_not_leave_its_place():
    assert resource_of("v1/Pod").path("a/b", "../x").endswith("namespaces/a%2Fb/pods/..%2Fx")


def test_an_object_of_a_namespaced_kind_needs_its_namespace():
    with pytest.raises(ValueError, match="live in namespaces"):
        resource_of("v1/Pod").path("", "web")


def test_a_kind_that_the_table_lacks_can_be_described():
    widget = Resource("example.org", "v1", "widgets")
    assert resource_of(widget).path("demo") == "/apis/example.org/v1/namespaces/demo/widgets"


def test_an_unknown_kind_is_refused_with_an_example():
    with pytest.raises(UsageError, match="unknown kind 'v1/Foo'") as caught:
        resource_of("v1/Foo")
    assert "apps/v1/Deployment" in caught.value.hint


def test_the_kind_of_a_manifest_is_its_version_and_kind():
    assert kind_of({"apiVersion": "apps/v1", "kind": "Deployment"}) == "apps/v1/Deployment"


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("v1/Service/demo/web", ("v1/Service", "demo", "web", "")),
        ("v1/ServiceAccount/demo/web", ("v1/ServiceAccount", "demo", "web", "")),
        ("apps/v1/Deployment/demo/web", ("apps/v1/Deployment", "demo", "web", "")),
        ("v1/Namespace/demo", ("v1/Namespace", "", "demo", "")),
        ("apps/v1/Deployment/demo/web/scale", ("apps/v1/Deployment", "demo", "web", "scale")),
        ("v1/Namespace/demo/status", ("v1/Namespace", "", "demo", "status")),
        ("argoproj.io/v1alpha1/rollouts/demo/web", (ROLLOUTS, "demo", "web", "")),
        (
            "k8s.example.org/v1/web-apps2/demo/web/scale",
            (Resource("k8s.example.org", "v1", "web-apps2"), "demo", "web", "scale"),
        ),
        (
            "argoproj.io/v1alpha1/rollouts/demo/web/scale",
            (ROLLOUTS, "demo", "web", "scale"),
        ),
    ],
)
def test_a_key_names_kind_namespace_and_name(key, parts):
    assert split_key(key) == parts


@pytest.mark.parametrize(
    "key",
    [
        "v1/Service/web",
        "v1/Service/demo/web/",
        "v1/Service/demo/web/scale/more",
        "v1/Nothing/demo/web",
        "v1/Namespace/",
        "argoproj.io/v1alpha1/Rollout/demo/web",
        "argoproj.io/v1alpha1/rollouts/web",
        "argoproj.io/v1alpha1/-rollouts/demo/web",
        "x",
    ],
)
def test_a_key_that_names_no_object_is_refused(key):
    with pytest.raises(UsageError, match="names no"):
        split_key(key)


def test_every_kind_of_the_table_ends_in_a_name_with_a_capital():
    assert all(kind.rpartition("/")[2][0].isupper() for kind in KINDS)
