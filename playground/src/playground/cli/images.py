"""``playground image``: make images and give them to the nodes, without a registry."""

from pathlib import Path

import click

from playground.cli.say import console, pass_playground
from playground.cluster import Playground
from playground.errors import PlaygroundError
from playground.images import archive


@click.group()
def image() -> None:
    """Make images and give them to the nodes."""


@image.command("build")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--name", help="One of the playground's own: envoy, sshd, …")
@pass_playground
def build_image(playground: Playground, folder: Path | None, name: str | None) -> None:
    """Build the image of FOLDER (see its image.yaml), or one of ours, and load it."""
    if (folder is None) == (name is None):
        raise PlaygroundError("name a folder or --name, one of the two")
    store = playground.store
    built = store.build(folder) if folder else store.builtin(str(name))
    playground.load_image(built)
    click.echo(built.reference)


@image.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@pass_playground
def load_image(playground: Playground, file: Path) -> None:
    """Load an archive that `docker save` or `image build` wrote."""
    for name in archive.names_in(file):
        playground.load(short_name(name), name, file.resolve())
        click.echo(name)


def short_name(reference: str) -> str:
    return reference.rpartition("/")[2].partition(":")[0]


@image.command("list")
@pass_playground
def list_images(playground: Playground) -> None:
    """Show short names and full references of the images that were loaded."""
    for name, reference in playground.state.images.items():
        click.echo(f"{name:12} {reference}")
    console.print("IfNotPresent is the pull policy to use: there is no registry.")
