"""Text on its way in and out of a model: whole characters, stop strings, plain prompts."""

UNFINISHED = "\ufffd"
MAX_UNFINISHED = 12
"""So many marks at the end are no character that may still become whole: a character has four
bytes at most, and a tokenizer may spoil the bytes of two characters before it."""

PLAIN_STOP = "\nuser:"


class Detokenizer:
    """Turns token ids into text as they come, without ever showing half a character.

    A token can end in the middle of a character (bytes of Chinese, of emoji), and a token's
    text can depend on the one before (spaces). So the last few tokens are decoded together
    again each time, from a point where the text was whole; what goes beyond the text that was
    shown is new, unless it may be the beginning of a character.
    """

    def __init__(self, decode):
        self._decode = decode
        self._ids = []
        self._start = 0
        self._whole = 0
        self._shown = 0

    def put(self, ids):
        """Take new token ids; return the text that they complete, maybe none."""
        self._ids.extend(ids)
        text = self._decode(self._ids[self._start :])
        stable = text.rstrip(UNFINISHED)
        if len(text) - len(stable) > MAX_UNFINISHED:
            stable = text
        new = self._new(stable)
        if stable == text:
            self._start, self._whole = self._whole, len(self._ids)
            self._shown = len(self._decode(self._ids[self._start :]))
        return new

    def end(self):
        """Return what was kept back, without a character that stayed incomplete."""
        return self._new(self._decode(self._ids[self._start :]).rstrip(UNFINISHED))

    def _new(self, text):
        new = text[self._shown :]
        self._shown = max(self._shown, len(text))
        return new


class StopText:
    """Passes text on until a stop string appears; keeps back what may become one."""

    def __init__(self, stop):
        self._stop = stop
        self._kept = ""
        self.found = False

    def put(self, text):
        """Return what of `text` is certainly not part of the stop string."""
        if self.found or not self._stop:
            return "" if self.found else text
        self._kept += text
        place = self._kept.find(self._stop)
        if place >= 0:
            self.found = True
            shown, self._kept = self._kept[:place], ""
            return shown
        keep = self._possible()
        shown = self._kept[: len(self._kept) - keep]
        self._kept = self._kept[len(self._kept) - keep :]
        return shown

    def end(self):
        """Return what was kept back and did not become a stop string."""
        shown, self._kept = self._kept, ""
        return shown

    def _possible(self):
        for size in range(min(len(self._stop) - 1, len(self._kept)), 0, -1):
            if self._kept.endswith(self._stop[:size]):
                return size
        return 0


def plain_prompt(messages):
    """Return a conversation as plain text, for models that have no chat template.

    One turn a line, `role: text`, and `assistant:` at the end for the model to go on. Such an
    answer ends where the model itself begins a line with `user:`.
    """
    turns = ["{}: {}".format(item["role"], item["content"]) for item in messages]
    return "\n".join(turns) + "\nassistant:"


def chatml_prompt(messages):
    """Return a conversation in the form of InternLM2 and Qwen (`<|im_start|>`, `<|im_end|>`)."""
    turns = [
        "<|im_start|>{}\n{}<|im_end|>\n".format(item["role"], item["content"]) for item in messages
    ]
    return "".join(turns) + "<|im_start|>assistant\n"
