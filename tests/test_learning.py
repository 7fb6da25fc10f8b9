from __future__ import annotations

import json
import random
from pathlib import Path
from types import SimpleNamespace

import model_kit
import night_kit as kit
import pytest
import small_model as small
from click.testing import CliRunner, Result
from msgspec.structs import replace
from sqlalchemy import Engine

from qa import learning
from qa.cli import main
from qa.cli.models import reviewed
from qa.config import Settings
from qa.errors import ConfigError
from qa.models.gate import worse_by_cards
from qa.models.labelled import LabelledChat
from qa.models.mixing import is_frozen, text_digest
from qa.models.opinions import Task
from qa.models.reviews import Kind
from qa.progress import Quiet
from qa.store import reviews as store
from qa.store.chats import get_chat, store_chats
from qa.store.reviews import Review
from qa.store.revisions import prepare as prepare_chat
from qa.store.session import read_tx, write_tx
from qa.types import Chat, ChatOpinion, Message, Role

NAMES = ("r1", "r2", "r3", "r4", "r5")


def bring_in(engine: Engine, chats: list[LabelledChat]) -> dict[str, int]:
    """Store chats as they are; chat id → key."""
    incoming = [prepare_chat(one.chat, kit.ZONE, kit.DAY, None) for one in chats]
    with write_tx(engine) as connection:
        store_chats(connection, incoming, kit.NOW)
        return {one.chat.id: get_chat(connection, one.chat.id).pk for one in chats}


def say(engine: Engine, pk: int, who: str, at: int = 1, kind: Kind = Kind.QUEUE, **labels: str) -> None:
    with write_tx(engine) as connection:
        store.add_review(connection, Review(f"{pk}:{who}:{at}", pk, kind.value, who, at)._replace(**labels))


def gathered(engine: Engine, **options) -> learning.Gathered:
    with read_tx(engine) as connection:
        return learning.gather(connection, **options)


@pytest.fixture
def chats() -> list[LabelledChat]:
    return small.authored(60)


def test_training_frozen_and_audit_chats_never_mix(store_engine: Engine, chats: list[LabelledChat]) -> None:
    keys = bring_in(store_engine, chats)
    for i, one in enumerate(chats):
        kind = Kind.AUDIT if i % 6 == 0 else Kind.QUEUE
        say(store_engine, keys[one.chat.id], "li", kind=kind, satisfaction=str(one.satisfaction))
    found = gathered(store_engine)
    ids = [{one.chat.id for one in part} for part in (found.train, found.frozen, found.audit)]
    assert ids[2] == {one.chat.id for one in chats[::6]}
    assert ids[1] == {one.chat.id for one in chats if is_frozen(one.chat)} - ids[2]
    assert ids[0] | ids[1] | ids[2] == {one.chat.id for one in chats}
    assert sum(map(len, ids)) == 60
    mixed = found.training_set([*chats, *small.authored(200)[60:]])
    assert {one.chat.id for one in mixed} == ids[0] | {one.chat.id for one in small.authored(200)[60:]}
    assert not {text_digest(one.chat) for one in mixed} & found.held_out
    assert set(found.sets()) == {"frozen", "audit"}
    assert gathered(store_engine, merchant="nobody").train == ()


def test_an_audit_chat_keeps_its_seeing_reviewers_out_too(store_engine: Engine, chats: list[LabelledChat]) -> None:
    keys = bring_in(store_engine, chats[:1])
    (pk,) = keys.values()
    say(store_engine, pk, "li", satisfaction="satisfied")
    assert len(gathered(store_engine).train) + len(gathered(store_engine).frozen) == 1
    say(store_engine, pk, "wang", kind=Kind.AUDIT, satisfaction="dissatisfied")
    found = gathered(store_engine)
    assert (found.train, found.frozen, found.decided.agreements) == ((), (), {})
    assert [one.satisfaction for one in found.audit] == ["dissatisfied"]


