"""The last words of a worker: the cause, not the traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from emotui.engine.words import last_words

TRACEBACK = """Loading checkpoint shards:  50%|█████     | 1/2 [00:01<00:01]
Traceback (most recent call last):
  File "/site/emotui_serve.py", line 34, in load
    ready = engine.load(
            ^^^^^^^^^^^^
{error}
"""
OUT_OF_MEMORY = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
NATIVE = "[TM][ERROR] CUDA runtime error: out of memory allocator.h:231"
ABORT = """terminate called after throwing an instance of 'std::runtime_error'
  what():  [FT][ERROR] no kernel image is available
Fatal Python error: Aborted

Current thread 0x00007f (most recent call first):
  File "/site/turbomind.py", line 3 in forward
"""
CASES = {
    "an exception": (TRACEBACK.format(error=OUT_OF_MEMORY), OUT_OF_MEMORY),
    "an exception without a text": (TRACEBACK.format(error="AssertionError"), "AssertionError"),
    "the last of a chain": (
        TRACEBACK.format(error="KeyError: 'model_type'")
        + "\nDuring handling of the above exception, another exception occurred:\n\n"
        + TRACEBACK.format(error="ValueError: Unrecognized model in /m"),
        "ValueError: Unrecognized model in /m",
    ),
    "the engine's own error before the exception": (
        f"{NATIVE}\n" + TRACEBACK.format(error="RuntimeError: [TM][ERROR] pointer is null"),
        f"{NATIVE}\nRuntimeError: [TM][ERROR] pointer is null",
    ),
    "an abort of native code": (ABORT, "\n".join(line.strip() for line in ABORT.split("\n")[:3])),
    "no cause at all": (
        "one\ntwo\n  File x\nthree\n 90%|####   | 9/10\nfour\n",
        "two\nthree\nfour",
    ),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cause_is_found(case: str, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    text, words = CASES[case]
    log.write_text(text)
    assert last_words(log) == words


def test_a_missing_log_says_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path / "worker.log") == ""


def test_the_words_are_cleaned_and_short(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_bytes(b"RuntimeError\r\x1b]52;c;AAAA\x07[TM][ERROR] \x1b[31mbad\xff" + b"x" * 90_000)
    words = last_words(log)
    assert "\x1b" not in words
    assert len(words) <= 400


def test_a_huge_log_is_read_at_its_end_only(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("wb") as file:
        file.truncate(1 << 33)
        file.seek(0, 2)
        file.write(b"\nValueError: at the end\n")
    assert "ValueError: at the end" in last_words(log)


def test_what_was_said_before_a_point_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("[TM][ERROR] Warm-up failed\n")
    assert last_words(log) == "[TM][ERROR] Warm-up failed"
    assert last_words(log, log.stat().st_size) == ""
