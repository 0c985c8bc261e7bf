"""Processes as they are on disk: this one, one that has died, one that sleeps."""

import subprocess
from contextlib import contextmanager

from ktconnect.apply.owner import Owner
from ktconnect.background.process import Process


def process(owner=None, command="exchange", **known):
    facts = {
        "target": "service/web",
        "namespace": "shop",
        "context": "test",
        "kubeconfig": "",
        "since": "2026-01-01T00:00:00+00:00",
        **known,
    }
    return Process(owner or Owner.current(), command, **facts)


def dead(pid=999_999_999, **known):
    """Of this boot, with a process id that nobody has."""
    here = Owner.current()
    return process(Owner(pid, "1", here.boot, here.netns), **known)


@contextmanager
def sleeping(*argv):
    """A process that runs, and what is known of it."""
    with subprocess.Popen(argv or ["sleep", "60"]) as running:
        try:
            yield running, process(owner_of(running.pid))
        finally:
            running.kill()


def owner_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        start = file.read().rpartition(")")[2].split()[19]
    here = Owner.current()
    return Owner(pid, start, here.boot, here.netns)
