from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.kube.client import Cluster
from ktconnect.kube.paths import Resource
from ktconnect.kube.scalable import scalable_kind, scalable_word

ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts")
RESOURCES = [
    {"name": "rollouts", "kind": "Rollout", "singularName": "rollout", "shortNames": ["ro"]},
    {"name": "rollouts/scale", "kind": "Scale"},
    {"name": "experiments", "kind": "Experiment", "singularName": ""},
]


@asynccontextmanager
async def argo():
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        groups = [("apps", "apps/v1"), ("argoproj.io", "argoproj.io/v1alpha1")]
        listed = [{"name": n, "preferredVersion": {"groupVersion": v}} for n, v in groups]
        api.routes["/apis"] = lambda _: Answer(body={"groups": listed})
        found = {"resources": RESOURCES}
        api.routes["/apis/argoproj.io/v1alpha1"] = lambda _: Answer(body=found)
        api.routes["/apis/apps/v1"] = lambda _: Answer(body={})
        yield cluster


@pytest.mark.parametrize(
    ("version", "kind", "place"),
    [
        ("apps/v1", "Deployment", "apps/v1/Deployment"),
        ("apps/v1", "ReplicaSet", "apps/v1/ReplicaSet"),
        ("apps/v1", "DaemonSet", None),
        ("batch/v1", "Job", None),
        ("argoproj.io/v1alpha1", "Rollout", ROLLOUTS),
        ("argoproj.io/v1alpha1", "Experiment", None),
        ("argoproj.io/v1alpha1", "Nothing", None),
        ("gone.io/v1", "Rollout", None),
    ],
)
async def test_a_kind_can_be_scaled_if_it_has_the_subresource(version, kind, place):
    async with argo() as cluster:
        assert await scalable_kind(cluster, version, kind) == place


@pytest.mark.parametrize("word", ["rollouts", "Rollout", "ro", "rollouts.argoproj.io"])
async def test_a_word_of_kubectls_is_found(word):
    async with argo() as cluster:
        assert await scalable_word(cluster, word) == ROLLOUTS


@pytest.mark.parametrize("word", ["experiment", "nothing", "rollouts.apps", "rollouts.gone.io"])
async def test_a_word_for_nothing_that_can_be_scaled_is_none(word):
    async with argo() as cluster:
        assert await scalable_word(cluster, word) is None
