import dataclasses

import pytest

from ktconnect.apply.change import Change


def test_a_change_can_not_be_altered_once_it_is_planned():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Change("host", "file/etc/hosts#block", []).after = None  # type: ignore[misc]