def test_only_the_newest_reviewed_revision_counts(store_engine: Engine, chats: list[LabelledChat]) -> None:
    one = chats[0]
    (old,) = bring_in(store_engine, [one]).values()
    say(store_engine, old, "li", satisfaction="satisfied")
    changed = replace(one, chat=replace(one.chat, messages=one.chat.messages[:-1]))
    (new,) = bring_in(store_engine, [changed]).values()
    assert [c.satisfaction for c in (*gathered(store_engine).train, *gathered(store_engine).frozen)] == ["satisfied"]
    say(store_engine, new, "wang", satisfaction="neutral")
    (found,) = (*gathered(store_engine).train, *gathered(store_engine).frozen)
    assert found.satisfaction == "neutral"
    assert found.chat.messages == changed.chat.messages


@pytest.fixture(scope="module")
def flipped(module_engine: Engine) -> Engine:
    """A store of 250 chats labelled by five people in turn, of whom the last says the opposite of everything."""
    truth, rng = small.authored(250, 3), random.Random(3)
    keys = bring_in(module_engine, truth)
    for i, one in enumerate(truth):
        habit = small.opposite if NAMES[i % 5] == "r5" else small.careful(0.05)
        say(module_engine, keys[one.chat.id], NAMES[i % 5], satisfaction=habit(str(one.satisfaction), rng))
    return module_engine


@pytest.mark.slow
def test_who_labels_everything_wrong_is_left_out_or_blocks_the_promotion(flipped: Engine) -> None:
    with read_tx(flipped) as connection:
        prepared = learning.prepare(connection, small.Small)
        kept = learning.prepare(connection, small.Small, keep=["r5", "r1"])
    assert (prepared.left_out, prepared.in_doubt) == (("r5",), ())
    assert len(prepared.gathered.train) + len(prepared.gathered.frozen) == 200
    assert {one.task for one in prepared.noise} == {Task.SATISFACTION}
    assert (kept.left_out, kept.in_doubt) == ((), ("r5",))
    assert len(kept.gathered.train) + len(kept.gathered.frozen) == 250
    card = replace(model_kit.card(), settings={"reviews": learning.noted(kept)})
    json.dumps(card.settings)
    hook = learning.gate(lambda _name: small.Small(small.authored(400, 9)), prepared.gathered)
    assert hook(model_kit.card(), card)[0] == "it learnt from labels of r5, which look wrong"
    assert hook(model_kit.card(), model_kit.card()) == worse_by_cards(model_kit.card(), model_kit.card()) == ()


@pytest.mark.slow
def test_train_from_reviews_mixes_tells_and_notes(
    flipped: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewed, "fit_model", lambda chats, _words: small.Small(chats))
    given: list[list[LabelledChat]] = []

    def candidate_of(chats, sources, *_):
        given.append(chats)
        return SimpleNamespace(files={"a": b""}, card=replace(model_kit.card(), settings={"C": 1.0})), sources

    monkeypatch.setattr(reviewed, "candidate_of", lambda *a: candidate_of(*a)[0])
    settings = Settings(database_url=flipped.url.render_as_string(hide_password=False), data_dir=tmp_path)
    data = small.ROOT / "training_data" / "chats" / "wuliu-cuifa.txt"
    done = reviewed.learn_from_reviews(settings, [data], "lead", 1, Quiet())
    assert {one.place.split(":")[0] for one in given[0]} == {"review", str(data)}
    assert done.candidate.card.settings["C"] == 1.0
    assert done.candidate.card.settings["reviews"]["left_out"] == ["r5"]
    assert done.remarks[0].startswith("reviewed chats: ")
    assert done.remarks[1].startswith("r5: ")
    assert "labels of satisfaction look wrong" in done.remarks[1]
    assert done.remarks[2] == "left out: r5"
    kept = reviewed.learn_from_reviews(settings, [data], "lead", 1, Quiet(), keep=["r5"])
    assert kept.remarks[-1].startswith("kept although in doubt: r5")
    assert learning.in_doubt(kept.candidate.card) == ("r5",)


