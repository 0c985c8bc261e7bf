"""`explain`: what it says of a shared Service, and that the requests it sends go just there."""

import pytest
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.exchanging import Shop, serving
from tests.cluster.sharing import meshed
from tests.cluster.taking import nothing_of_ours, printed_rules

pytestmark = pytest.mark.cluster


def explained(cluster, namespace, *flags, env=None):
    """What it says, as a program reads it."""
    image = ("--image", cluster.state.images["python"])
    words = ("explain", "web", "-n", namespace, *image, "-o", "json", *flags)
    done = run_ktctl(cluster, *words, env=env)
    assert done.code == 0, done.stdout + done.stderr
    return done.events[-1]


def hop(said, at):
    [found] = [each for each in said["hops"] if each["at"] == at]
    return found


def test_what_is_sent_goes_where_it_was_explained_to_go(cluster, namespace):
    shop = Shop(cluster, namespace)
    with meshed(cluster, namespace, "ci") as [session]:
        marked = explained(cluster, namespace, "--header", "VERSION: ci", "--live")
        assert (marked["answer"]["by"], marked["answer"]["mark"]) == ("laptop", "ci")
        assert marked["live"]["servedBy"] == "ci"
        assert marked["live"]["asExplained"] is True
        other = explained(cluster, namespace, "--header", "VERSION: CI", "--live")
        assert other["answer"]["by"] == "origin"
        assert other["live"]["asExplained"] is True
        [missed] = [line for line in hop(other, "router")["why"] if line.startswith("ci of ")]
        assert missed.endswith("header VERSION is 'CI', the rule wants 'ci'")
        assert session.stop() == 0
    wait_until(lambda: nothing_of_ours(cluster, namespace), within=15)
    plain = explained(cluster, namespace, "--header", "VERSION: ci")
    assert sorted(plain["answer"]["pods"]) == sorted(
        each["metadata"]["name"] for each in shop.get("pods", "-l", "app=web")["items"]
    )


def test_an_exchange_is_seen_with_the_rights_for_looking_alone(cluster, namespace, limited_user):
    Shop(cluster, namespace)
    who = {"KUBECONFIG": str(limited_user(printed_rules("explain")))}
    with serving(
        cluster, namespace, "exchange", "web", "--expose", "8080:80", "--skipPortChecking"
    ):
        said = explained(cluster, namespace, env=who)
        assert said["answer"]["by"] == "laptop"
        assert said["answer"]["session"] == "kt-exchange-web"
    assert explained(cluster, namespace, env=who)["answer"]["by"] == "origin"
