"""The cost model tells what was put in, and the report of the scale says it in tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import scale_report
from benchmarks.cost_model import Costs, fit, saturation, seconds, workers_needed
from benchmarks.scale_report import PACKS, Measured, Scale, Writing
from benchmarks.tables import replaced
from benchmarks.watch import ROOT, Run

TRUE = Costs(start=2.0, alone=20e-6, writer=10e-6, worker=270e-6)


def run(seconds: float) -> Run:
    return Run(seconds, seconds, "", 150.0, 140.0)


def night(chats: int, workers: int, database: str = "SQLite", stored: dict[str, int] | None = None) -> Measured:
    """A night that costs exactly what TRUE says, with two whole cores."""
    shared = seconds(TRUE, chats, workers, 2.0) - TRUE.start - TRUE.alone * chats
    stages = {"screen": shared * 0.3, "draw": 8e-6 * chats, "inspect": shared * 0.6, "finish": 12e-6 * chats}
    whole = run(seconds(TRUE, chats, workers, 2.0))
    return Measured(
        database, chats, chats // 3, workers, run(1 + 2e-4 * chats), whole, stages, stored or {"": 3000 * chats}
    )


@pytest.fixture(scope="module")
def scale() -> Scale:
    nights = [night(size, workers) for size in (10_000, 100_000, 1_000_000) for workers in (1, 2)]
    nights += [night(size, 1, "PostgreSQL", {"chats": 2000 * size, "frame": 100 * size}) for size in (10_000, 100_000)]
    writings = tuple(Writing(one, 10_000, 0.1, 0.0) for one in ("SQLite", "PostgreSQL"))
    judged = {pack: 50.0 + number for number, pack in enumerate(PACKS)}
    return Scale("2 cores", 2.0, (10_000, 100_000), tuple(nights), writings, judged, 400.0)


def test_the_costs_that_were_put_in_come_out(scale: Scale) -> None:
    found = scale_report.costs(scale, "SQLite")
    assert found == pytest.approx(TRUE, rel=1e-6)
    assert saturation(found) == pytest.approx(27)


def test_a_night_that_was_not_fitted_is_told(scale: Scale) -> None:
    table = scale_report.tables(scale)["check"]
    assert "| SQLite | night, workers: 1 | 1,000,000 | 302.0 | 302.0 | +0% |" in table
    assert "| SQLite | night, workers: 2 | 100,000 | 18.0 | 18.0 | +0% |" in table


def test_workers_beyond_saturation_help_no_more() -> None:
    least = seconds(TRUE, 5e6, 27)
    assert seconds(TRUE, 5e6, 1000) == least
    assert workers_needed(TRUE, 5e6, least - 1) is None
    needed = workers_needed(TRUE, 5e6, 600)
    assert needed is not None
    assert seconds(TRUE, 5e6, needed) <= 600 < seconds(TRUE, 5e6, needed - 1)


def test_a_night_that_did_without_workers_is_told_so() -> None:
    alone = night(10_000, 2)
    assert (alone.started, alone._replace(nightly=replace(alone.nightly, workers_mb=None)).started) == (2, 1)


def test_the_document_prints_the_command_that_was_run(scale: Scale) -> None:
    assert "\n    python benchmarks/scale.py\n" in scale_report.tables(scale)["nights"]
    other = scale._replace(nights=(*scale.nights, night(30_000, 1), night(30_000, 1, "PostgreSQL")))
    asked = "python benchmarks/scale.py --check 30000,1000000 --sizes-postgres 10000,30000,100000"
    assert f"\n    {asked}\n" in scale_report.tables(other)["nights"]


def test_one_size_is_no_line() -> None:
    with pytest.raises(ValueError, match="two sizes"):
        fit([(10, 1.0), (10, 1.1)])


def test_every_table_has_its_place_in_the_document(scale: Scale) -> None:
    document = Path(ROOT / "docs" / "scale.md").read_text("utf-8")
    for section, table in scale_report.tables(scale).items():
        assert table in replaced(document, f"scale-{section}", table)
    assert "`chats`" in scale_report.tables(scale)["bytes"]
