"""`python -m emotui`, and the `emotui` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit status."""
    if sys.argv[1:] == ["--version"]:
        # Answered before anything else is imported: scripts ask it often.
        from emotui import __version__

        print(f"emotui {__version__}")  # noqa: T201
        return
    from emotui.cli.root import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
