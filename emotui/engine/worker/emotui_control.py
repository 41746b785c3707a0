"""What the other side asks for: a thread reads it, so that stop and the end are always heard.

The end of the input means that EmoTUI is gone, killed perhaps: the worker ends at once, in the
middle of a generation or a load too, and takes its own child processes with it.
"""

import json
import os
import queue
import sys
import threading
import time

from emotui_leave import leave
from emotui_wire import MAX_LINE_BYTES


class Stop:
    """Whether an answer was told to end, and what has to be called then."""

    def __init__(self):
        self._lock = threading.Lock()
        self._told = False
        self._call = None

    def is_set(self):
        """Return whether the answer was told to end."""
        return self._told

    def then(self, call):
        """Have `call` run once when the answer is told to end, at once if it was already."""
        with self._lock:
            self._call = call
            told = self._told
        if told:
            call()

    def set(self):
        """Tell the answer to end."""
        with self._lock:
            call = None if self._told else self._call
            self._told = True
        if call is not None:
            call()


class Control:
    """Reads requests from a descriptor in a thread of its own."""

    def __init__(self, descriptor, wire):
        self._input = os.fdopen(descriptor, "rb")
        self._wire = wire
        self._waiting = queue.Queue()
        self._stops = {}
        threading.Thread(target=self._read, name="emotui-control", daemon=True).start()

    def requests(self):
        """Yield what is to be done by the main thread, in order."""
        while True:
            request = self._waiting.get()
            yield request
            self._stops.pop(request.get("id"), None)

    def _read(self):
        while True:
            line = self._input.readline(MAX_LINE_BYTES + 1)
            if not line:
                leave(0)
            try:
                self._take(line)
            except Exception as error:
                text = "not a request: {!r}: {}".format(line[:200], error)
                print(text, file=sys.stderr, flush=True)
                self._wire.send(event="error", id=None, text=text)

    def _take(self, line):
        request = json.loads(line.decode("utf-8"))
        action = request["do"]
        if action == "quit":
            leave(0)
        elif action == "stop":
            stop = self._stops.get(request["id"])
            if stop is not None:
                stop.set()
        elif action == "generate":
            request["arrived"] = time.monotonic()
            request["stop"] = self._stops[request["id"]] = Stop()
            self._waiting.put(request)
        elif action == "load":
            self._waiting.put(request)
