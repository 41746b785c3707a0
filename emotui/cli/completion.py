"""`emotui completion`: the completion script of a shell, for the user to source."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from emotui.cli.groups import examples
from emotui.support.language import _


@click.command(
    help=_(
        "Print the completion script of a shell. For bash: "
        'eval "$(emotui completion bash)" in ~/.bashrc.'
    ),
    epilog=examples(
        """echo 'eval "$(emotui completion bash)"' >> ~/.bashrc""",
        """echo 'eval "$(emotui completion zsh)"' >> ~/.zshrc""",
        "emotui completion fish > ~/.config/fish/completions/emotui.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script on standard output."""
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "emotui", "_EMOTUI_COMPLETE").source())
