"""Kubeconfigs made of the playground's own, and the rights that the documentation asks for."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from playground.cluster import Playground

Config = dict[str, Any]
RIGHTS = Path(__file__).parents[2] / "docs" / "guide" / "rights.md"


def admin(cluster: Playground) -> Config:
    """The admin's, as data."""
    found: Config = yaml.safe_load(cluster.kubeconfig.read_text())
    return found


def changed(
    cluster: Playground,
    target: Path,
    *,
    cluster_part: Callable[[Config], object] | None = None,
    user_part: Callable[[Config], object] | None = None,
    context_part: Callable[[Config], object] | None = None,
) -> str:
    """Write the admin's kubeconfig with parts changed; returns its path."""
    config = copy.deepcopy(admin(cluster))
    parts = (("clusters", "cluster"), ("users", "user"), ("contexts", "context"))
    for change, (many, one) in zip((cluster_part, user_part, context_part), parts, strict=True):
        if change is not None:
            change(config[many][0][one])
    target.write_text(yaml.safe_dump(config))
    target.chmod(0o600)
    return str(target)


def replaced(**values: Any) -> Callable[[Config], None]:
    """A change: these are the only entries from now on."""

    def change(part: Config) -> None:
        part.clear()
        part.update(values)

    return change


def token(cluster: Playground, namespace: str, account: str = "default") -> str:
    """A token of a ServiceAccount, good for ten minutes."""
    words = ("create", "token", account, f"--namespace={namespace}", "--duration=10m")
    return cluster.kubectl(*words).strip()


def documented_rules() -> list[Config]:
    """The rules of connect's Role in the documentation, word for word."""
    blocks = re.findall(r"```yaml\n(.*?)```", RIGHTS.read_text(), re.DOTALL)
    [block] = [each for each in blocks if "ktctl-connect" in each]
    return list(yaml.safe_load(block)["rules"])
