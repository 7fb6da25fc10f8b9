"""``qa models train``: fit a candidate, measure it, and keep it as a version."""

from __future__ import annotations

from pathlib import Path

import click

from qa.cli.common import now, out, pass_settings, progress
from qa.cli.models.opening import ManyValues, registry
from qa.cli.models.reviewed import learn_from_reviews, noting_rules
from qa.cli.models.strange import warn_of_strange_words
from qa.cli.outfile import OutFile, write_whole
from qa.cli.owner import user
from qa.config import Settings
from qa.errors import ConfigError
from qa.hours import iso_local
from qa.learning import with_hits
from qa.models.doubts import encode_doubts
from qa.models.fit import TRAINING_DATA, Candidate, authored_data, fit_candidate
from qa.models.gate import DECIDING, shown
from qa.models.labelled import read_labelled
from qa.models.model import Model
from qa.models.registry import check_name


@click.command(cls=ManyValues)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE…",
    help="Labelled chats (.txt, .jsonl, .jsonl.gz, or a folder of .txt); by default our authored ones.",
)
@click.option("--from-reviews", is_flag=True, help="Learn from reviewers' verdicts as well.")
@click.option("--keep", multiple=True, metavar="NAME", help="Learn from this reviewer although the labels look wrong.")
@click.option("--name", metavar="N", help="End of the version's name: lower-case letters, digits, hyphens.")
@click.option("--by", metavar="NAME", help="Who the card says made it.  [default: the system's user]")
@click.option(
    "--doubts",
    type=OutFile(),
    metavar="FILE",
    help="With --from-reviews: write the labels that look wrong.",
)
@pass_settings
def train(
    settings: Settings,
    data: tuple[Path, ...],
    keep: tuple[str, ...],
    name: str | None,
    by: str | None,
    doubts: Path | None,
    *,
    from_reviews: bool,
) -> None:
    """Fit a candidate version, with a card that says how well it does by cross-validation.

    Nothing judges by it until it is promoted.
    """
    if (keep or doubts) and not from_reviews:
        raise ConfigError("--keep and --doubts are about reviews: they need --from-reviews")
    models = registry(settings)
    check_name(name := name or ("reviews" if from_reviews else "data" if data else "authored"))
    at, by = now(), by or user()
    console = out()
    with progress() as shows:
        if from_reviews:
            learnt = learn_from_reviews(settings, data or authored_data(), by, at, shows, keep)
            candidate = learnt.candidate
            if doubts is not None:
                write_whole(doubts, encode_doubts(learnt.doubts))
            for remark in learnt.remarks:
                console.print(remark)
        else:
            candidate = noting_rules(fit_candidate(data or authored_data(), by, at, shows, with_hits))
    stored = models.add(candidate.files, candidate.card, name, iso_local(at, settings.zone)[:10])
    console.print(f"made {stored.version} from {stored.card.data.chats:,} chats")
    if data:
        _warn_of_other_words(candidate)
    for head, report in stored.card.metrics.items():
        told = ", ".join(f"{one} {shown(report.figures[one])}" for one in DECIDING if one in report.figures)
        console.print(f"  {head}: {told}")
    console.print(f"to use it: qa models promote {stored.version}")


def _warn_of_other_words(candidate: Candidate) -> None:
    """Say so where it learnt from other words than Chinese people write: word ids, or another language."""
    ours = TRAINING_DATA / "chats"
    if ours.is_dir():
        warn_of_strange_words(Model.from_files(candidate.files), read_labelled([ours]), "the chats we wrote")
