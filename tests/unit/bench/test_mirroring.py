import io
import json

import pytest
from bench.errors import BenchError
from bench.mirroring import share_failed, wait_until_ready


def test_failed_calls_are_told_in_percent():
    assert share_failed({"times": [1.0] * 3, "failed": 1}) == 25
    assert share_failed({"times": [1.0], "failed": 0}) == 0


def test_a_mirror_is_waited_for_until_it_serves():
    step = '{"event": "step", "title": "Looking", "seconds": 0.5}'
    lines = io.StringIO(f'{step}\n{{"event": "ready"}}\n{{"event": "status"}}\n')
    assert wait_until_ready(lines) == {"Looking": 0.5}
    assert json.loads(lines.read())["event"] == "status"


def test_a_mirror_that_does_not_come_up_says_why():
    with pytest.raises(BenchError, match="no such Service"):
        wait_until_ready(io.StringIO('{"event": "error", "message": "no such Service"}\n'))
    with pytest.raises(BenchError, match="it said nothing"):
        wait_until_ready(io.StringIO(""))
