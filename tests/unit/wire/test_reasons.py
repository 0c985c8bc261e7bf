import errno
import sys

import pytest

from ktconnect.wire.reasons import Reason


@pytest.mark.skipif(sys.platform != "linux", reason="other systems number their errnos differently")
def test_reasons_are_numbered_as_linux_does():
    for reason in set(Reason) - {Reason.IDLE}:
        assert getattr(errno, reason.name) == reason
