import pytest

from ktconnect.dns.expansion import expand, search_list

SEARCH = search_list("default", "cluster.local")


def test_the_search_list_is_that_of_a_pod():
    assert SEARCH == ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alibaba", ["alibaba.default.svc.cluster.local", "alibaba"]),
        (
            "alibaba.ci",
            ["alibaba.ci.svc.cluster.local", "alibaba.ci.default.svc.cluster.local", "alibaba.ci"],
        ),
        (
            "pod-0.alibaba.ci",
            [
                "pod-0.alibaba.ci",
                "pod-0.alibaba.ci.svc.cluster.local",
                "pod-0.alibaba.ci.cluster.local",
            ],
        ),
        ("pod-0.alibaba.ci.svc", ["pod-0.alibaba.ci.svc", "pod-0.alibaba.ci.svc.cluster.local"]),
        ("alibaba.ci.svc.cluster.local", ["alibaba.ci.svc.cluster.local"]),
    ],
)
def test_a_name_is_expanded_by_its_number_of_labels(name, expected):
    assert expand(name, SEARCH) == tuple(expected)


def test_a_search_suffix_of_the_laptop_is_cut_off_first():
    assert expand("web.corp.example", SEARCH, ["corp.example"]) == expand("web", SEARCH)
    assert expand("web.corp.example", SEARCH, ["else.example"])[0] == "web.corp.example"
