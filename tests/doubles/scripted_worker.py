"""An engine worker whose model does what the question says: the real worker, a scripted engine.

    count N        answers "1 2 3 …" up to N, a token each
    echo TEXT      answers TEXT, a character at a time
    forever        one token every few milliseconds until it is stopped
    climb          the same with numbers: "1 2 3 …"
    deaf           as forever, and does not hear that it is stopped
    die N WORDS    answers N tokens, writes WORDS on standard error and is gone
    fail WORDS     raises RuntimeError(WORDS)
    history        answers all contents that it was told, joined by "|"
    write FILE     answers what the file holds, a character at a time

The environment says how it loads: EMOTUI_SCRIPT_LOAD=fail raises, =hang never ends.
Run by path: `python scripted_worker.py`; `make_interpreter` makes an environment that does.
"""

import json
import os
import sys
import time
from pathlib import Path

WORKER = Path(__file__).resolve().parents[2] / "emotui" / "engine" / "worker"
ENDLESS = ("forever", "climb", "deaf")
PACE_S = 0.02  # slow enough for a test to find the app at rest between two tokens


class ScriptedEngine:
    """Does what the last question says."""

    def load(self, path, options, phase):
        how = os.environ.get("EMOTUI_SCRIPT_LOAD", "")
        phase("import")
        if how == "hang":
            time.sleep(3600)
        if how == "fail":
            raise RuntimeError("the weights are not there")
        phase("weights")
        return {"engine": "scripted", "device": "cpu", "template": "tokenizer", "session_len": 99}

    def generate(self, messages, sampling, emit, stop):
        question = messages[-1]["content"]
        verb, _, rest = question.partition(" ")
        limit = 0 if verb in ENDLESS else int(sampling.get("max_tokens") or 512)
        pieces = getattr(self, "_" + verb)(rest, messages, stop)
        tokens = 0
        for piece in pieces:
            tokens += 1
            emit(piece, tokens)
            if tokens == limit:
                return {"finish_reason": "length", "tokens": tokens}
        return {"finish_reason": "stop", "tokens": tokens}

    def _count(self, rest, messages, stop):
        for number in range(1, int(rest) + 1):
            if stop.is_set():
                return
            yield f"{number} "

    def _echo(self, rest, messages, stop):
        yield from rest

    def _write(self, rest, messages, stop):
        yield from Path(rest).read_text("utf-8", "surrogateescape")

    def _forever(self, rest, messages, stop):
        while not stop.is_set():
            yield "more "
            time.sleep(PACE_S)

    def _climb(self, rest, messages, stop):
        number = 0
        while not stop.is_set():
            number += 1
            yield f"{number} "
            time.sleep(PACE_S)

    def _deaf(self, rest, messages, stop):
        while True:
            yield "more "
            time.sleep(PACE_S)

    def _die(self, rest, messages, stop):
        number, _, words = rest.partition(" ")
        for _ in range(int(number)):
            yield "dying "
        print(words, file=sys.stderr, flush=True)
        time.sleep(0.05)  # the tokens leave first
        os._exit(3)

    def _fail(self, rest, messages, stop):
        yield ""
        raise RuntimeError(rest)

    def _history(self, rest, messages, stop):
        yield "|".join(message["content"] for message in messages)


def make_interpreter(folder: Path, **packages: str) -> Path:
    """Make an environment whose Python runs this script where a worker is asked for.

    It seems to have LMDeploy and what an engine needs; return its interpreter.
    """
    # Imported here, because the worker is run by path and knows of no other double.
    from doubles.environments import make_environment

    program = make_environment(folder, **packages)
    program.rename(program.with_name("python-itself"))
    program.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *"{WORKER}") shift; shift; set -- -u "{Path(__file__).resolve()}";; esac\n'
        'exec "$(dirname "$0")/python-itself" "$@"\n'
    )
    program.chmod(0o755)
    return program


def make_model(folder: Path) -> Path:
    """Make a folder that is a small Llama checkpoint as far as its configuration goes."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 256,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "num_hidden_layers": 1,
        "vocab_size": 1024,
        "max_position_embeddings": 2048,
        "torch_dtype": "float16",
    }
    header = json.dumps(
        {"lm_head.weight": {"dtype": "F16", "shape": [8, 2], "data_offsets": [0, 32]}}
    ).encode()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.model").write_bytes(b"\x0a")
    (folder / "model.safetensors").write_bytes(
        len(header).to_bytes(8, "little") + header + b"\0" * 32
    )
    return folder


def main() -> None:
    sys.path.insert(0, str(WORKER))
    import emotui_serve

    wire = os.dup(1)
    os.dup2(2, 1)
    requests = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    emotui_serve.make_engine = lambda name: ScriptedEngine()
    emotui_serve.serve(requests, wire)


if __name__ == "__main__":
    main()
