"""``qa rules``: list, draw up, check, test, try, compare, publish rule packs; the waits of a chat; the reference."""

from __future__ import annotations

import click

from qa.cli.rules.backtest import backtest_
from qa.cli.rules.checking import check, docs, test
from qa.cli.rules.comparing import diff
from qa.cli.rules.listing import list_
from qa.cli.rules.new import new
from qa.cli.rules.publishing import history, publish
from qa.cli.rules.trial import ledger, try_


@click.group("rules")
def command() -> None:
    """Work on rule packs: list, draw up, check, test, try, compare, backtest, publish them; see a chat's waits.

    docs/rules.md explains how to write one, docs/rule-changes.md how to change one that is in use.
    """


for _one in (list_, new, check, test, try_, diff, backtest_, publish, history, ledger, docs):
    command.add_command(_one)
