"""The `turbomind` engine: LMDeploy's pipeline, from 0.2.0 with its workspaces to 0.18.

Two forms of its interface are met. Up to 0.11 the pipeline is the engine: an asynchronous
`generate` with a session number, ended by `stop_session`; the room for the answer has to be
computed, since up to 0.4 a request that could outgrow the session is answered with nothing.
From 0.12 there are session objects with an `abort`.
"""

import asyncio
import inspect
import itertools

from emotui_text import PLAIN_STOP, UNFINISHED, StopText, plain_prompt


class TurboMindEngine:
    """A pipeline of LMDeploy that answers one request at a time."""

    def load(self, path, options, phase):
        """Load the model or workspace `path`; return what there is to know about it."""
        phase("import")
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)  # up to 0.5 the pipeline takes the current one
        import lmdeploy
        from lmdeploy.model import ChatTemplateConfig

        self._lmdeploy = lmdeploy
        phase("weights")
        config = _fitting(lmdeploy.TurbomindEngineConfig, options)
        if lmdeploy.__version__ in ("0.2.0", "0.2.1"):
            config["model_name"] = options.get("model_name")
        wanted = {
            "backend_config": lmdeploy.TurbomindEngineConfig(**config),
            "model_name": options.get("model_name"),
            "trust_remote_code": bool(options.get("trust_remote_code")),
            "log_level": "WARNING",
        }
        if options.get("chat_template"):
            wanted["chat_template_config"] = ChatTemplateConfig(options["chat_template"])
        known = inspect.signature(lmdeploy.pipeline).parameters
        pipe = lmdeploy.pipeline(path, **{k: v for k, v in wanted.items() if k in known})
        has_sessions = "sessions" in inspect.signature(pipe.stream_infer).parameters
        self._talk = Sessions(pipe) if has_sessions else Sessionless(pipe, self._loop)
        self._name = options.get("chat_template") or options.get("model_name")
        self._engine = self._talk.engine
        self._template = self._find_template()
        return {
            "engine": getattr(self._engine, "backend", "turbomind"),
            "device": "cuda",
            "template": self._template,
            "session_len": self._session_len(),
        }

    def generate(self, messages, sampling, emit, stop):
        """Answer `messages`; call `emit(text, tokens)` for each piece as it comes."""
        plain = self._template == "none"
        prompt = plain_prompt(messages) if plain else self._render(messages)
        prompt_tokens = len(self._engine.tokenizer.encode(prompt, add_bos=True))
        room = int(sampling.get("max_tokens") or 512)
        if self._session_len() is not None:
            room = min(room, self._session_len() - prompt_tokens - 1)
        if room < 1:
            return {"finish_reason": "length", "tokens": 0, "prompt_tokens": prompt_tokens}
        answer = Answer(emit, PLAIN_STOP if plain else "")
        request = prompt if plain else messages
        self._talk.run(request, prompt, self._sampling(sampling, room), answer, stop)
        return answer.result(prompt_tokens)

    def _sampling(self, sampling, room):
        temperature = min(max(float(sampling.get("temperature", 0.8)), 0.0), 2.0)
        greedy = temperature == 0.0
        wanted = {
            "max_new_tokens": room,
            "do_sample": not greedy,  # since 0.6
            "temperature": 1.0 if greedy else temperature,
            "top_k": 1 if greedy else max(int(sampling.get("top_k", 40)), 0),
            "top_p": min(max(float(sampling.get("top_p", 0.8)), 1e-6), 1.0),
            "repetition_penalty": float(sampling.get("repetition_penalty", 1.0)),
            "random_seed": sampling.get("seed"),
        }
        kind = self._lmdeploy.GenerationConfig
        return kind(**_fitting(kind, wanted))

    def _session_len(self):
        return getattr(self._engine, "session_len", None)

    def _render(self, messages):
        return self._engine.chat_template.messages2prompt(messages)

    def _find_template(self):
        """Return what dresses the prompt; templates that leave it as it is count as none."""
        if type(self._engine.chat_template).__name__ == "HFChatTemplate":
            return "tokenizer"
        try:
            dressed = self._render([{"role": "user", "content": "HI"}])
        except Exception as error:
            print("the chat template cannot be tried: {}".format(error), flush=True)
            dressed = None
        if dressed is None or dressed.strip() == "HI":
            return "none"
        name = self._name or getattr(self._engine, "model_name", None)
        if not name or "/" in str(name):  # from 0.5 the folder's path may stand there
            name = type(self._engine.chat_template).__name__.lower()
        return "builtin:{}".format(name)


