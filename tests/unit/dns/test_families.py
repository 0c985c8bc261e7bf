import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.dns.messages import answers, query, read, response

from ktconnect.dns.families import of_family

DOMAIN = "cluster.local"
WEB = "web.shop.svc.cluster.local"
V4, V6 = f"{WEB}. 30 IN A 10.96.0.1", f"{WEB}. 30 IN AAAA fd00::1"
SOA = "cluster.local. 30 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 2 3 4 5"


@pytest.mark.parametrize(("version", "qtype", "row"), [(4, "AAAA", V6), (6, "A", V4)])
def test_the_other_family_is_no_data_of_a_name_that_exists(version, qtype, row):
    reply = read(of_family(response(query(WEB, qtype, edns=1232), row), version, DOMAIN))
    assert (reply.rcode(), reply.answer, reply.edns) == (0, [], 0)
    assert reply.question[0].name.to_text() == f"{WEB}."


@pytest.mark.parametrize(("version", "qtype", "row"), [(4, "A", V4), (6, "AAAA", V6), (0, "A", V4)])
def test_the_family_that_is_led_there_stays_to_the_byte(version, qtype, row):
    said = response(query(WEB, qtype), row)
    assert of_family(said, version, DOMAIN) is said


def test_of_any_records_the_others_stay():
    said = response(query(WEB, "ANY"), V4, V6, authority=(SOA,))
    left = of_family(said, 4, DOMAIN)
    assert answers(left) == [V4]
    assert [rrset.to_text() for rrset in read(left).authority] == [SOA]


def test_a_name_of_the_internet_behind_one_of_the_cluster_keeps_its_addresses():
    rows = (f"{WEB}. 5 IN CNAME www.example.com.", "www.example.com. 5 IN AAAA 2001:db8::1")
    said = response(query(WEB, "AAAA"), *rows)
    assert of_family(said, 4, DOMAIN) is said


def test_a_name_of_the_cluster_behind_another_loses_them():
    alias = "alias.shop.svc.cluster.local. 5 IN CNAME WEB.shop.svc.Cluster.local."
    said = response(query("alias.shop.svc.cluster.local", "AAAA"), alias, V6)
    assert [line.split()[3] for line in answers(of_family(said, 4, DOMAIN))] == ["CNAME"]


def test_names_that_only_end_alike_are_not_the_clusters():
    said = response(query("my-cluster.local", "AAAA"), "my-cluster.local. 5 IN AAAA 2001:db8::1")
    assert of_family(said, 4, DOMAIN) is said


@given(st.integers(0, 80), st.binary(max_size=6))
def test_a_damaged_response_is_somebody_elses_affair(at, damage):
    said = response(query(WEB, "AAAA"), V6)
    broken = said[:at] + damage + said[at + len(damage) :]
    assert isinstance(of_family(broken, 4, DOMAIN), bytes)
    assert of_family(said[:at][:30], 4, DOMAIN) == said[:at][:30]
