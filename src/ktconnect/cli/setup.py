"""`ktctl setup`."""

from typing import Any

import click

from ktconnect.errors import UsageError

from .options import cluster_options, dry_run, take_shared
from .sections import Sectioned
from .session import run_session


@click.command(cls=Sectioned)
@click.option(
    "--scalable",
    multiple=True,
    metavar="KIND",
    help="A kind that agents may scale back besides Deployments and StatefulSets, such as "
    "rollouts.argoproj.io.  [repeatable]",
)
@click.option("--remove", is_flag=True, help="Take away what setup has made.")
@dry_run
@cluster_options
@click.pass_context
def setup(context: click.Context, /, **flags: Any) -> int:
    """Let agents undo sessions by themselves when a laptop dies.

    \b
    ktctl setup -n shop          once per namespace, by someone who may make Roles there
    ktctl setup -n shop --scalable rollouts.argoproj.io
    ktctl setup -n shop --remove

    Makes the ServiceAccount kt-agent and the least Role to restore what sessions change. Without
    it, the next ktctl command of anybody in the namespace does that.
    """
    shared = take_shared(context)
    if flags["remove"] and flags["scalable"]:
        raise UsageError(
            "--remove and --scalable exclude each other", hint="--remove takes all of it away"
        )
    from ktconnect.modes.setup import SetupSpec, run

    spec = SetupSpec(
        shared.cluster,
        remove=flags["remove"],
        dry_run=flags["dryrun"],
        scalable=flags["scalable"],
    )
    return run_session(shared, lambda reporter: run(spec, reporter))
