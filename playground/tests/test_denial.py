"""Denials as nft text."""

from playground.denial import ruleset


def test_each_family_is_denied_by_a_rule_of_its_own() -> None:
    text = ruleset([(["10.0.0.1", "fd00::1"], ["10.1.0.0/16", "fd01::/64"])])
    assert "ip saddr { 10.0.0.1 } ip daddr { 10.1.0.0/16 } drop" in text
    assert "ip6 saddr { fd00::1 } ip6 daddr { fd01::/64 } drop" in text


def test_a_pair_without_a_common_family_makes_no_rule() -> None:
    assert "saddr" not in ruleset([(["10.0.0.1"], ["fd01::/64"])])


def test_the_table_is_replaced_as_a_whole() -> None:
    assert ruleset([]).startswith("table inet playground_denials {}\ndelete table")
