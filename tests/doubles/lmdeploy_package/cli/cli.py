"""A command line with the arguments that `convert` of 0.2.4 takes, and one more."""

import argparse


class CLI:
    parser = argparse.ArgumentParser(prog="lmdeploy")
    subparsers = parser.add_subparsers(dest="command")

    @staticmethod
    def add_parsers():
        parser = CLI.subparsers.add_parser("convert")
        parser.add_argument("model_name", type=str, help="The name of the model.")
        parser.add_argument("model_path", type=str, help="The directory path of the model.")
        parser.add_argument("--model-format", type=str, choices=["hf", "llama", "awq"])
        parser.add_argument("--tp", type=int, default=1, help="GPUs.")
        parser.add_argument("--tokenizer-path", type=str)
        parser.add_argument("--dst-path", type=str, default="workspace")
        parser.add_argument("--quant-path", type=str)
        parser.add_argument("--group-size", type=int, default=0)
        parser.add_argument("--trust-remote-code", action="store_true")
        parser.add_argument("--new-thing", type=float, default=0.5, help="Not known yet [x].")
        parser.set_defaults(run=CLI.convert)

    @staticmethod
    def convert(arguments):
        from lmdeploy.converter import convert

        convert(arguments)
