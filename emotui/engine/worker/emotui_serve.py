"""The worker's main loop: load a model, then answer, one request after another."""

import sys
import time
import traceback

from emotui_control import Control
from emotui_leave import leave
from emotui_wire import PROTOCOL, Wire, versions


def serve(requests, wire):
    """Say hello, then do what is asked until the other side goes away.

    Both arguments are descriptors: where requests come from and where messages go.
    """
    wire = Wire(wire)
    wire.send(event="hello", protocol=PROTOCOL, python=sys.version.split()[0], **versions())
    control = Control(requests, wire)
    engine = None
    for request in control.requests():
        if request["do"] == "load":
            engine = load(request, wire)
        elif request["do"] == "generate":
            answer(engine, request, wire)


def load(request, wire):
    """Return the engine with the model loaded; end the process when it cannot be."""
    started = time.monotonic()
    try:
        engine = make_engine(request["engine"])
        ready = engine.load(
            request["model"],
            request.get("options") or {},
            lambda phase: wire.send(event="loading", phase=phase),
        )
    except BaseException as error:
        traceback.print_exc()
        wire.send(event="error", id=None, text=describe(error))
        leave(1)
    wire.send(event="ready", seconds=round(time.monotonic() - started, 3), **ready)
    return engine


def make_engine(name):
    """Return an engine that has loaded nothing; its libraries are imported in `load`."""
    if name == "transformers":
        from emotui_transformers import TransformersEngine

        return TransformersEngine()
    if name == "turbomind":
        from emotui_turbomind import TurboMindEngine

        return TurboMindEngine()
    raise ValueError("unknown engine: {}".format(name))


def answer(engine, request, wire):
    """Generate one answer: its tokens as they come, then how it ended and what it took."""
    number, arrived, stop = request["id"], request["arrived"], request["stop"]
    first = []
    count = [0]

    def emit(text, tokens):
        if not first and tokens:
            first.append(time.monotonic())
        count[0] = tokens
        wire.send_text(number, text, tokens)

    result = {}
    fatal = False
    try:
        if engine is None:
            raise RuntimeError("no model is loaded")
        result = engine.generate(request["messages"], request.get("sampling") or {}, emit, stop)
    except Exception as error:
        traceback.print_exc()
        result = {"finish_reason": "error", "error": describe(error)}
        fatal = "CUDA error" in str(error)  # the context is lost; nothing will work any more
    if stop.is_set() and result["finish_reason"] != "error":
        result["finish_reason"] = "stopped"
    result.setdefault("tokens", count[0])
    wire.send(
        event="done",
        id=number,
        seconds=round(time.monotonic() - arrived, 6),
        first_token_seconds=round(first[0] - arrived, 6) if first else None,
        **result,
    )
    if fatal:
        leave(1)


def describe(error):
    """Return an exception as Python's last line of a traceback would."""
    text = str(error).strip()
    name = type(error).__name__
    return "{}: {}".format(name, text) if text else name
