"""A registry of chat templates."""


class Registry:
    module_dict = {}

    def get(self, name):
        return self.module_dict[name]


class Base:
    def get_prompt(self, prompt, sequence_start=True):
        return prompt


class Chat:
    def get_prompt(self, prompt, sequence_start=True):
        return f"<user>{prompt}</user>"


class Broken:
    def __init__(self):
        raise RuntimeError


MODELS = Registry()
MODELS.module_dict.update({"base": Base, "llama": Base, "llama2": Chat, "internlm2-chat-7b": Chat})
MODELS.module_dict.update({"internlm2-7b": Base, "qwen-7b": Chat, "odd": Broken})
