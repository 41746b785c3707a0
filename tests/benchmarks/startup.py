"""How long the start takes, as ratios, so that machines can be compared.

    python tests/benchmarks/startup.py [ROUNDS]

`emotui --version` is compared with `python -c pass`, the first frame of the app with that of a
bare Textual app. A frame is there when 20 cells of the alternate screen are not blank, seen on
a real pseudo-terminal. Medians of rounds in which the rivals take turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from terminal_session import EMOTUI, TerminalSession

CELLS = 20
LIMITS = {"version": 3.0, "first frame": 1.5}

BARE = """
from textual.app import App
from textual.widgets import Footer, Header, Static

class Bare(App):
    def compose(self):
        yield Header()
        yield Static("Hello, world: a bare app of Textual")
        yield Footer()

Bare().run()
"""


def run_once(*argv: str) -> float:
    """Return the seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


def first_frame(*argv: str) -> float:
    """Return the seconds until a program has drawn something on the alternate screen."""
    began = time.perf_counter()
    with TerminalSession(argv, columns=120, rows=40) as session:
        session.wait_until(
            lambda: (
                bool(session.modes().get(1049))
                and sum(cell != " " for cell in session.text() if cell != "\n") >= CELLS
            ),
            "waited for a first frame",
            60,
        )
        return time.perf_counter() - began


def compare(name: str, rounds: int, rivals: dict[str, Callable[[], float]]) -> float:
    """Time the rivals in turn, print their medians, and return the ratio of the two."""
    times: dict[str, list[float]] = {rival: [] for rival in rivals}
    for _ in range(rounds):
        for rival, measure in rivals.items():
            times[rival].append(measure())
    (ours, mine), (base, other) = ((rival, statistics.median(t)) for rival, t in times.items())
    ratio = mine / other
    print(f"{name}: {ours} {mine * 1000:.0f} ms, {base} {other * 1000:.0f} ms, ratio {ratio:.2f}")
    return ratio


def main() -> int:
    """Print both ratios; fail when one is over its limit."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as home:
        os.environ["EMOTUI_HOME"] = home
        command = str(Path(sys.executable).with_name("emotui"))
        ratios = {
            "version": compare(
                "version",
                rounds,
                {
                    "emotui --version": lambda: run_once(command, "--version"),
                    "python -c pass": lambda: run_once(sys.executable, "-c", "pass"),
                },
            ),
            "first frame": compare(
                "first frame",
                rounds,
                {
                    "emotui": lambda: first_frame(*EMOTUI),
                    "a bare Textual app": lambda: first_frame(sys.executable, "-c", BARE),
                },
            ),
        }
    over = [
        f"{name} {ratios[name]:.2f} > {limit}"
        for name, limit in LIMITS.items()
        if ratios[name] > limit
    ]
    if over:
        print("over the limit: " + ", ".join(over))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
