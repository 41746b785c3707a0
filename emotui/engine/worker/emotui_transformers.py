"""The `transformers` engine: the model as PyTorch runs it, on a GPU or on a CPU.

Written for transformers 4.37 (what LMDeploy 0.2.4 wants) up to 5.x.
"""

from emotui_text import PLAIN_STOP, Detokenizer, StopText, chatml_prompt, plain_prompt

TURN_END = "<|im_end|>"
TURN_START = "<|im_start|>"


class TransformersEngine:
    """A causal language model with its tokenizer."""

    def load(self, path, options, phase):
        """Load the model of the folder `path`; return what there is to know about it."""
        phase("import")
        import torch
        import transformers

        self._torch = torch
        trust = bool(options.get("trust_remote_code"))
        phase("tokenizer")
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=trust)
        self._device = options.get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
        phase("weights")
        self._model = transformers.AutoModelForCausalLM.from_pretrained(
            path, trust_remote_code=trust, **self._weights(transformers)
        )
        self._model.to(self._device)
        self._model.eval()
        self._template, self._stop_ids = self._find_template()
        self._session_len = self._find_session_len(options)
        return {
            "engine": "transformers",
            "device": self._device,
            "template": self._template,
            "session_len": self._session_len,
        }

    def generate(self, messages, sampling, emit, stop):
        """Answer `messages`; call `emit(text, tokens)` for each token as it comes."""
        torch = self._torch
        inputs = self._encode(messages)
        prompt_tokens = int(inputs["input_ids"].shape[1])
        room = int(sampling.get("max_tokens") or 512)
        if self._session_len is not None:
            room = min(room, self._session_len - prompt_tokens)
        if room < 1:
            return {"finish_reason": "length", "tokens": 0, "prompt_tokens": prompt_tokens}
        if sampling.get("seed") is not None:
            torch.manual_seed(int(sampling["seed"]))
        stream = self._stream(emit, stop)
        with torch.inference_mode():
            self._model.generate(
                **inputs,
                streamer=stream,
                stopping_criteria=self._criteria(stream),
                **self._sampling(sampling, room),
            )
        ended = stream.ended or stream.tokens < room
        return {
            "finish_reason": "stop" if ended else "length",
            "tokens": stream.tokens,
            "prompt_tokens": prompt_tokens,
        }

    def _weights(self, transformers):
        torch = self._torch
        if self._device == "cpu":
            dtype = torch.float32  # half precision is missing or slow there
        elif torch.cuda.is_bf16_supported():
            dtype = "auto"
        else:
            dtype = torch.float16
        name = "dtype" if _release(transformers.__version__) >= (4, 56) else "torch_dtype"
        wanted = {name: dtype}
        try:
            import accelerate  # noqa: F401 (with it, weights are not held in memory twice)

            wanted["low_cpu_mem_usage"] = True
        except ImportError:
            pass
        return wanted

    def _find_template(self):
        """Return where the chat template is from, and the ids that end a turn."""
        tokenizer = self._tokenizer
        ends = set(_ids(tokenizer.eos_token_id))
        config = getattr(self._model, "generation_config", None)
        ends.update(_ids(getattr(config, "eos_token_id", None)))
        known = tokenizer.get_vocab()
        if getattr(tokenizer, "chat_template", None):
            ends.update(self._turn_end())
            return "tokenizer", sorted(ends)
        if TURN_START in known and TURN_END in known:
            ends.add(known[TURN_END])
            return "builtin:chatml", sorted(ends)
        return "none", sorted(ends)

    def _turn_end(self):
        """Return the special token that the template writes after an assistant's turn."""
        mark = "0"
        turns = [{"role": "user", "content": mark}, {"role": "assistant", "content": mark}]
        try:
            text = self._tokenizer.apply_chat_template(turns, tokenize=False)
            after = text.rsplit(mark, 1)[1].strip()
            ids = self._tokenizer(after, add_special_tokens=False)["input_ids"]
        except Exception as error:
            print("no end of turn found in the chat template: {}".format(error), flush=True)
            return []
        special = set(self._tokenizer.all_special_ids)
        special.update(getattr(self._tokenizer, "added_tokens_decoder", None) or {})
        return ids[:1] if ids and ids[0] in special else []

    def _find_session_len(self, options):
        longest = getattr(self._model.config, "max_position_embeddings", None)
        wanted = options.get("session_len")
        lengths = [int(value) for value in (longest, wanted) if value]
        return min(lengths) if lengths else None

    def _encode(self, messages):
        tokenizer = self._tokenizer
        if self._template == "tokenizer":
            prompt = tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
        elif self._template == "none":
            prompt = plain_prompt(messages)
        else:
            prompt = chatml_prompt(messages)
        # A template writes the special tokens itself; plain text gets the tokenizer's own.
        special = self._template != "tokenizer"
        encoded = tokenizer(prompt, add_special_tokens=special, return_tensors="pt")
        return {
            name: encoded[name].to(self._device)
            for name in ("input_ids", "attention_mask")
            if name in encoded
        }

    def _sampling(self, sampling, room):
        temperature = float(sampling.get("temperature", 0.8))
        ends = self._stop_ids or None
        wanted = {
            "max_new_tokens": room,
            "eos_token_id": ends,
            "pad_token_id": self._tokenizer.pad_token_id or (ends[0] if ends else None),
            "repetition_penalty": float(sampling.get("repetition_penalty", 1.0)),
            "do_sample": temperature > 0,
        }
        if temperature > 0:
            wanted["temperature"] = temperature
            wanted["top_p"] = float(sampling.get("top_p", 1.0))
            wanted["top_k"] = int(sampling.get("top_k", 0))
        else:
            # The folder's own defaults for sampling would only cause warnings.
            wanted.update(temperature=None, top_p=None, top_k=None)
        return wanted

    def _stream(self, emit, stop):
        def decode(ids):
            return self._tokenizer.decode(
                ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )

        plain = PLAIN_STOP if self._template == "none" else ""
        return Stream(Detokenizer(decode), StopText(plain), emit, stop)

    def _criteria(self, stream):
        import transformers

        class Told(transformers.StoppingCriteria):
            def __call__(self, *_state, **_more):
                return stream.ended or stream.stop.is_set()

        return transformers.StoppingCriteriaList([Told()])


class Stream:
    """What `generate` hands its tokens to: first the prompt, then each new token."""

    def __init__(self, detokenizer, stop_text, emit, stop):
        self.tokens = 0
        self.ended = False
        self.stop = stop
        self._detokenizer = detokenizer
        self._stop_text = stop_text
        self._emit = emit
        self._prompt_seen = False

    def put(self, value):
        """Take the ids of the prompt or of a new token."""
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        ids = value.reshape(-1).tolist()
        self.tokens += len(ids)
        text = self._stop_text.put(self._detokenizer.put(ids))
        self.ended = self._stop_text.found
        self._emit(text, self.tokens)

    def end(self):
        """Pass on what was kept back."""
        text = self._stop_text.put(self._detokenizer.end()) + self._stop_text.end()
        if text:
            self._emit(text, self.tokens)


def _ids(value):
    if value is None:
        return []
    return [int(item) for item in value] if isinstance(value, (list, tuple)) else [int(value)]


def _release(version):
    """Return (major, minor) of a version such as `4.56.0.dev0`."""
    parts = [*version.split("."), "0"][:2]
    return tuple(int("".join(char for char in part if char.isdigit()) or 0) for part in parts)
