import pytest

from ktconnect.errors import UsageError
from ktconnect.objects.quota import parse_quota


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("0.5c,512m", {"cpu": "0.5", "memory": "512Mi"}),
        ("2C", {"cpu": "2"}),
        (" 1g , 1c ", {"memory": "1Gi", "cpu": "1"}),
        ("64k", {"memory": "64Ki"}),
        ("", {}),
    ],
)
def test_amounts_become_kubernetes_quantities(text, quota):
    assert parse_quota(text) == quota


@pytest.mark.parametrize("text", ["512", "half", "1c,512x", "-1c", "1 c"])
def test_a_typo_is_an_error_and_not_an_agent_without_limits(text):
    with pytest.raises(UsageError, match="podQuota"):
        parse_quota(text)