def test_without_reviews_there_is_a_message_and_the_cards_decide(
    store_engine: Engine, db_url: str, another_url: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=db_url, data_dir=tmp_path)
    data = small.ROOT / "training_data" / "chats" / "wuliu-cuifa.txt"
    unmade = Settings(database_url=another_url, data_dir=tmp_path)
    assert reviewed.worse_by_reviews(unmade, None) is worse_by_cards
    with pytest.raises(ConfigError, match="there are no reviews yet"):
        reviewed.learn_from_reviews(settings, [data], "lead", 1, Quiet())
    (pk,) = bring_in(store_engine, small.authored(1)).values()
    say(store_engine, pk, "li", kind=Kind.AUDIT, satisfaction="neutral")
    with pytest.raises(ConfigError, match="audit never trains"):
        reviewed.learn_from_reviews(settings, [data], "lead", 1, Quiet())


# --- qa models suggest -----------------------------------------------------------------------------------------------


@pytest.fixture
def suggest(store_engine: Engine, db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(80))
    kit.night(store_engine)
    model = small.Small(small.authored(100))
    loaded = SimpleNamespace(version="2026-11-21-001-x", card=None, model=model)
    models = SimpleNamespace(load=lambda _build: loaded)
    monkeypatch.setattr("qa.cli.models.suggest.registry", lambda _settings: models)

    def invoke(*arguments: str) -> Result:
        environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path)}
        return CliRunner().invoke(main, ["models", "suggest", *arguments], env=environment, catch_exceptions=False)

    return invoke


def test_suggestions_are_unreviewed_inspected_and_no_audit(suggest, store_engine: Engine) -> None:
    inspected = {row["chat_pk"] for row in kit.rows(store_engine, "inspections", "id")}
    with read_tx(store_engine) as connection:
        audit = store.audit_chats(connection, sorted(inspected))
    names = {row["id"]: row["chat_id"] for row in kit.rows(store_engine, "chats", "id")}
    open_to = {names[pk] for pk in inspected - audit}
    lines = [json.loads(one) for one in suggest("--n", "10", "--json").stdout.splitlines()]
    assert len(lines) == 10
    assert [one["why"] for one in lines] == ["uncertain"] * 8 + ["random"] * 2
    assert {one["chat"] for one in lines} < open_to
    assert all(0 <= one["uncertainty"] <= 1 and 0 <= one["distance"] <= 1 for one in lines)
    assert [json.loads(one) for one in suggest("--n", "10", "--json").stdout.splitlines()] == lines
    other = [json.loads(one)["chat"] for one in suggest("--n", "10", "--json", "--salt", "x").stdout.splitlines()]
    assert other[8:] != [one["chat"] for one in lines[8:]]
    by_name = {name: pk for pk, name in names.items()}
    say(store_engine, by_name[lines[0]["chat"]], "li", satisfaction="neutral")
    later = [json.loads(one)["chat"] for one in suggest("--n", "500", "--json").stdout.splitlines()]
    assert set(later) == open_to - {lines[0]["chat"]}


def test_the_list_for_people_ends_with_a_count(suggest) -> None:
    shown = suggest("--n", "5").stdout.splitlines()
    assert shown[0].split() == ["merchant", "day", "chat", "why", "uncertainty", "difference"]
    assert shown[-1] == "5 chats by 2026-11-21-001-x: 4 uncertain, 1 random"
    assert suggest("--merchant", "nobody").stdout == "there is no inspected chat that nobody has reviewed\n"
    assert suggest("--since", "2026-11-21").stdout == "there is no inspected chat that nobody has reviewed\n"
    assert suggest("--n", "0").exit_code == 2
    assert suggest("--salt", "a\nb").exit_code == 2


def test_a_model_that_listens_to_rules_is_told_what_the_house_rules_find() -> None:
    chats = [
        Chat("a", (Message(Role.AGENT, "不知道"),)),
        Chat("b", (Message(Role.AGENT, "7"),), extra={"pretokenized": True}),
    ]

    class Listens(small.Small):
        rules = frozenset({"greeting-missing"})

        def __init__(self) -> None:
            self.told = None

        def judge(self, chats, hits=None) -> list[ChatOpinion]:
            self.told = hits
            return [ChatOpinion()] * len(chats)

    model = Listens()
    assert learning.opinions_of(model, chats) == [ChatOpinion()] * 2
    assert model.told == learning.hits_of(chats)
    first, second = model.told
    assert "greeting-missing" in first
    assert second is None
    assert set(learning.rules_noted()) == {"pack", "version", "hash"}
