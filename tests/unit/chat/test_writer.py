"""Telling the process that writes an answer from one that has gone."""

import os
import subprocess
import sys

from emotui.chat.writer import is_writing, writer_mark


def test_this_process_is_writing() -> None:
    assert is_writing(writer_mark())


def test_a_process_that_ended_is_not_even_as_a_zombie() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = writer_mark(child.pid)
    assert is_writing(mark)

    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_writing(mark)

    child.wait()
    assert not is_writing(mark)
    child.stdin.close()  # type: ignore[union-attr]


def test_another_start_time_boot_or_container_is_another_process() -> None:
    boot, namespace, pid, started = writer_mark().split(" ")

    assert not is_writing(f"{boot} {namespace} {pid} {int(started) + 1}")
    assert not is_writing(f"other {namespace} {pid} {started}")
    assert not is_writing(f"{boot} 1 {pid} {started}")


def test_nonsense_writes_nothing() -> None:
    for mark in ("", "a b c d", "1", "a b -1 2", "a b 99999999999 2"):
        assert not is_writing(mark)
