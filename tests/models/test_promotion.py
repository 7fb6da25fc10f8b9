from __future__ import annotations

import json
import random
from pathlib import Path

import model_kit as kit
import pytest

from qa.models.card import Card
from qa.models.gate import worse_by_cards
from qa.models.opinions import ModelError
from qa.models.registry import By, Registry

CURRENT, HISTORY = "current.json", "history.jsonl"


@pytest.fixture
def models(tmp_path: Path) -> Registry:
    """Three versions, none of them promoted."""
    made = kit.registry(tmp_path / "var")
    for name in "abc":
        made.add(kit.FILES, kit.card(), name, kit.DAY)
    return made


def v(number: int) -> str:
    return f"2026-11-21-{number:03d}-{'abc'[number - 1]}"


def again(models: Registry, secret: bytes = kit.SECRET) -> Registry:
    """The registry of a later process."""
    return kit.registry(models.folder.parent, secret=secret)


def test_promotions_and_rollbacks_are_kept_in_order(models: Registry) -> None:
    models.promote(v(1), By("lead", 1, "first"))
    models.promote(v(2), By("ann", 2))
    assert models.add(kit.FILES, kit.card(), "d", kit.DAY).card.parent == v(2)
    models.promote(v(3), By("lead", 3, "better on 物流"))
    assert models.rollback(By("ops", 4, "complaints")).version == v(2)
    assert models.rollback(By("ops", 5)).version == v(1)
    models.promote(v(3), By("lead", 6))
    assert models.rollback(By("ops", 7)).version == v(1)
    assert models.rollback(By("ops", 8)).version == "shipped"
    with pytest.raises(ModelError, match="there is no promotion to undo: shipped is current"):
        models.rollback(By("ops", 9))
    history = again(models).history()
    assert [(a.number, a.act, a.version, a.before, a.by, a.at, a.why, a.forced) for a in history.acts] == [
        (1, "promote", v(1), "shipped", "lead", 1, "first", False),
        (2, "promote", v(2), v(1), "ann", 2, None, False),
        (3, "promote", v(3), v(2), "lead", 3, "better on 物流", False),
        (4, "rollback", v(2), v(3), "ops", 4, "complaints", False),
        (5, "rollback", v(1), v(2), "ops", 5, None, False),
        (6, "promote", v(3), v(1), "lead", 6, None, False),
        (7, "rollback", v(1), v(3), "ops", 7, None, False),
        (8, "rollback", "shipped", v(1), "ops", 8, None, False),
    ]
    assert again(models).current() == "shipped"
    assert models.verify() == []
    lines = (models.folder / HISTORY).read_bytes().splitlines(keepends=True)
    assert (models.folder / CURRENT).read_bytes() == lines[-1]


def test_the_current_version_is_what_is_loaded(models: Registry) -> None:
    models.promote(v(2), kit.LEAD)
    assert again(models).load(kit.FakeModel.from_files).version == v(2)
    with pytest.raises(ModelError, match=f"{v(2)} is current already"):
        models.promote(v(2), kit.LEAD)
    assert models.promote("shipped", kit.LEAD).before == v(2)
    assert again(models).current() == "shipped"


def test_what_cannot_be_trusted_is_not_promoted_and_not_gone_back_to(models: Registry) -> None:
    models.promote(v(1), kit.LEAD)
    models.promote(v(2), kit.LEAD)
    kit.put(models.folder / v(1) / "heads.npz", b"")
    kit.put(models.folder / v(3) / "heads.npz", b"")
    with pytest.raises(ModelError, match=f"models/{v(3)}/heads.npz: has 0 bytes instead of 768"):
        models.promote(v(3), By("lead", 1, "in a hurry", forced=True))
    with pytest.raises(ModelError, match=f"models/{v(1)}/heads.npz: has 0 bytes"):
        models.rollback(kit.LEAD)
    assert again(models).current() == v(2)
    assert len(again(models).history().acts) == 2


# --- worse than the current one ---


