"""The engine worker: loads one model and answers, in the interpreter that has LMDeploy.

Run by path (`python …/engine/worker`); it needs the standard library and whatever engine it
is asked for, nothing of emotui, and Python 3.8. Its protocol is in `engine/protocol.py`.
Standard output and input are private pipes. They are moved away before anything else, because
native code prints on descriptor 1, and child processes must neither hold nor read them.
"""

import os

WIRE = os.dup(1)
os.dup2(2, 1)
REQUESTS = os.dup(0)
_nothing = os.open(os.devnull, os.O_RDONLY)
os.dup2(_nothing, 0)
os.close(_nothing)

from emotui_serve import serve  # noqa: E402 (not before the pipes are safe)

if __name__ == "__main__":
    serve(REQUESTS, WIRE)
