"""``qa models evaluate``: measure the pipeline or a model on labelled chats, beside majority and plain TF-IDF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import orjson
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from qa.cli.common import err, out, pass_settings, progress
from qa.cli.models.opening import ManyValues, registry
from qa.cli.models.showing import named
from qa.cli.models.strange import warn_of_strange_words
from qa.cli.outfile import OutFile, write_whole
from qa.config import Settings
from qa.learning import with_hits
from qa.models.baselines import majority, plain
from qa.models.comparison import DRAWS, Evaluation, by_cross_validation, on_unseen, overlap, products_fit
from qa.models.evaluate import judge_with
from qa.models.fit import domain_words
from qa.models.heads import HeadName
from qa.models.labelled import LabelledChat, read_labelled
from qa.models.model import Model
from qa.models.opinions import HEADS, Level, Task
from qa.models.rows import is_pretokenized
from qa.models.scores import MEASURES, Measure
from qa.models.settings import Settings as FitSettings

FILES = click.Path(path_type=Path)


@click.command(cls=ManyValues)
@click.option("--task", type=click.Choice([task.value for task in Task]), required=True, help="What is judged.")
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    required=True,
    help="Customer turns, or whole chats.",
)
@click.option("--train", type=FILES, multiple=True, metavar="FILE…", help="Fit the product's pipeline on these.")
@click.option("--model", metavar="VERSION", help="Judge by this version (shipped, current, …); nothing is fitted.")
@click.option("--test", type=FILES, multiple=True, metavar="FILE…", help="Labelled chats to measure on.")
@click.option(
    "--cv", type=click.IntRange(2, 50), metavar="K", help="K-fold cross-validation on the --train files instead."
)
@click.option(
    "--group",
    type=click.Choice(["chat", "identical", "scenario"]),
    default="chat",
    show_default=True,
    help="With --cv: what stays in one fold; identical keeps chats with the same words together.",
)
@click.option(
    "--tune/--no-tune",
    default=True,
    show_default=True,
    help="Choose the settings by cross-validation inside the training chats, or take the shipped model's.",
)
@click.option("--draws", type=click.IntRange(0, 10_000), default=DRAWS, show_default=True, help="Bootstrap samples.")
@click.option("--json", "json_file", type=OutFile(), metavar="OUT", help="Write all figures here; - is stdout.")
@pass_settings
def evaluate(
    settings: Settings,
    task: str,
    level: str,
    train: tuple[Path, ...],
    model: str | None,
    test: tuple[Path, ...],
    cv: int | None,
    group: str,
    draws: int,
    json_file: Path | None,
    *,
    tune: bool,
) -> None:
    """Measure how good opinions are, with 95 % intervals (whole chats are drawn by the bootstrap).

    With --train the product's own pipeline is fitted on those files, with --model nothing is. Majority and plain
    TF-IDF with logistic regression are measured in the same run (with --model only where --train is given as well).
    """
    name = (Level(level), Task(task))
    _check_usage(name, train, model, test, cv)
    opened = None if model is None else Model.from_files(_files(settings, model))
    fit_settings = None if tune else FitSettings()
    known, tests = (_read(paths, name[0]) for paths in (train, test))
    with progress() as shows:
        if cv is not None:
            found = by_cross_validation(
                known, name, products_fit(name, domain_words(), fit_settings), cv, group, draws, shows
            )
        else:
            judges = {}
            if opened is not None:
                judges[f"model {model}"] = lambda: judge_with(opened, name)
            else:
                judges["ours"] = lambda: products_fit(name, domain_words(), fit_settings)(known)
            if known:
                judges["majority"] = lambda: majority(name)(known)
                judges["plain"] = lambda: plain(name)(known)
            found = on_unseen(judges, tests, name, _protocol(train, model, test), draws, shows)
    _warn_of_forms(known, tests)
    _warn_of_overlap(known, tests)
    if opened is not None:
        warn_of_strange_words(opened, tests, "the test chats")
    _tell(found, json_file)


def _read(paths: tuple[Path, ...], level: Level) -> list[LabelledChat]:
    """Read labelled chats; where whole chats are judged, with what the house rules find in them."""
    chats = read_labelled(paths)
    return with_hits(chats) if level is Level.CHAT else chats


def _files(settings: Settings, version: str) -> Mapping[str, bytes]:
    """Return the files of a version of the registry, checked."""
    models = registry(settings)
    return models.read(named(models, version)).files


def _check_usage(
    name: HeadName, train: tuple[Path, ...], model: str | None, test: tuple[Path, ...], cv: int | None
) -> None:
    """Refuse what contradicts itself, naming the options."""
    if name not in HEADS:
        raise click.UsageError(f"--task {name[1]} is judged of chats only: --level chat")
    if cv is not None and (not train or test or model is not None):
        raise click.UsageError(
            "--cv cuts the --train files into folds: it needs --train and takes neither --test nor --model"
        )
    if cv is None and not test:
        raise click.UsageError("give --test FILE…, or --cv K to measure on the --train files themselves")
    if cv is None and not train and model is None:
        raise click.UsageError("give --train FILE… to fit on, or --model VERSION")


def _protocol(train: tuple[Path, ...], model: str | None, test: tuple[Path, ...]) -> str:
    made = f"model {model}" if model is not None else "fitted on " + ", ".join(path.name for path in train)
    return f"{made}, measured on {', '.join(path.name for path in test)}"


def _warn_of_overlap(train: list[LabelledChat], tests: list[LabelledChat]) -> None:
    shared = overlap(train, tests)
    if shared:
        err().print(f"warning: {shared:,} of {len(tests):,} test chats are word for word among the training chats")


def _warn_of_forms(train: list[LabelledChat], tests: list[LabelledChat]) -> None:
    learnt = {is_pretokenized(one.chat) for one in train}
    other = sum(is_pretokenized(one.chat) not in learnt for one in tests) if learnt else 0
    if other:
        err().print(
            f"warning: {other:,} of {len(tests):,} test chats are of the other form (words, or their ids): "
            "what was learnt says nothing of them"
        )


def _tell(found: Evaluation, json_file: Path | None) -> None:
    written = orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2) + b"\n"
    if json_file is not None and str(json_file) == "-":
        click.echo(written, nl=False)
        return
    if json_file is not None:
        write_whole(json_file, written)
    _print(out(), found)


def _print(console: Console, found: Evaluation) -> None:
    console.print(f"{found.task} of {found.level}s: {found.protocol}")
    counts = ", ".join(f"{label} {count:,}" for label, count in found.classes.items())
    console.print(f"{found.n:,} labels in {found.chats:,} chats: {counts}")
    table = Table(box=SIMPLE)
    table.add_column("")
    for report in found.reports:
        table.add_column(report.pipeline, justify="right")
    for name in MEASURES:
        table.add_row(name, *(_figure(report.measures[name]) for report in found.reports))
    console.print(table)
    first = found.reports[0]
    labels = list(found.classes)
    console.print(f"confusion of {first.pipeline} (true label: chosen as {', '.join(labels)})")
    for label, row in zip(labels, first.confusion, strict=True):
        if sum(row):
            console.print(f"  {label}: " + "  ".join(f"{count:,}" for count in row))


def _figure(measure: Measure) -> str:
    if measure.value is None:
        return "–"
    interval = "" if measure.low is None else f" [{measure.low:.3f}, {measure.high:.3f}]"
    return f"{measure.value:.3f}{interval}"
