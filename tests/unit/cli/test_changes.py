from tests.unit.rules.test_envoy import PLAN

from ktconnect.cli.changes import as_yaml, change_lines, summed_up
from ktconnect.rules.envoy import router_files

FILES = router_files(PLAN)
NAME = "rds-80.json"
FEWER = FILES[NAME].replace('"exact":"ann"', '"exact":"eve"')
KEY = f"v1/ConfigMap/shop/web-kt-router#/data/{NAME}"


def test_a_change_is_one_line():
    assert change_lines("a#/b", None, {"x": 1}) == ['a#/b: absent -> {"x": 1}']
    assert change_lines("a#/b", "one", "two") == ['a#/b: "one" -> "two"']


def test_a_routers_files_are_told_by_what_comes_and_goes():
    head, gone, come = change_lines(KEY, FILES[NAME], FEWER)
    assert head == f"{KEY}:"
    assert gone.startswith("  - ")
    assert "=eve" in come
    assert change_lines(KEY, FILES[NAME], FILES[NAME]) == []


def test_a_new_routers_files_are_summed_up():
    made = {"apiVersion": "v1", "kind": "ConfigMap", "data": dict(FILES)}
    lines = as_yaml(summed_up(made)).splitlines()
    assert max(map(len, lines)) < 200
    assert any("characters)" in line for line in lines)
    assert any("exact=ann → " in line for line in lines)


def test_all_else_is_shown_as_it_is():
    plain = {"kind": "ConfigMap", "data": {"a": "b"}}
    assert summed_up(plain) == plain
    assert summed_up({"kind": "Service"}) == {"kind": "Service"}
