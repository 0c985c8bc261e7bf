from dataclasses import replace

import pytest
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import Forbidden
from ktconnect.kube.rehearsal import RehearsalCluster
from ktconnect.modes.serving.opening import opened
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.rights import PREVIEW


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def asked(api, folder, namespace=""):
    return ServingSpec(ClusterSpec(kubeconfig=api.kubeconfig(folder, "shop"), namespace=namespace))


async def test_the_namespace_is_what_was_said_or_the_kubeconfigs(tmp_path):
    async with FakeApi().serving() as api:
        api.now = 1_800_000_000.0
        for said, meant in (("", "shop"), ("team", "team")):
            spec = asked(api, tmp_path, said)
            async with opened(spec, PREVIEW, Remembering()) as (cluster, namespace):
                assert namespace == meant
                assert not isinstance(cluster, RehearsalCluster)


async def test_a_dry_run_has_a_cluster_that_nothing_is_written_to(tmp_path):
    async with FakeApi().serving() as api:
        spec = replace(asked(api, tmp_path), dry_run=True)
        async with opened(spec, PREVIEW, Remembering()) as (cluster, _):
            assert isinstance(cluster, RehearsalCluster)


async def test_what_may_not_be_done_is_said_before_anything_is(tmp_path):
    async with FakeApi().serving() as api:
        api.denied = {("create", "services", "shop")}
        with pytest.raises(Forbidden, match="create services"):
            async with opened(asked(api, tmp_path), PREVIEW, Remembering()):
                raise AssertionError("it went on")
