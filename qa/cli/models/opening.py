"""What the commands on models share: the registry of this installation, and options that take several values."""

from __future__ import annotations

import secrets
from functools import partial

import click

from qa.config import Settings
from qa.models.registry import Registry
from qa.models.secret import installation_secret
from qa.models.shipping import SHIPPED_MODEL


def registry(settings: Settings) -> Registry:
    """Return the registry in the data directory; its secret is read, or made, when first needed."""
    key = settings.secret_key.get_secret_value() if settings.secret_key else None
    return Registry(
        settings.data_dir, partial(installation_secret, settings.data_dir, key, secrets.token_bytes), SHIPPED_MODEL
    )


class ManyValues(click.Command):
    """A command without arguments of its own whose repeatable options take several values: ``--data a b --data c``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write the option in front of each of its values, then parse as usual."""
        many = {name for one in self.params if isinstance(one, click.Option) and one.multiple for name in one.opts}
        spread: list[str] = []
        open_for: str | None = None
        for word in args:
            if word.startswith("-"):
                open_for = None
            elif open_for is not None and spread[-1] != open_for:  # not its first value
                spread.append(open_for)
            name = word.partition("=")[0]
            if name in many:
                open_for = name
            spread.append(word)
        return super().parse_args(ctx, spread)
