from dataclasses import replace
from ipaddress import ip_address

from ktconnect.host.plan import HostPlan
from ktconnect.host.ruleset import nft_ruleset

PLAN = HostPlan("7f3a", "kt0", (ip_address("198.18.0.1"),), (), (15001, 15002))


def test_what_is_routed_to_our_device_is_redirected():
    assert (
        nft_ruleset(PLAN)
        == """\
table inet ktctl_7f3a {
  flags owner;
  chain output {
    type nat hook output priority -100; policy accept;
    oifname "kt0" meta nfproto ipv4 meta l4proto tcp redirect to :15001;
    oifname "kt0" meta nfproto ipv6 meta l4proto tcp redirect to :15002;
  };
};
"""
    )


def test_forwarded_traffic_is_caught_on_request_by_asking_for_its_route():
    added = """\
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    fib daddr oifname "kt0" meta nfproto ipv4 meta l4proto tcp redirect to :15001;
    fib daddr oifname "kt0" meta nfproto ipv6 meta l4proto tcp redirect to :15002;
  };
"""
    assert added in nft_ruleset(replace(PLAN, forwarded=True))


def test_a_family_without_a_listener_has_no_rule():
    assert "ipv6" not in nft_ruleset(replace(PLAN, redirect_ports=(15001, 0)))
