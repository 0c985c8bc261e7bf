from pathlib import Path
from typing import Any

import pytest
from tests.unit.kube.certificates import Pair, self_signed, server_context
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Unreachable, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig, Login
from ktconnect.kube.trust import tls_context


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="module")
def pair(folder: Path) -> Pair:
    return self_signed(folder, "IP:127.0.0.1", "DNS:api.test")


async def version(api: FakeApi, **fields: Any) -> str:
    async with Cluster(api.config(**fields)) as cluster:
        return (await cluster.version()).text


async def test_the_authority_of_the_kubeconfig_is_trusted(folder, pair):
    async with FakeApi().serving(server_context(folder)) as api:
        assert await version(api, authority=pair.certificate) == "v1.36.3"


async def test_a_server_of_another_authority_is_not_trusted(folder, pair):
    async with FakeApi().serving(server_context(folder)) as api:
        with pytest.raises(Unreachable, match="certificate that is not trusted") as caught:
            await version(api)
    assert "certificate-authority" in caught.value.hint


async def test_checking_may_be_switched_off(folder, pair):
    async with FakeApi().serving(server_context(folder)) as api:
        assert await version(api, insecure=True) == "v1.36.3"


async def test_the_name_in_the_certificate_may_be_another_than_the_servers(folder, pair):
    async with FakeApi().serving(server_context(folder)) as api:
        trusted = {"authority": pair.certificate}
        assert await version(api, tls_server_name="api.test", **trusted) == "v1.36.3"
        with pytest.raises(Unreachable, match="not trusted"):
            await version(api, tls_server_name="other.test", **trusted)


async def test_a_client_certificate_is_shown(folder, pair):
    login = Login(certificate=pair.certificate, key=pair.key)
    async with FakeApi().serving(server_context(folder, wants_client=True)) as api:
        assert await version(api, authority=pair.certificate, login=login) == "v1.36.3"
        with pytest.raises(Unreachable):
            await version(api, authority=pair.certificate)


def test_plain_http_needs_no_tls():
    assert tls_context(KubeConfig("http://h"), ("", "")) is None


def test_a_damaged_authority_is_named_by_its_context():
    config = KubeConfig("https://h", context="ctx", authority="nonsense")
    with pytest.raises(UsageError, match="certificate-authority of context 'ctx'"):
        tls_context(config, ("", ""))


def test_a_damaged_pair_is_refused(pair):
    with pytest.raises(UsageError, match="client certificate and key"):
        tls_context(KubeConfig("https://h"), (pair.certificate, "nonsense"))