def test_a_worse_candidate_needs_force_and_a_reason(models: Registry) -> None:
    worse = models.add(kit.FILES, kit.card(0.60), "worse", kit.DAY).version
    models.promote(v(1), kit.LEAD)
    told = r"2026-11-21-004-worse is not promoted: turn sentiment: macro_f1 0.600 is below 0.700 \[0.670, 0.730\]"
    with pytest.raises(ModelError, match=told):
        models.promote(worse, kit.LEAD)
    for why in (None, "", "  "):
        with pytest.raises(ModelError, match="a promotion that is forced needs a reason"):
            models.promote(worse, By("lead", 1, why, forced=True))
    assert again(models).current() == v(1)
    assert models.promote(worse, By("lead", 1, "the other one leaks", forced=True)).forced
    assert again(models).history().acts[-1].why == "the other one leaks"


def test_force_that_was_not_needed_is_not_recorded_as_such(models: Registry) -> None:
    assert not models.promote(v(1), By("lead", 1, "why not", forced=True)).forced


def test_who_decides_can_be_replaced(models: Registry) -> None:
    asked = []

    def never(current: Card, candidate: Card) -> tuple[str, ...]:
        asked.append((current.name, candidate.name))
        return ("never", "not even then")

    with pytest.raises(ModelError, match=f"{v(1)} is not promoted: never; not even then"):
        models.promote(v(1), kit.LEAD, never)
    assert asked == [("shipped", v(1))]


def test_where_there_is_no_model_at_all_the_first_needs_no_comparison(tmp_path: Path) -> None:
    models = kit.registry(tmp_path / "var", ship=False)
    first = models.add(kit.FILES, kit.card(), "a", kit.DAY).version
    assert models.promote(first, kit.LEAD).before == "shipped"
    with pytest.raises(ModelError, match="shipped: no model comes with this program"):
        models.rollback(kit.LEAD)


def test_a_current_version_that_is_broken_cannot_be_compared_with(models: Registry) -> None:
    models.promote(v(1), kit.LEAD)
    kit.put(models.folder / v(1) / "heads.npz", b"")
    with pytest.raises(
        ModelError, match=r"the current version cannot be compared with: models/.*heads.npz: has 0 bytes"
    ):
        models.promote(v(2), kit.LEAD)
    assert models.promote(v(2), By("lead", 1, "001 is damaged", forced=True)).forced


@pytest.mark.parametrize(
    ("current", "candidate", "told"),
    [
        (kit.report(0.7), kit.report(0.68), []),  # lower, within the interval
        (kit.report(0.7), kit.report(0.9), []),
        (kit.report(0.7), kit.report(0.669), ["turn sentiment: macro_f1 0.669 is below 0.700 [0.670, 0.730]"]),
        (kit.report(ece=0.02), kit.report(ece=0.041), ["turn sentiment: ece 0.041 is above 0.020 [0.010, 0.040]"]),
        (kit.report(ece=0.02), kit.report(ece=0.001), []),
        (kit.report(), None, ["turn sentiment: the candidate has no figures"]),
        (None, kit.report(), ["current has no figures to compare with"]),
    ],
)
def test_worse_is_beyond_the_interval(current, candidate, told: list[str]) -> None:
    of = [{"turn sentiment": report} if report else {} for report in (current, candidate)]
    one, two = kit.card(name="current", metrics=of[0]), kit.card(name="candidate", metrics=of[1])
    assert list(worse_by_cards(one, two)) == told


def test_a_figure_the_candidate_lacks_counts_against_it() -> None:
    bare = kit.HeadReport(n=1, figures={"ece": kit.Figure(0.01)})
    assert worse_by_cards(kit.card(), kit.card(metrics={"turn sentiment": bare})) == (
        "turn sentiment: the candidate has no macro_f1",
    )


# --- the record of it ---


@pytest.fixture
def promoted(models: Registry) -> Registry:
    """Three acts."""
    for number in (1, 2, 3):
        models.promote(v(number), By("lead", number, "好"))
    return models


def files(models: Registry) -> dict[str, bytes]:
    return {name: (models.folder / name).read_bytes() for name in (CURRENT, HISTORY)}


