"""How the worker ends: at once, and not alone."""

import os
import signal
import sys


def leave(status):
    """End this process now, and whatever else is left in its process group.

    Without the interpreter's own farewell: native threads and GPU libraries can hang in it.
    Others are ended only where the group is the worker's own, as EmoTUI starts it.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: PERF203 (two streams; nobody is left to tell)
            pass
    group = os.getpgrp()
    if group == os.getpid() and os.path.isdir("/proc"):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != group:
                _end_member(int(name), group)
    os._exit(status)


def _end_member(pid, group):
    try:
        if os.getpgid(pid) == group:
            os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
