import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.mirror.spec import Keeping, MirrorSpec
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.rules.match import parse_match

PROXIED = ServingSpec(proxy_protocol=True)


def test_copies_are_read_only_if_somebody_asks_for_it():
    assert not Keeping().reads
    assert Keeping(diff=True).reads
    assert Keeping(record="a.har").reads


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"percent": 0}, "--percent"),
        ({"percent": 100.1}, "--percent"),
        ({"percent": float("nan")}, "--percent"),
        ({"keeping": Keeping(secrets=True)}, "--recordSecrets"),
        ({"keeping": Keeping(ignored=frozenset({"x"}))}, "--ignoreHeader"),
        ({"mode": "istio", "keeping": Keeping(diff=True)}, "--mode istio"),
        ({"mode": "gateway", "keeping": Keeping(diff=True)}, "--mode gateway"),
        ({"mode": "tcp", "keeping": Keeping(diff=True)}, "--diff: with --mode tcp"),
        ({"mode": "tcp", "keeping": Keeping(record="a")}, "--record: with --mode tcp"),
        ({"serving": PROXIED, "keeping": Keeping(diff=True)}, "--proxyProtocol"),
        ({"mode": "tcp", "percent": 5}, "--percent: with --mode tcp"),
        ({"mode": "tcp", "matches": (parse_match("path:/a"),)}, "--match: with --mode tcp"),
    ],
)
def test_what_excludes_each_other_is_said(given, flag):
    with pytest.raises(UsageError, match=flag):
        MirrorSpec("web", **given)


def test_what_goes_together_is_taken():
    keeping = Keeping(diff=True, record="a.har", secrets=True, ignored=frozenset({"x"}))
    assert MirrorSpec("web", keeping=keeping, percent=0.5, mode="router").percent == 0.5
    assert MirrorSpec("web", keeping=Keeping(record="a.har"), mode="istio").mode == "istio"
    assert MirrorSpec("web", mode="tcp").keeping == Keeping()
