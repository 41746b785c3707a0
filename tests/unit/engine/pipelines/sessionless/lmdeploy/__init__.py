"""LMDeploy's pipeline as it was up to 0.11, as far as the worker uses it.

`EMOTUI_SEEN` names a file that hears what the pipeline was given. The worker runs on the real
thing in tests/integration/test_turbomind_gpu.py.
"""

import asyncio
import json
import os
from dataclasses import asdict, dataclass

from lmdeploy.model import ChatTemplateConfig

__version__ = "0.2.4"


@dataclass
class TurbomindEngineConfig:
    model_name: str = None
    model_format: str = None
    tp: int = 1
    session_len: int = None
    max_batch_size: int = 128
    cache_max_entry_count: float = 0.8
    quant_policy: int = 0


@dataclass
class GenerationConfig:
    max_new_tokens: int = 512
    top_p: float = 1.0
    top_k: int = 1
    temperature: float = 0.8
    repetition_penalty: float = 1.0
    random_seed: int = None


@dataclass
class GenOut:
    response: str
    history_token_len: int
    input_token_len: int
    generate_token_len: int
    finish_reason: str = None


def note(**facts):
    with open(os.environ["EMOTUI_SEEN"], "a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


class Tokenizer:
    """A token is a character."""

    def encode(self, text, add_bos):
        return [1] * add_bos + [ord(char) for char in text]


class AsyncEngine:
    tokenizer = Tokenizer()

    def __init__(self, template, session_len):
        self.chat_template = template.chat_template
        self.session_len = session_len or 64
        self.stopped = set()

    def stream_infer(self, prompts, gen_config=None, do_preprocess=True):
        raise NotImplementedError

    def stop_session(self, session_id):
        note(stopped=session_id)
        self.stopped.add(session_id)

    async def generate(self, messages, session_id, gen_config, do_preprocess, **options):
        note(prompt=messages, gen_config=asdict(gen_config), do_preprocess=do_preprocess, **options)
        asyncio.get_event_loop()
        prompt = len(self.tokenizer.encode(messages, True))
        if prompt + gen_config.max_new_tokens >= self.session_len:
            yield GenOut("", 0, prompt, 0, "length")
            return
        n = 0
        while n < gen_config.max_new_tokens and session_id not in self.stopped:
            n += 1
            await asyncio.sleep(0)
            yield GenOut(f"{n} ", 0, prompt, n)
        yield GenOut("\ufffd", 0, prompt, n, "length" if n >= gen_config.max_new_tokens else "stop")


def pipeline(
    model_path,
    model_name=None,
    backend_config=None,
    chat_template_config=None,
    log_level="ERROR",
    **kwargs,
):
    note(model_path=model_path, model_name=model_name, config=asdict(backend_config), more=kwargs)
    template = chat_template_config or ChatTemplateConfig(model_name)
    return AsyncEngine(template, backend_config.session_len)
