"""`ktctl clean`."""

from typing import Any

import click

from ktconnect.errors import UsageError

from .options import cluster_options, dry_run, every_namespace, take_shared
from .sections import Sectioned
from .session import run_session


@click.command(cls=Sectioned, short_help="Undo what dead sessions left, here and in the cluster.")
@click.option(
    "--thresholdInMinus",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    metavar="MINUTES",
    help="How long a session must have been silent.",
)
@dry_run
@click.option("--localOnly", is_flag=True, help="Repair this machine alone.")
@every_namespace(help="Clean every namespace.")
@cluster_options
@click.pass_context
def clean(context: click.Context, /, **flags: Any) -> int:
    """Undo what dead sessions left, on this machine and in the namespace.

    What is alive is never touched: a session is dead when its Lease has not been renewed for
    --thresholdInMinus, by the server's clock, and for as long as it asked for itself; or when its
    process on this machine is gone. Sessions of KT Connect 0.3 are undone too, after five minutes
    without a heart beat.
    """
    shared = take_shared(context)
    if flags["localonly"] and flags["all_namespaces"]:
        raise UsageError(
            "--localOnly and --all-namespaces exclude each other",
            hint="--localOnly repairs this machine and looks at no namespace",
        )
    from ktconnect.modes.clean import CleanSpec, run

    spec = CleanSpec(
        cluster=shared.cluster,
        threshold_minutes=flags["thresholdinminus"],
        dry_run=flags["dryrun"],
        local_only=flags["localonly"],
        all_namespaces=flags["all_namespaces"],
        patient=True,
    )
    return run_session(shared, lambda reporter: run(spec, reporter))
