"""What the last gate before the terminal costs for each line: microseconds, for kinds of lines.

python tests/benchmarks/safe_lines.py
"""

from __future__ import annotations

import sys
import timeit
from functools import partial

from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from emotui.app.safety import SAFE_LINES

LIMIT_US = 10.0
BLACK = Color(0, 0, 0)
STYLE = Style(color="red", bold=True)

LINES = {
    "blank": [Segment(" " * 120)],
    "plain, 3 segments": [Segment("x" * 40, STYLE)] * 3,
    "code, 30 segments": [Segment("name", STYLE), Segment(" = ")] * 15,
    "Chinese": [Segment("模型工作区的会话长度" * 6, STYLE)],
    "box drawing": [Segment("│" + "─" * 118 + "│", STYLE)],
    "ideographic spaces": [Segment("模型\u3000" * 20, STYLE)],
    "links": [Segment("here", STYLE.update_link("https://example.org/a"))] * 4,
    "hostile": [Segment("a\x1b]0;x\x07b\x9b31mc\u202ed" * 5, STYLE)] * 3,
}


def main() -> int:
    """Print the cost of each kind; fail when an ordinary line costs more than the limit."""
    slow = []
    for name, line in LINES.items():
        rounds = 5000
        best = min(timeit.repeat(partial(SAFE_LINES.apply, line, BLACK), number=rounds, repeat=5))
        cost_us = best / rounds * 1e6
        print(f"{name}: {cost_us:.1f} us a line")
        if cost_us > LIMIT_US and name != "hostile":
            slow.append(name)
    if slow:
        print("over the limit: " + ", ".join(slow))
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
