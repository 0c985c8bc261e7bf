"""The command ``playground``: its group, and how it fails."""

import click

from playground.cli import access, failures, images, life, net
from playground.cli.say import console
from playground.cluster import Playground
from playground.errors import PlaygroundError


class Failing(click.Group):
    """Prints expected errors as a message and a hint, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except PlaygroundError as error:
            console.print(f"playground: {error}", style="red", markup=False)
            if error.hint:
                console.print(f"  {error.hint}", markup=False)
            ctx.exit(1)


@click.group(cls=Failing, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--name", default="default", show_default=True, help="Which playground.")
@click.pass_context
def main(ctx: click.Context, name: str) -> None:
    """A real Kubernetes on this machine: nodes and a laptop, each a network namespace."""
    ctx.obj = Playground(name)


for command in (
    *(life.setup, life.up, life.down, life.status, life.logs),
    *(access.laptop, access.kubectl, access.kubeconfig),
    *(images.image, net.net, failures.node, failures.component, failures.apiserver),
):
    main.add_command(command)
