import ssl
from pathlib import Path

import pytest
from tests.unit.kube.certificates import Pair, self_signed, server_context
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import KtError
from ktconnect.kube.certfiles import CertificateFiles
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import Login


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="module")
def pairs(pki: Path) -> tuple[Pair, Pair]:
    """The first, and the one it is replaced by; the latter's files stay in ``pki``."""
    first = self_signed(pki, "IP:127.0.0.1")
    return first, self_signed(pki, "IP:127.0.0.1")


@pytest.fixture
def files(tmp_path: Path, pairs: tuple[Pair, Pair]) -> tuple[Path, Path]:
    paths = tmp_path / "client.pem", tmp_path / "client-key.pem"
    write(paths, pairs[0])
    return paths


def write(paths: tuple[Path, Path], pair: Pair) -> None:
    paths[0].write_text(pair.certificate)
    paths[1].write_text(pair.key)


def texts(pair: Pair) -> tuple[str, str]:
    return pair.certificate, pair.key


def test_what_was_renewed_is_read_again(files, pairs):
    first, second = pairs
    held = CertificateFiles(files, texts(first))
    assert held.current() == texts(first)
    write(files, second)
    assert held.current() == texts(second)


def test_what_was_renewed_before_the_first_use_is_seen(files, pairs):
    held = CertificateFiles(files, texts(pairs[0]))
    write(files, pairs[1])
    assert held.current() == texts(pairs[1])


def test_while_only_one_of_the_two_is_new_the_old_pair_holds(files, pairs):
    first, second = pairs
    held = CertificateFiles(files, texts(first))
    held.current()
    files[0].write_text(second.certificate)
    assert held.current() == texts(first)
    files[1].write_text(second.key)
    assert held.current() == texts(second)


@pytest.mark.parametrize("damage", ["absent", "text", "bytes"])
def test_while_a_file_is_gone_or_damaged_the_old_pair_holds(files, pairs, damage):
    held = CertificateFiles(files, texts(pairs[0]))
    held.current()
    files[1].unlink()
    if damage != "absent":
        files[1].write_bytes(b"nonsense" if damage == "text" else b"\xff\xfe")
    assert held.current() == texts(pairs[0])


def test_a_link_that_leads_elsewhere_is_a_change(tmp_path, files, pairs):
    new = tmp_path / "new"
    new.mkdir()
    held = CertificateFiles(files, texts(pairs[0]))
    held.current()
    for path, text in zip(files, texts(pairs[1]), strict=True):
        (new / path.name).write_text(text)
        path.unlink()
        path.symlink_to(new / path.name)
    assert held.current() == texts(pairs[1])


async def test_a_server_sees_the_renewed_certificate_without_a_new_start(pki, files, pairs):
    old, new = pairs
    context = server_context(pki, wants_client=True)  # trusts the second alone
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # refuses within the handshake
    login = Login(certificate=old.certificate, key=old.key, certificate_files=files)
    async with FakeApi().serving(context) as api:
        config = api.config(authority=new.certificate, login=login)
        async with Cluster(config) as cluster:
            with pytest.raises(KtError):
                await cluster.version()
            write(files, new)
            assert (await cluster.version()).text == "v1.36.3"
