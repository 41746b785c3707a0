"""What the groups and commands of the command line share: their help's examples, guesses."""

from __future__ import annotations

import difflib

import click

from emotui.support.language import _


class CommandGroup(click.Group):
    """A group that guesses which of its commands was meant by one that it does not have."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; the error for an unknown one names the nearest."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            near = difflib.get_close_matches(args[0], known, n=1)
            raise click.UsageError(
                _("There is no command {name}; did you mean {near}?").format(
                    name=args[0], near=near[0]
                )
                if near
                else _("There is no command {name}. There are: {known}.").format(
                    name=args[0], known=", ".join(known)
                ),
                ctx,
            )
        return super().resolve_command(ctx, args)


def examples(*lines: str) -> str:
    """Return the end of a command's help: what one would type, a line each."""
    return "\n".join(["\b", _("Examples:"), *(f"  {line}" for line in lines)])
