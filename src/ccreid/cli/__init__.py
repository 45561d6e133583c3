"""The command line: thin verbs, one file a family; whatever is heavy is imported inside them."""

from ccreid.cli.entry import app, main

__all__ = ["app", "main"]
