"""Commands that are printed: a shell reads them as what they were."""

from __future__ import annotations

import os
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from emotui.support.shell import joined, quoted
from emotui.support.text import CONTROL

words = st.binary(min_size=1, max_size=12).filter(lambda word: b"\0" not in word)


@settings(max_examples=30, deadline=None)
@given(st.lists(words, min_size=1, max_size=20))
def test_bash_reads_every_word_as_it_was_and_none_acts_on_the_terminal(found: list[bytes]) -> None:
    line = joined(map(os.fsdecode, found))
    assert not CONTROL.search(line)
    shown = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"], check=True, capture_output=True
    )
    assert shown.stdout.split(b"\0")[:-1] == found


def test_plain_words_stay_plain() -> None:
    assert joined(["mv", "/data/ws", "a b", "工作区"]) == "mv /data/ws 'a b' '工作区'"
    assert quoted("") == "''"
