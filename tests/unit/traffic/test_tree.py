import json

from hypothesis import given
from hypothesis import strategies as st

from ktconnect.traffic.tree import ABSENT, Leaf, differences

TEXT = st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def test_each_place_that_differs_is_named_by_its_path():
    left = {
        "total": 3,
        "items": [{"price": 1, "tax": None}, {"price": 2}],
        "user-id": "a",
        "x y": 1,
    }
    right = {"total": 3.0, "items": [{"price": 1}], "user-id": "b", "x y": True, "new": None}
    assert list(differences(left, right)) == [
        Leaf("$.items[0].tax", None, ABSENT),
        Leaf("$.items[1]", {"price": 2}, ABSENT),
        Leaf("$.user-id", "a", "b"),
        Leaf('$["x y"]', 1, True),
        Leaf("$.new", ABSENT, None),
    ]
    assert repr(ABSENT) == "absent"


def test_another_kind_of_value_is_one_difference():
    assert list(differences({"a": [1]}, {"a": {"b": 1}})) == [Leaf("$.a", [1], {"b": 1})]
    assert list(differences([1], [1, 2])) == [Leaf("$[1]", ABSENT, 2)]


@given(VALUES)
def test_a_value_is_no_different_from_itself(value):
    assert list(differences(value, json.loads(json.dumps(value)))) == []
