"""For all unit tests."""

import pytest
from hypothesis import settings

# a busy machine is no failure: what hangs is ended by pytest's own time limit
settings.register_profile("ktconnect", deadline=None)
settings.load_profile("ktconnect")


@pytest.fixture
def kt_home(monkeypatch, tmp_path):
    """``~/.kt`` of a user who has nothing yet."""
    for name in ("SUDO_UID", "SUDO_GID", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".kt"
