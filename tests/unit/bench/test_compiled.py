import importlib.util
import os
from pathlib import Path

from bench import compiled


def test_modules_are_compiled_as_where_they_are_installed(monkeypatch, tmp_path):
    monkeypatch.setenv(compiled.FORBIDS, "1")
    source = tmp_path / "names.py"
    source.write_text("HERE = 1\n")
    compiled.start_as_installed(tmp_path)
    assert compiled.FORBIDS not in os.environ
    assert Path(importlib.util.cache_from_source(str(source))).exists()
    assert (compiled.OURS / "names.py").exists()
