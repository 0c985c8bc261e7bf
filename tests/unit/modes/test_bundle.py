import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ktconnect.modes.bundle import agent_bundle

PAGE = Path(__file__).parents[3] / "docs/design/tunnel.md"


def test_the_same_sources_make_the_same_bytes():
    first = agent_bundle()
    agent_bundle.cache_clear()
    again = agent_bundle()
    assert again == first
    assert again is not first


def test_it_holds_what_an_agent_needs_and_nothing_of_the_laptop():
    names = set(zipfile.ZipFile(io.BytesIO(agent_bundle())).namelist())
    assert {"__main__.py", "ktconnect/errors.py", "ktconnect/agent/serve.py"} <= names
    assert "ktconnect/tunnel/tunnel.py" not in names
    rooms = {name.split("/")[1] for name in names if "/" in name}
    assert not rooms & {"cli", "modes", "host", "dns", "sessions"}
    assert not names & {"ktconnect/kube/client.py", "ktconnect/kube/rest.py"}


def test_it_is_small_enough_to_be_carried_in_a_config_map():
    assert len(agent_bundle()) < 96 * 1024


def test_the_page_on_the_tunnel_says_how_big_it_is():
    told = re.search(r"^\| program .* \| (\d+) kB \|$", PAGE.read_text(), re.MULTILINE)
    assert told is not None
    assert int(told[1]) == pytest.approx(len(agent_bundle()) / 1000, rel=0.1)


def test_its_guard_needs_nothing_that_is_not_in_the_file(tmp_path):
    archive = tmp_path / "ktagent.pyz"
    archive.write_bytes(agent_bundle())
    code = f"import sys; sys.path[:0] = [{str(archive)!r}]; import ktconnect.agent.guard as g"
    where = "; print(g.__file__, 'asyncio' in sys.modules)"
    run = [sys.executable, "-I", "-S", "-c", code + where]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"{archive}/ktconnect/agent/guard.py", "False"]
