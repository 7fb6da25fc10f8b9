"""``qa models``: train, look at, compare, promote, roll back, verify versions of the classifier."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    "train": "qa.cli.models.train:train",
    "evaluate": "qa.cli.models.evaluating:evaluate",
    "explain": "qa.cli.models.explaining:explain",
    "data": "qa.cli.models.explaining:data",
    "ship": "qa.cli.models.ship:ship",
    "suggest": "qa.cli.models.suggest:suggest",
    "list": "qa.cli.models.showing:list_",
    "show": "qa.cli.models.showing:show",
    "compare": "qa.cli.models.comparing:compare",
    "promote": "qa.cli.models.changing:promote",
    "rollback": "qa.cli.models.changing:rollback",
    "history": "qa.cli.models.changing:history",
    "verify": "qa.cli.models.showing:verify",
}
"""In the order of the help; loaded when called, because those that fit a model load scikit-learn."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are called or explained."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group("models", cls=_Lazy)
def command() -> None:
    """Train, look at, compare, promote, roll back and verify versions of the classifier.

    docs/model-registry.md explains where they are kept and why a version is refused.
    """
