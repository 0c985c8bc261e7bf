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


RULES = {
    "metadata": {"resourceVersion": "7"},
    "spec": {"http": [{"name": "kt-mesh-ci", "a": 1}, "odd", {"name": "a/b"}, {"route": []}]},
}
OURS = "/spec/http[name=kt-mesh-ci]"


def test_an_item_is_found_by_its_name_wherever_it_stands():
    assert value_at(RULES, OURS) == {"name": "kt-mesh-ci", "a": 1}
    assert value_at(RULES, f"{OURS}/a") == 1
    assert value_at(RULES, "/spec/http[name=a~1b]") == {"name": "a/b"}
    for pointer in ("/spec/http[name=other]", "/spec/tcp[name=x]", "/metadata[name=x]", "/x[y=z]"):
        assert value_at(RULES, pointer) is None


def test_an_item_is_changed_where_it_stands_if_that_is_still_so():
    item = {"name": "a/b"}
    assert patch_to(RULES, "/spec/http[name=a~1b]", None, item) == [
        {"op": "test", "path": "/spec/http/2", "value": item},
        {"op": "remove", "path": "/spec/http/2"},
    ]
    assert patch_to(RULES, f"{OURS}/a", 2, 1) == [
        {"op": "test", "path": "/spec/http/0/a", "value": 1},
        {"op": "replace", "path": "/spec/http/0/a", "value": 2},
    ]


def test_an_item_is_added_in_front_and_its_list_is_made_if_need_be():
    unchanged = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    added = {"op": "add", "path": "/spec/http/0", "value": {"name": "new"}}
    assert patch_to(RULES, "/spec/http[name=new]", {"name": "new"}, None) == [unchanged, added]
    bare = {"metadata": RULES["metadata"]}
    assert patch_to(bare, "/spec/http[name=new]", {"name": "new"}, None) == [
        unchanged,
        {"op": "add", "path": "/spec", "value": {}},
        {"op": "add", "path": "/spec/http", "value": []},
        added,
    ]


def test_a_list_goes_with_its_last_item():
    item = {"name": "kt-mesh-ci"}
    assert patch_to({"spec": {"http": [item]}}, OURS, None, item) == [
        {"op": "test", "path": "/spec/http", "value": [item]},
        {"op": "remove", "path": "/spec/http"},
    ]
