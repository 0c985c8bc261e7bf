import io
import zipfile

from ktconnect.modes.bundle import agent_bundle


def test_the_same_sources_make_the_same_bytes():
    assert agent_bundle() == agent_bundle()


def test_it_holds_what_an_agent_needs_and_nothing_of_the_laptop():
    names = set(zipfile.ZipFile(io.BytesIO(agent_bundle())).namelist())
    assert {"__main__.py", "ktconnect/errors.py", "ktconnect/agent/serve.py"} <= names
    assert "ktconnect/tunnel/tunnel.py" not in names
    assert not any("kube" in name or "cli" in name for name in names)


def test_it_is_small_enough_to_be_carried_in_a_config_map():
    assert len(agent_bundle()) < 64 * 1024
