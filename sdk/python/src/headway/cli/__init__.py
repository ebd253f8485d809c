"""The `headway` command: flags, reviewed files, code references and reports from a terminal or a build.

Standard library only; reading YAML needs the extra `cli`. Every module here with a function
`register(subparsers)` is a command, and so is every entry point of the group `headway.commands`. A command
sets `run(options, shell)` as a default of its parser; it returns an exit code of `headway.cli.failures`.
"""
