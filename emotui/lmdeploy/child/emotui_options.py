"""Say which options a command of this interpreter's LMDeploy takes, and its chat templates.

    emotui_options.py LMDEPLOY_FOLDER COMMAND...        for example: .../lmdeploy convert

Run by path with somebody else's interpreter: standard library and lmdeploy only, Python 3.8
syntax. One JSON document on the last line of standard output. LMDeploy's package imports torch
when it is imported as a whole; its command line does not need that, so the package is first
stood in for by an empty one with the same folder, and imported truly only when that fails.
"""

import inspect
import json
import os
import re
import sys
import types

PROTOCOL = 1


def stand_in(folder):
    """Put an empty `lmdeploy` package in place, whose sub-modules are the real ones."""
    package = types.ModuleType("lmdeploy")
    package.__path__ = [folder]
    package.__file__ = os.path.join(folder, "__init__.py")
    sys.modules["lmdeploy"] = package


def forget():
    """Drop the stand-in and everything imported through it."""
    for name in [name for name in sys.modules if name.split(".")[0] == "lmdeploy"]:
        del sys.modules[name]


def describe_action(action):
    """Return one argument of an argparse parser."""
    kind = type(action).__name__.strip("_").replace("Action", "")
    return {
        "flags": list(action.option_strings),
        "dest": action.dest,
        "action": kind,
        "type": getattr(action.type, "__name__", None),
        "default": plain(action.default),
        "choices": None if action.choices is None else [str(one) for one in action.choices],
        "nargs": None if action.nargs is None else str(action.nargs),
        "required": bool(action.required),
        "help": action.help or "",
    }


def plain(value):
    """Return a default as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def parser_of(cli, command):
    """Return the argparse parser of a command such as ["convert"], None when there is none."""
    cli.CLI.add_parsers()
    if len(command) > 1:
        module = __import__("lmdeploy.cli." + command[0], fromlist=["x"])
        getattr(module, "SubCli" + command[0].capitalize()).add_parsers()
    parser = cli.CLI.parser
    for word in command:
        choices = [a.choices for a in parser._actions if type(a).__name__ == "_SubParsersAction"]
        if not choices or word not in choices[0]:
            return None
        parser = choices[0][word]
    return parser


def options_of_argparse(cli, command):
    """Return the arguments of a command of 0.2.0 and later."""
    parser = parser_of(cli, command)
    if parser is None:
        return None
    return [
        describe_action(action)
        for action in parser._actions
        if type(action).__name__ not in ("_HelpAction", "_VersionAction", "_SubParsersAction")
    ]


def options_of_fire(cli, command):
    """Return the parameters of a command of 0.0.13 to 0.1.0, which fire turns into flags."""
    function = getattr(cli.CLI, command[0], None) if len(command) == 1 else None
    if function is None:
        return None
    texts = {
        name: " ".join(text.split())
        for name, text in re.findall(
            r"^\s+(\w+) \([^)]*\): ((?:.|\n(?!\s+\w+ \())*)", function.__doc__ or "", re.MULTILINE
        )
    }
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self" or parameter.kind is parameter.VAR_KEYWORD:
            continue
        needed = parameter.default is parameter.empty
        default = None if needed else plain(parameter.default)
        found.append(
            {
                "flags": [] if needed else ["--" + parameter.name.replace("_", "-")],
                "dest": parameter.name,
                "action": "Store",
                "type": type(default).__name__ if default is not None else "str",
                "default": default,
                "choices": None,
                "nargs": None,
                "required": needed,
                "help": texts.get(parameter.name, ""),
            }
        )
    return found


def options(command):
    """Return the options of `command`, None when this version does not have it."""
    from lmdeploy.cli import cli

    if hasattr(cli.CLI, "add_parsers"):
        return options_of_argparse(cli, command)
    return options_of_fire(cli, command)


def templates():
    """Return chat template name -> whether it dresses a prompt as a chat (None: unknown)."""
    from lmdeploy.model import MODELS

    return {str(name): is_chat(MODELS.get(name)) for name in MODELS.module_dict}


def is_chat(template):
    try:
        return template().get_prompt("HI", True) != "HI"
    except Exception:  # LMDeploy's own code, of any version: what it raises is not known
        return None


def attempt(folder, function, *arguments):
    """Call with the stand-in, and again with the whole package when that fails."""
    stand_in(folder)
    try:
        return function(*arguments), None
    except Exception:  # whatever the stand-in lacks, the whole package may have
        forget()
    try:
        return function(*arguments), None
    except Exception as error:
        return None, "{}: {}".format(type(error).__name__, error)
    finally:
        forget()


def main(folder, command):
    """Return the document."""
    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(__file__)]
    sys.path.append(os.path.dirname(folder))  # for a checkout that is not on the path
    found, problem = attempt(folder, options, command)
    document = {"protocol": PROTOCOL, "options": found, "problem": problem, "templates": None}
    if found is not None and "model_name" in [option["dest"] for option in found]:
        document["templates"], _ = attempt(folder, templates)
    return document


if __name__ == "__main__":
    # Before anything of LMDeploy can print.
    answer = json.dumps(main(sys.argv[1], sys.argv[2:]))
    sys.stdout.write("\n" + answer + "\n")
