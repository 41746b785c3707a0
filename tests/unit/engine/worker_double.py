"""A worker that speaks the protocol and misbehaves on demand.

The last part of the model's path says how: `good` answers by counting, the others are faults.
`test_worker_real.py` runs the real worker through the same conversation.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

WIRE = sys.stdout.buffer
LOCK = threading.Lock()
STOPPED = set()


def send(**message):
    with LOCK:
        WIRE.write(json.dumps(message).encode() + b"\n")
        WIRE.flush()


def main():
    send(event="hello", protocol=1, python="3.8.0", lmdeploy="0.0.0", more="from the future")
    kind = ""
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request["do"] == "quit":
            return
        if request["do"] == "load":
            kind = Path(request["model"]).name
            load(kind)
        elif request["do"] == "stop":
            STOPPED.add(request["id"])
        elif request["do"] == "generate":
            arguments = (kind, request["id"], request["sampling"]["max_tokens"])
            threading.Thread(target=answer, args=arguments, daemon=True).start()


def load(kind):
    send(event="loading", phase="weights")
    if kind == "exits-at-load":
        print("Loading checkpoint shards:  50%|#####     | 1/2", file=sys.stderr)
        raise SystemExit("[TM][ERROR] CUDA runtime error: out of memory")
    if kind == "never-ready":
        return
    if kind == "noise":
        WIRE.write(b'HINT: this is no message\n\xff\xfe\n[1, 2]\n{"event": "unheard-of"}\n')
    send(event="ready", engine="double", template="tokenizer", session_len=64)


def answer(kind, number, tokens):
    started = time.monotonic()
    if kind == "huge-token":
        send(event="token", id=number, text="你" * (10_000_000 // 6), n=1)
    if kind == "endless-line":
        WIRE.write(b"{" * (17 << 20))
        WIRE.flush()
    if kind == "crashes":
        os.kill(os.getpid(), 11)
    if kind == "leaves-a-child":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        send(event="token", id=number, text=str(child.pid), n=1)
        os._exit(3)
    n = 0
    while n < tokens and (number not in STOPPED or kind == "deaf"):
        n += 1
        send(event="token", id=number, text=f"{n} ", n=n)
        if kind in ("deaf", "good") and tokens > 1000:
            time.sleep(0.001)
    reason = "stopped" if number in STOPPED else "length"
    seconds = time.monotonic() - started
    send(event="done", id=number, finish_reason=reason, tokens=n, seconds=seconds, prompt_tokens=1)


if __name__ == "__main__":
    main()
