"""The worker's side of the wire: JSON lines out, within the limits of the protocol."""

import json
import os
import threading
from importlib import metadata

from emotui_leave import leave

PROTOCOL = 1
MAX_LINE_BYTES = 16 << 20
MAX_TEXT = 32768
"""Characters of text in one message; an escaped character takes up to twelve bytes."""

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class Wire:
    """Sends messages over a descriptor, one whole line at a time, from any thread."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, **message):
        """Send one message; end the process when nobody listens any more."""
        for key in ("text", "error"):
            if isinstance(message.get(key), str):
                message[key] = message[key][:MAX_TEXT]
        line = _encode(message).encode("ascii")
        rest = memoryview(line + b"\n")
        with self._lock:
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                leave(0)

    def send_text(self, number, text, tokens):
        """Send a piece of an answer, cut where it is longer than a message may be."""
        for start in range(0, len(text), MAX_TEXT):
            piece = text[start : start + MAX_TEXT]
            self.send(event="token", id=number, text=piece, n=tokens)


def versions():
    """Return the versions of what this interpreter has, None for what it lacks."""
    return {name: _version(name) for name in ("lmdeploy", "torch", "transformers")}


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
