from __future__ import annotations

import re
import tracemalloc
from collections import defaultdict
from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine

from qa.errors import QaError
from qa.nightly import figures
from qa.nightly.report import VERSION, write_report
from qa.policy import Policy
from qa.store.inspections import Found
from qa.types import Dimension, FlagReason, Result, Severity

OPTIONAL = {"evidence": {"absent"}}


@pytest.fixture
def document(store_engine: Engine, day: list[kit.Record], tmp_path: Path) -> kit.Record:  # noqa: ARG001 - stored
    """The report of a night with an extension and a broken chat."""
    from qa.store.session import write_tx

    models = kit.shipped(tmp_path)
    kit.night(store_engine, models=models, policy=kit.policy(model_risk=0.3))
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(20, prefix="late"))
    with write_tx(store_engine) as connection:
        kit.overwrite(connection, "late-1", b"{")
    results = [kit.night(store_engine, extend=True, models=models), kit.night(store_engine, "other")]
    return kit.report(store_engine, results, tmp_path)


def keys_of(value: object, place: str, found: dict[str, list[set[str]]]) -> None:
    """Collect the keys of every object, by the list or key it stands under."""
    if isinstance(value, list):
        for one in value:
            keys_of(one, place, found)
    elif isinstance(value, dict):
        found[place].append(set(value))
        for key, inner in value.items():
            if key not in ("policy", "dimensions", "seconds"):  # keys of these are documented in a sentence
                keys_of(inner, key, found)


def documented(root: Path) -> tuple[str, dict[str, list[str]]]:
    text = (root / "docs" / "nightly-json.md").read_text("utf-8")
    tables = {}
    for section in text.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        name = "file" if title == "The file" else title.strip("`[]")
        tables[name] = re.findall(r"^\| `([a-z_]+)` \|", body, re.MULTILINE)
    return text, {name: keys for name, keys in tables.items() if keys}


def test_the_documented_keys_are_the_emitted_ones(root: Path, document: kit.Record) -> None:
    found: dict[str, list[set[str]]] = defaultdict(list)
    keys_of(document, "file", found)
    text, tables = documented(root)
    assert tables.keys() == found.keys()
    for place, keys in tables.items():
        assert len(keys) == len(set(keys))
        optional = OPTIONAL.get(place, set())
        for emitted in found[place]:
            assert set(keys) - optional <= emitted <= set(keys), place
    assert any("absent" in emitted for emitted in found["evidence"])
    assert document["version"] == VERSION
    assert f"`version` is `{VERSION}`" in text


def test_every_word_a_script_may_meet_is_documented(root: Path, document: kit.Record) -> None:
    text, _ = documented(root)
    words = [*Dimension, *(one for one in Result if one is not Result.BROKEN), *Severity, *FlagReason]
    names = [one.value for one in words] + [*figures._SCORES, *figures._SHARES]
    assert [name for name in names if f"`{name}`" not in text] == []
    for merchant in document["merchants"]:
        assert {*merchant["policy"], "salt"} == set(Policy.model_fields)
        assert merchant["seconds"].keys() <= {"screen", "draw", "inspect", "finish"}
        for one in merchant["inspections"]:
            assert list(one["dimensions"]) in ([], [each.value for each in Dimension])


def test_the_order_is_the_documented_one(document: kit.Record) -> None:
    first, second = document["merchants"]
    assert (first["merchant"], second["merchant"]) == ("acme", "other")
    assert [one["wave"] for one in first["inspections"]] == sorted(one["wave"] for one in first["inspections"])
    places = [(one["wave"], one["agent"], one["channel"]) for one in first["strata"]]
    assert places == sorted(places)
    assert {one["id"] for one in first["inspections"]} == {*first["random"], *(one["id"] for one in first["targeted"])}
    for one in first["inspections"]:
        outcomes = [finding["outcome"] == "not_applicable" for finding in one["findings"]]
        assert outcomes == sorted(outcomes)


def test_a_report_that_cannot_be_written_says_so(store_engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(QaError, match=r"night\.json: cannot be written: No such file"):
        write_report(store_engine, [], tmp_path / "nowhere" / "night.json")


@pytest.mark.usefixtures("day")
def test_the_file_appears_whole_or_not_at_all(store_engine: Engine, tmp_path: Path, monkeypatch) -> None:
    result = kit.night(store_engine)
    path = tmp_path / "night.json"
    path.write_text("the old one")

    def fails(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("qa.nightly.report.inspections.details", fails)
    with pytest.raises(ZeroDivisionError):
        write_report(store_engine, [result], path)
    assert path.read_text() == "the old one"


# --- memory ----------------------------------------------------------------------------------------------------------


def peak(work) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_tally_does_not_grow() -> None:
    one = Found(
        id=0, chat_id="", wave=0, agent="", channel="", targeted=False, probability=0.3, score=0.0, red_line=False,
        failed=1, broken=None, dimensions=b'{"process":50.0}',
    )  # fmt: skip

    def add(times: int) -> None:
        tally = figures.Tally()
        for n in range(times):
            tally.add(one._replace(id=n, chat_id=f"c-{n}", agent=f"a-{n % 50}", score=n % 101))
        sizes = {(0, f"a-{a}", ""): times for a in range(50)}
        assert tally.estimates(sizes, 0)[0].n == times

    add(20_000)  # once before measuring: SciPy loads what it needs when it needs it
    assert peak(lambda: add(20_000)) < 1.5 * peak(lambda: add(2_000))


@pytest.mark.slow
def test_the_writer_streams(store_engine: Engine, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("qa.nightly.report._PAGE", 20)
    monkeypatch.setattr("qa.store.inspections._STREAM", {"yield_per": 20})
    monkeypatch.setattr("qa.store.frames._STREAM", {"yield_per": 20})

    def written(merchant: str, size: int) -> int:
        kit.bring_in(store_engine, tmp_path / merchant, kit.day_of_chats(size, merchant=merchant))
        result = kit.night(store_engine, merchant, policy=kit.policy(rate=1.0))
        path = tmp_path / f"{merchant}.json"
        write_report(store_engine, [result], path)  # once before measuring: statements are compiled and kept
        return peak(lambda: write_report(store_engine, [result], path))

    small, large = written("small", 100), written("large", 1200)
    assert (tmp_path / "large.json").stat().st_size > 8 * (tmp_path / "small.json").stat().st_size
    assert large < 2 * small
