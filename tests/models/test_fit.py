"""A candidate with the real model: from labelled files to a version that is loaded, judges, is refused if changed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import model_kit as kit
import pytest

from qa.models.card import fingerprint
from qa.models.fit import Candidate, authored_data, fit_candidate
from qa.models.labelled import read_labelled
from qa.models.model import Model
from qa.models.opinions import ModelError
from qa.models.registry import Registry
from qa.progress import Quiet

pytestmark = pytest.mark.slow

CHATS = 60


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Two folds instead of five, and few draws: the figures themselves are looked at elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qa.models.report.FOLDS", 2)
        patch.setattr("qa.models.report.DRAWS", 20)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the first chats of several scenarios."""
    folder = authored_data()[0]
    blocks = []
    for file in sorted(folder.glob("*.txt"))[:10]:
        blocks += ["== " + block for block in file.read_text("utf-8").split("\n== ")[1 : 1 + CHATS // 10]]
    target = tmp_path_factory.mktemp("labelled") / "some.txt"
    target.write_text("\n".join(blocks) + "\n", "utf-8")
    return target


@pytest.fixture(scope="module")
def candidate(data: Path, _quick: None) -> Candidate:
    return fit_candidate([data], "lead", kit.NOW, Quiet())


def test_a_card_says_what_was_learnt_and_how_well(candidate: Candidate, data: Path) -> None:
    card, chats = candidate.card, read_labelled([data])
    assert (card.created_by, card.created_at, card.data.chats, card.data.sources) == (
        "lead",
        kit.NOW,
        CHATS,
        ("some.txt",),
    )
    assert card.data.fingerprint == fingerprint(chats)
    heads = ["turn sentiment", "turn satisfaction", "chat sentiment", "chat satisfaction", "chat resolution"]
    assert list(card.metrics) == heads
    assert sum(card.data.labels["chat resolution"].values()) == card.metrics["chat resolution"].n == CHATS
    for report in card.metrics.values():
        figure = report.figures["macro_f1"]
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
        assert sum(row.n for row in report.reliability) == report.n
    assert card.settings


def test_the_same_files_make_the_same_model_and_card(candidate: Candidate, data: Path) -> None:
    assert fit_candidate([data], "lead", kit.NOW, Quiet()) == candidate


def test_a_version_of_it_judges_as_it_does_and_is_refused_when_changed(
    candidate: Candidate, data: Path, tmp_path: Path
) -> None:
    models = Registry(tmp_path, lambda: kit.SECRET)
    version = models.add(candidate.files, candidate.card, "some", kit.DAY).version
    models.promote(version, kit.LEAD)
    chats = [one.chat for one in read_labelled([data])]
    loaded = models.load(Model.from_files)
    assert loaded.model.judge(chats) == Model.from_files(candidate.files).judge(chats)
    dice = random.Random(3)
    for name, content in candidate.files.items():
        if not content:
            continue
        for _ in range(10):
            changed = bytearray(content)
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
            kit.put(models.folder / version / name, bytes(changed))
            with pytest.raises(ModelError, match=f"models/{version}/{name}: was changed"):
                models.load(Model.from_files)
        kit.put(models.folder / version / name, content)
    assert models.verify() == []


def test_files_that_teach_nothing_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text('{"id": "a", "messages": [{"role": "customer", "text": "在吗"}]}\n', "utf-8")
    with pytest.raises(ModelError):
        fit_candidate([file], "lead", kit.NOW, Quiet())
