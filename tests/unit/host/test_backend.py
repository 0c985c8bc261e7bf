import pytest

from ktconnect.errors import Conflict
from ktconnect.host.backend import HostBackend, hosts_key, resolv_conf_key

KEY = resolv_conf_key("s1")
FILES = {"resolv.conf": "nameserver 192.0.2.1\n", "hosts": "127.0.0.1 localhost\n"}


@pytest.fixture
def etc(tmp_path):
    (tmp_path / "etc").mkdir()
    for name, text in FILES.items():
        (tmp_path / "etc" / name).write_text(text)
    return tmp_path / "etc"


@pytest.fixture
def backend(etc):
    return HostBackend(etc.parent)


@pytest.mark.parametrize(
    ("key", "value"), [(KEY, ["nameserver 127.0.0.77"]), (hosts_key("s1"), ["10.96.0.7 web"])]
)
async def test_what_is_written_is_read_and_none_takes_it_away(backend, etc, key, value):
    assert await backend.read(key) is None
    await backend.write(key, value, expected=None)
    assert await backend.read(key) == value
    with pytest.raises(Conflict):
        await backend.write(key, None, expected=["other"])
    await backend.write(key, None, expected=value)
    assert {name: (etc / name).read_text() for name in FILES} == FILES


async def test_each_session_has_lines_of_its_own(backend):
    await backend.write(KEY, ["nameserver 127.0.0.77"], expected=None)
    assert await backend.read(resolv_conf_key("s2")) is None
    assert backend.resolv_conf().endswith(FILES["resolv.conf"])


async def test_writes_that_were_cut_short_are_finished(backend, etc):
    for name, text in FILES.items():
        (etc / name).write_text(text + "\0" * 20)
    backend.trim()
    assert {name: (etc / name).read_text() for name in FILES} == FILES
