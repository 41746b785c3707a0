"""LMDeploy's pipeline as it is from 0.12 on, as far as the worker uses it.

`EMOTUI_SEEN` names a file that hears what the pipeline was given. The worker runs on the real
thing in tests/integration/test_turbomind_gpu.py.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass

__version__ = "0.18.0"


@dataclass
class TurbomindEngineConfig:
    model_format: str = None
    tp: int = 1
    session_len: int = None
    quant_policy: int = 0


@dataclass
class GenerationConfig:
    max_new_tokens: int = 512
    do_sample: bool = False
    top_p: float = 1.0
    top_k: int = 50
    temperature: float = 0.8
    repetition_penalty: float = 1.0
    random_seed: int = None


@dataclass
class Response:
    text: str
    generate_token_len: int
    input_token_len: int
    finish_reason: str = None
    error_message: str = None


def note(**facts):
    with open(os.environ["EMOTUI_SEEN"], "a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


class HFChatTemplate:
    def messages2prompt(self, messages, **kwargs):
        return "".join(f"<{item['role']}>{item['content']}" for item in messages)


class Tokenizer:
    """A token is a character."""

    def encode(self, text, add_bos):
        return [1] * add_bos + [ord(char) for char in text]


class AsyncEngine:
    backend = "turbomind"
    chat_template = HFChatTemplate()
    session_len = 64
    tokenizer = Tokenizer()


class Session:
    def __init__(self):
        self.told = threading.Event()

    def abort(self):
        note(aborted=True)
        self.told.set()


class Pipeline:
    def __init__(self, session_len):
        self.async_engine = AsyncEngine()
        self.async_engine.session_len = session_len or 64

    def session(self):
        return Session()

    def stream_infer(self, prompts, sessions=None, gen_config=None, do_preprocess=True):
        note(prompts=prompts, gen_config=asdict(gen_config), do_preprocess=do_preprocess)
        if prompts[0][-1]["content"] == "fail":
            yield Response("", 0, 3, "error", "the engine is out of blocks")
            return
        n = 0
        while n < gen_config.max_new_tokens and not sessions[0].told.is_set():
            n += 1
            yield Response(f"{n} ", n, 3)
        yield Response("", n, 3, "abort" if sessions[0].told.is_set() else "length")


def pipeline(model_path, backend_config=None, trust_remote_code=False, log_level="WARNING"):
    note(model_path=model_path, config=asdict(backend_config), trust=trust_remote_code)
    return Pipeline(backend_config.session_len)
