"""``--podQuota 0.5c,512m``: how much CPU and memory the agent may use."""

import re

from ktconnect.errors import UsageError

ITEM = re.compile(r"(?P<amount>\d+(\.\d+)?)(?P<unit>[ckmg])", re.IGNORECASE)
SUFFIX = {"k": "Ki", "m": "Mi", "g": "Gi"}


def parse_quota(text: str) -> dict[str, str]:
    """``0.5c,512m`` -> ``{"cpu": "0.5", "memory": "512Mi"}``.

    Raises: UsageError for anything else, so that a typo does not become an agent without limits.
    """
    quota: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        match = ITEM.fullmatch(item)
        if match is None:
            raise UsageError(
                f"--podQuota: {item!r} is not an amount of CPU or memory",
                hint="write CPU as 0.5c and memory as 512m (k, m or g), for example 0.5c,512m",
            )
        unit = match["unit"].lower()
        resource = "cpu" if unit == "c" else "memory"
        quota[resource] = match["amount"] + SUFFIX.get(unit, "")
    return quota
