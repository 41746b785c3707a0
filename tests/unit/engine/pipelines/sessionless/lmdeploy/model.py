"""Two templates: `llama2` dresses the prompt, `base` leaves it raw (0.2.4 returns None then)."""

from dataclasses import dataclass


@dataclass
class ChatTemplateConfig:
    model_name: str

    @property
    def chat_template(self):
        return Base() if self.model_name == "base" else Llama2()


class Base:
    def messages2prompt(self, messages, sequence_start=True):
        return None


class Llama2:
    def messages2prompt(self, messages, sequence_start=True):
        return "".join(f"[{item['role']}]{item['content']}" for item in messages)
