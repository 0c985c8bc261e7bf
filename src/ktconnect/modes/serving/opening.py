"""How every command whose callers come here begins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ktconnect.kube.client import Cluster
from ktconnect.modes.clean import clean_quietly
from ktconnect.modes.cluster import load_config, owned_by_user, require
from ktconnect.modes.dryrun import cluster_for
from ktconnect.modes.report import Reporter
from ktconnect.objects.rights import Right, command_for
from ktconnect.tunnel.tuning import raise_open_files

from .spec import ServingSpec


@asynccontextmanager
async def opened(
    spec: ServingSpec, rights: tuple[Right, ...], reporter: Reporter, family: str = ""
) -> AsyncIterator[tuple[Cluster, str]]:
    """The cluster, and the namespace that is meant, in which dead sessions have been undone.

    ``family``: which command it is, where several need the same rights.
    On a dry run nothing is written to it. Raises: UsageError, Forbidden naming what is missing.
    """
    raise_open_files()
    config = load_config(spec.cluster)
    owned_by_user()
    async with cluster_for(config, dry_run=spec.dry_run) as cluster:
        namespace = spec.cluster.namespace or cluster.namespace
        await require(cluster, namespace, rights, command_for(rights, family))
        await clean_quietly(cluster, namespace, reporter, dry_run=spec.dry_run)
        yield cluster, namespace
