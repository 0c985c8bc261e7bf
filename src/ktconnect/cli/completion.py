"""`ktctl completion`."""

import click
from click.shell_completion import get_completion_class

from .listing import show
from .sections import Sectioned

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_KTCTL_COMPLETE"


@click.command(cls=Sectioned, short_help="Print what makes a shell complete commands and sessions.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> int:
    """Print what makes a shell complete commands, flags and sessions.

    \b
    bash   ktctl completion bash > ~/.local/share/bash-completion/completions/ktctl
    zsh    ktctl completion zsh > "${fpath[1]}/_ktctl"
    fish   ktctl completion fish > ~/.config/fish/completions/ktctl.fish
    """
    script = get_completion_class(shell)
    assert script is not None, "the choice above knows them"
    show(script(context.find_root().command, {}, "ktctl", VARIABLE).source())
    return 0
