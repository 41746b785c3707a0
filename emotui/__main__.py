"""`python -m emotui`, and the `emotui` command."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process with its exit status."""
    _open_missing_streams()
    try:
        status = _run(sys.argv[1:])
    except KeyboardInterrupt:
        # Ctrl-C so early that nothing was there yet to say so.
        status = INTERRUPTED
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"] and _printed_version():
        return 0
    from emotui.cli.root import run

    return run(arguments)


def _printed_version() -> bool:
    """Print the version before anything else is imported: scripts ask it often."""
    from emotui import __version__

    try:
        print(f"emotui {__version__}", flush=True)  # noqa: T201
    except OSError:
        return False  # the long way fails in the same place, and knows what to say
    return True


def _open_missing_streams() -> None:
    """Open nothing in the place of each standard stream that the caller closed.

    Otherwise the next file or pipe that is opened would get its number, and what is printed.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)
        stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)


if __name__ == "__main__":
    main()
