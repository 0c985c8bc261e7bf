import pytest

from ktconnect.kube.frames import plain_reason


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("dial tcp4 127.0.0.1:80: connect: connection refused", "nothing listens on port 80"),
        ("container not running (abc)", "is not running any more"),
        ("sandbox not found", "is not running any more"),
        ("i/o timeout", "did not answer on port 80 in time"),
        (" odd ", "ended: odd"),
        ("", "ended: no reason was given"),
    ],
)
def test_what_the_node_says_is_put_in_plain_words(text, meaning):
    assert meaning in plain_reason(text, "demo/web", 80)
    assert "demo/web" in plain_reason(text, "demo/web", 80)
