from ktconnect.kube.asking import at, at_new, at_own, selectors, typed

WEB = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "demo"}}


def test_a_subresource_is_part_of_the_path_and_of_the_right():
    path, asked = at("get", "v1/Pod", "demo", "web", "log")
    assert path == "/api/v1/namespaces/demo/pods/web/log"
    assert asked.right == "get pods/log in namespace demo"


def test_a_new_object_is_posted_to_its_collection_but_named_in_errors():
    path, asked = at_new(WEB)
    assert path == "/api/v1/namespaces/demo/services"
    assert str(asked) == "services/web in namespace demo"


def test_an_object_knows_its_own_place():
    path, asked = at_own("patch", WEB)
    assert path == "/api/v1/namespaces/demo/services/web"
    assert asked.verb == "patch"


def test_only_selectors_that_say_something_are_sent():
    assert selectors("", "") == {}
    assert selectors("a=b", "metadata.name=x") == {
        "labelSelector": "a=b",
        "fieldSelector": "metadata.name=x",
    }


def test_an_item_of_a_list_gets_its_kind_back():
    page = {"apiVersion": "v1", "kind": "ServiceList"}
    assert typed({"metadata": {}}, page) == {"apiVersion": "v1", "kind": "Service", "metadata": {}}
