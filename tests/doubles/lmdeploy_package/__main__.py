"""`python -m lmdeploy`, as the real package has it."""

from lmdeploy.cli.cli import CLI

CLI.add_parsers()
arguments = CLI.parser.parse_args()
arguments.run(arguments)
