"""The command line: one module a command, loaded when it is called.

``COMMANDS`` is the table of contents; ``qa --help`` is printed from it alone and imports nothing heavy.
"""

from __future__ import annotations

import difflib
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import click

from qa import __version__
from qa.errors import QaError

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells count it."""


class Entry(NamedTuple):
    """One command: the section of the help it stands in, where its code is, and its line in the help."""

    section: str
    target: str
    help: str


COMMANDS: dict[str, Entry] = {
    "import": Entry("Chats in", "qa.cli.import_:command", "Read chats from files; say what is new, changed, rejected."),
    "export": Entry("Chats in", "qa.cli.export:command", "Write stored chats as JSON Lines, as they came in."),
    "nightly": Entry("The night", "qa.cli.nightly:command", "Sample a day's chats, check, score and flag them."),
    "rescore": Entry("The night", "qa.cli.rescore:command", "Inspect nights again; the old results stay beside."),
    "sample": Entry("The night", "qa.cli.sample:command", "explain: print a draw so that anyone can redo it."),
    "rules": Entry("Rules", "qa.cli.rules:command", "check, test, try, diff, backtest, publish packs; ledger: waits."),
    "reviews": Entry("Learn", "qa.cli.reviews:command", "import, export: what people said of chats."),
    "models": Entry("Models", "qa.cli.models:command", "train, evaluate, explain, compare, promote, verify versions."),
    "show": Entry("Look", "qa.cli.show:command", "One chat: its waits, findings with quotes, and score."),
    "demo": Entry("Look", "qa.cli.demo:command", "A month of generated chats, the nights over it, what was found."),
    "queue": Entry("The workbench", "qa.cli.queue:command", "index: bring in the flagged chats of finished nights."),
    "cases": Entry("The workbench", "qa.cli.cases:command", "list, export: the case library, and collections as XLSX."),
    "serve": Entry("The workbench", "qa.cli.serve:command", "Serve the pages in which people review."),
    "init": Entry("The workbench", "qa.cli.init:command", "Make the secret, the tables and the first admin."),
    "users": Entry("The workbench", "qa.cli.users:command", "add, list, disable, reset: who may log in."),
    "audit": Entry("The workbench", "qa.cli.audit:command", "verify: is the log of who did what unbroken."),
    "db": Entry("Keep house", "qa.cli.db:command", "upgrade, current: the schema; reindex: the searches; copy."),
    "backup": Entry("Keep house", "qa.cli.backup:backup_command", "Write everything into one file, while others work."),
    "restore": Entry("Keep house", "qa.cli.backup:restore_command", "Put a backup into an empty database."),
    "retention": Entry(
        "Keep house", "qa.cli.retention:retention_command", "Drop texts of chats older than the policy."
    ),
    "erase-customer": Entry("Keep house", "qa.cli.retention:erase_command", "Erase what one customer said."),
    "secret": Entry("Keep house", "qa.cli.secret:command", "rotate: a new secret, and the models signed anew."),
    "doctor": Entry("Keep house", "qa.cli.doctor:command", "Check this installation and say what to do."),
}

EXAMPLES = """\
qa import chats.jsonl --merchant acme     read a day of chats
qa nightly --date 2026-11-20              run that day's night
qa show c-1001                            see why a chat scored what it scored
qa sample explain 2026-11-20              redo the draw by hand
qa rules test                             run the examples of every rule"""

EXIT_CODES = """\
0    done
1    done, and something was found wrong (rules test, doctor, demo, audit verify)
2    wrong usage, settings or input; the message says what and where
3    done, but broken chats (nightly, rules backtest) or rejected records (import --strict)
5    the database cannot be used
69   the cluster cannot be reached or was lost: the same command again goes on
75   another process works on the same night: try again later
130  interrupted"""

ENVIRONMENT = """\
QA_CONFIG        settings file (else zhijian.toml in the data directory)
QA_DATA_DIR      where files are kept                 default: ./var
QA_DATABASE_URL  sqlite:///FILE or postgresql://…     default: a file in the data directory
QA_TIMEZONE      where the local day begins           default: Asia/Shanghai
QA_SECRET_KEY    signs what must not be forged        32 characters or more
QA_WORKERS       processes of the night               default: as many as the work repays
QA_DASK_SCHEDULER  cluster of nightly --backend dask  default: none
QA_SCORECARD     scorecard file                       default: the house scorecard
QA_PUBLIC_URL    where browsers find the workbench    default: this machine only
QA_RETENTION_DAYS  how long texts of chats are kept   default: for ever
QA_METRICS_TOKEN whom /metrics is given to            default: nobody
QA_LOG_JSON      1: the log as JSON lines             default: 0
QA_TRUSTED_PROXIES, QA_SESSION_HOURS, QA_IDLE_MINUTES   see docs/examples/zhijian.toml"""


def _say_error(error: QaError) -> None:
    """Write the message to stderr, where the log may be JSON."""
    import logging  # noqa: PLC0415 - only where something went wrong; `qa --help` stays fast

    from qa.cli.common import say  # noqa: PLC0415

    say("error", f"error: {error}", logging.ERROR)


class LazyGroup(click.Group):
    """A group whose commands are imported when called, and whose users see messages instead of tracebacks."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; one that is in the table and cannot be imported is a bug, and shows as one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is {type(command).__name__}, not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first word, or say which one may have been meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see qa --help"
            ctx.fail(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a ``QaError`` becomes its message and its exit code."""
        try:
            return super().invoke(ctx)
        except QaError as error:
            _say_error(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, then what a manual has besides."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                rows = [(name, entry.help) for name, entry in COMMANDS.items() if entry.section == section]
                formatter.write_dl(rows)
        for title, text in (("Examples", EXAMPLES), ("Exit codes", EXIT_CODES), ("Environment", ENVIRONMENT)):
            with formatter.section(title):
                indent = " " * formatter.current_indent
                formatter.write("".join(f"{indent}{line}\n" for line in text.splitlines()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="qa COMMAND --help explains one command.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Settings file (TOML); QA_* variables win over it.",
)
@click.version_option(__version__, "--version", prog_name="zhijian", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Zhijian 质检: quality inspection of customer-service chats.

    Import a day of chats, run the night over it, look at what was found:
    sources → store → sample → rules → score → flag.
    """
    ctx.obj = config
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:  # a chat may hold what the terminal's encoding does not
            reconfigure(errors="backslashreplace")