def refused(models: Registry, secret: bytes = kit.SECRET) -> str:
    with pytest.raises(ModelError) as error:
        again(models, secret).load(kit.FakeModel.from_files)
    assert again(models, secret).verify()
    for change in (lambda m: m.promote(v(1), kit.LEAD), lambda m: m.rollback(kit.LEAD)):
        with pytest.raises(ModelError):
            change(again(models, secret))
    return str(error.value)


def test_a_changed_record_is_refused(promoted: Registry) -> None:
    kept, dice = files(promoted), random.Random(7)
    for turn in range(200):
        name = (CURRENT, HISTORY)[turn % 2]
        content = bytearray(kept[name])
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        kit.put(promoted.folder / name, bytes(content))
        assert refused(promoted).startswith("models/")
        kit.put(promoted.folder / name, kept[name])
    assert again(promoted).current() == v(3)


def test_lines_removed_moved_or_put_back_are_refused(promoted: Registry) -> None:
    kept = files(promoted)
    one, two, three = kept[HISTORY].splitlines(keepends=True)
    for lines in (
        [one, three],
        [two, three],
        [two, one, three],
        [one],
        [],
        [one, two, two, three],
        [one, two, three, three],
    ):
        kit.put(promoted.folder / HISTORY, b"".join(lines))
        assert refused(promoted)
    kit.put(promoted.folder / HISTORY, kept[HISTORY])
    for pointer in (one, two, b"", one + three):
        kit.put(promoted.folder / CURRENT, pointer)
        assert refused(promoted)
    (promoted.folder / CURRENT).unlink()
    assert refused(promoted) == "models/current.json: is missing, although history.jsonl is there"


def test_the_record_of_another_installation_is_refused(promoted: Registry) -> None:
    assert "signed with the secret of another installation" in refused(promoted, kit.OTHER_SECRET)


def test_a_pointer_that_is_a_link_is_refused(promoted: Registry, tmp_path: Path) -> None:
    (promoted.folder / CURRENT).rename(tmp_path / CURRENT)
    (promoted.folder / CURRENT).symlink_to(tmp_path / CURRENT)
    assert refused(promoted).startswith("models/current.json: cannot be read: ")


def test_another_way_to_write_the_same_act_is_refused(promoted: Registry) -> None:
    *first, last = files(promoted)[HISTORY].splitlines(keepends=True)
    spaced = last.replace(b'"record":', b'"record": ')
    kit.put(promoted.folder / HISTORY, b"".join(first) + spaced)
    kit.put(promoted.folder / CURRENT, spaced)
    assert "was changed" in refused(promoted)


def test_what_stands_after_the_last_whole_line_must_be_the_start_of_the_last_act(promoted: Registry) -> None:
    *first, last = files(promoted)[HISTORY].splitlines(keepends=True)
    for torn in (b"{}", last[1:20], last[:20] + b"!"):
        kit.put(promoted.folder / HISTORY, b"".join(first) + torn)
        assert "is not the last line of history.jsonl" in refused(promoted)


def test_whoever_reads_while_it_is_replaced_reads_the_old_one_whole(promoted: Registry) -> None:
    before = (promoted.folder / CURRENT).read_bytes()
    with (promoted.folder / CURRENT).open("rb") as reader:
        promoted.rollback(kit.LEAD)
        assert reader.read() == before


@pytest.mark.parametrize("written", [0.0, 0.01, 0.5, 1.0])
def test_an_act_that_was_interrupted_holds_and_is_written_out_by_the_next(promoted: Registry, written: float) -> None:
    *first, last = files(promoted)[HISTORY].splitlines(keepends=True)
    kit.put(promoted.folder / HISTORY, b"".join(first) + last[: int(written * (len(last) - 1))])
    assert again(promoted).current() == v(3)
    assert again(promoted).verify() == []
    assert again(promoted).rollback(kit.LEAD).version == v(2)
    lines = (promoted.folder / HISTORY).read_bytes().splitlines(keepends=True)
    assert lines[:3] == [*first, last]
    assert [json.loads(line)["record"]["number"] for line in lines] == [1, 2, 3, 4]
    assert again(promoted).verify() == []
