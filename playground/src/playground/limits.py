"""A limit of the machine that clusters side by side run into, raised while any of them is up.

Every kubelet and containerd takes dozens of inotify instances, of which a user has 128 by default
on all of the machine together, whatever the namespace.
"""

from pathlib import Path

from playground.folders import runs
from playground.init import replace

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 8192


def _before() -> Path:
    """Holds the machine's own value while it is raised."""
    return runs() / ".inotify-instances"


def lift() -> None:
    """Raise the limit unless it is high enough."""
    own = INSTANCES.read_text().strip()
    if int(own) >= ENOUGH:
        return
    if not _before().exists():
        replace(_before(), own)
    INSTANCES.write_text(str(ENOUGH))


def lower() -> None:
    """Put the machine's own value back, if no playground is left to need more."""
    others = [entry for entry in runs().iterdir() if entry.is_dir()]
    if _before().exists() and not others:
        INSTANCES.write_text(_before().read_text())
        _before().unlink()