class Sessions:
    """Talks to a pipeline with session objects (0.12 and later)."""

    def __init__(self, pipe):
        self.engine = pipe.async_engine
        self._pipe = pipe

    def run(self, request, _prompt, config, answer, stop):
        """Have `request` answered, until its end or until it is told to stop."""
        session = self._pipe.session()
        stop.then(session.abort)
        plain = isinstance(request, str)
        outputs = self._pipe.stream_infer(
            request if plain else [request],
            sessions=session if plain else [session],
            gen_config=config,
            do_preprocess=not plain,
        )
        told = False
        for output in outputs:
            error = getattr(output, "error_message", None)
            answer.take(
                output.text, output.generate_token_len, output.input_token_len, output.finish_reason
            )
            if error and output.finish_reason == "error":
                answer.error = str(error)
            # A request that had not begun when it was told to stop is told again.
            if (stop.is_set() or answer.complete) and not told and not output.finish_reason:
                told = True
                session.abort()


class Sessionless:
    """Talks to a pipeline that is the engine itself (up to 0.11)."""

    def __init__(self, pipe, loop):
        self.engine = pipe
        self._loop = loop
        self._numbers = itertools.count(1)

    def run(self, _request, prompt, config, answer, stop):
        """Have `prompt` answered, until its end or until it is told to stop."""
        number = next(self._numbers)

        def tell():
            asyncio.run_coroutine_threadsafe(self._cancel(number), self._loop)

        stop.then(tell)
        self._loop.run_until_complete(self._run(number, prompt, config, answer, stop))

    async def _run(self, number, prompt, config, answer, stop):
        told = False
        async for output in self.engine.generate(
            prompt,
            number,
            gen_config=config,
            stream_response=True,
            sequence_start=True,
            sequence_end=True,
            step=0,
            do_preprocess=False,
        ):
            answer.take(
                output.response,
                output.generate_token_len,
                output.input_token_len,
                output.finish_reason,
            )
            if (stop.is_set() or answer.complete) and not told and not output.finish_reason:
                told = True
                await self._cancel(number)

    async def _cancel(self, number):
        waiting = self.engine.stop_session(number)
        if inspect.isawaitable(waiting):
            await waiting


class Answer:
    """What came of an answer so far."""

    def __init__(self, emit, stop_text):
        self.error = None
        self._emit = emit
        self._stop_text = StopText(stop_text)
        self._tokens = 0
        self._prompt_tokens = None
        self._reason = None

    @property
    def complete(self):
        """Whether the answer has reached its stop string."""
        return self._stop_text.found

    def take(self, text, tokens, prompt_tokens, reason):
        """Take one output of the engine."""
        if self.complete:
            return
        self._tokens = max(self._tokens, tokens or 0)
        self._prompt_tokens = prompt_tokens or self._prompt_tokens
        self._reason = reason or self._reason
        text = text or ""
        if reason:
            text = text.rstrip(UNFINISHED)  # a character that stayed incomplete
        shown = self._stop_text.put(text)
        if reason:
            shown += self._stop_text.end()
        self._emit(shown, self._tokens)

    def result(self, prompt_tokens):
        """Return how it ended."""
        known = {"stop": "stop", "length": "length", "error": "error"}
        result = {
            "finish_reason": "stop" if self.complete else known.get(self._reason, "stop"),
            "tokens": self._tokens,
            "prompt_tokens": self._prompt_tokens or prompt_tokens,
        }
        if result["finish_reason"] == "error":
            result["error"] = self.error or "the engine reported an error"
        return result


def _fitting(kind, values):
    """Return those of `values` that are set and that the dataclass `kind` has."""
    fields = set(kind.__dataclass_fields__) - {"model_name"}
    return {name: value for name, value in values.items() if name in fields and value is not None}
