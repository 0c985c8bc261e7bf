from ktconnect.kube.pointer import field_at, patch_to, value_at

THING = {
    "metadata": {"resourceVersion": "7", "annotations": {"a/b": "1", "c~d": "2"}},
    "spec": {"ports": [{"port": 80}]},
}


def test_a_pointer_leads_through_mappings_and_lists():
    assert value_at(THING, "/spec/ports/0/port") == 80
    assert value_at(THING, "/metadata/annotations/a~1b") == "1"
    assert value_at(THING, "/metadata/annotations/c~0d") == "2"


def test_a_pointer_that_leads_nowhere_gives_none():
    for pointer in ("/nope", "/spec/ports/1", "/spec/ports/x", "/spec/ports/0/port/deeper"):
        assert value_at(THING, pointer) is None


def test_a_known_value_is_tested_and_replaced():
    assert patch_to(THING, "/spec/ports", [], [{"port": 80}]) == [
        {"op": "test", "path": "/spec/ports", "value": [{"port": 80}]},
        {"op": "replace", "path": "/spec/ports", "value": []},
    ]


def test_a_known_value_is_tested_and_removed():
    assert patch_to(THING, "/spec", None, {}) == [
        {"op": "test", "path": "/spec", "value": {}},
        {"op": "remove", "path": "/spec"},
    ]


def test_an_absent_value_is_added_with_its_parents_if_the_object_is_unchanged():
    assert patch_to(THING, "/metadata/labels/x", "y", None) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "add", "path": "/metadata/labels", "value": {}},
        {"op": "add", "path": "/metadata/labels/x", "value": "y"},
    ]


def test_removing_what_is_absent_only_tests():
    assert patch_to(THING, "/nope", None, None) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    ]


def test_a_scale_that_says_nothing_says_0():
    scale = {"kind": "Scale", "spec": {}}
    assert field_at(scale, "/spec/replicas") == 0
    assert field_at({**scale, "spec": {"replicas": 2}}, "/spec/replicas") == 2
    assert field_at({"kind": "Deployment", "spec": {}}, "/spec/replicas") is None
    assert field_at(scale, "/spec/other") is None
