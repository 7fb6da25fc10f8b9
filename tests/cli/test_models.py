from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import click
import model_kit as kit
import msgspec
import pytest
from click.testing import CliRunner, Result

from qa.cli import COMMANDS, Entry, main
from qa.cli.models import explaining
from qa.cli.models.opening import ManyValues
from qa.models.card import Card, here
from qa.models.explain import Contribution, Moved
from qa.models.features import Slot
from qa.models.fit import Candidate
from qa.models.model import Model
from qa.models.opinions import ModelError
from qa.models.registry import Stored
from qa.types import Chat, Message, Role

FIRST, SECOND = "2026-11-21-001-authored", "2026-11-21-002-authored"
Run = Callable[..., Result]


def settled(macro_f1: float = 0.7, **changes: object) -> Card:
    """A card that fits this very installation."""
    return msgspec.structs.replace(kit.card(macro_f1), environment=here(), **changes)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What is asked to be fitted; the answer is a small candidate, each a little better than the one before."""
    asked: list[tuple[object, ...]] = []

    def fit(paths: object, by: str, at: int, shows: object, told: object) -> Candidate:
        assert shows
        assert told
        asked.append((paths, by))
        files = kit.FILES | {"words.txt": f"{len(asked)}\n".encode()}
        return Candidate(files, settled(0.69 + 0.01 * len(asked), created_by=by, created_at=at))

    monkeypatch.setattr("qa.cli.models.train.fit_candidate", fit)
    monkeypatch.setattr(Model, "from_files", lambda files: files["words.txt"])
    monkeypatch.setattr("qa.cli.models.strange.known_turns", lambda words, _chats: (4 * (words > b"2"), 9))
    return asked


def words_that_moved(a: Stored, b: Stored, limit: int) -> list[Moved]:
    assert (a.files, b.files) != ({}, {})
    one = Moved("turn sentiment", Slot.OWN, "word 退款", "negative", 0.25, None)
    return [one][:limit]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fitted: list[tuple[object, ...]]) -> Run:  # noqa: ARG001
    """``qa models`` as the user lead, at a time that stands still, with a shipped model of its own."""
    monkeypatch.setitem(COMMANDS, "models", Entry("Look", "qa.cli.models:command", "Models."))
    shipped = kit.shipped(tmp_path / "var", settled(0.69, name="shipped"))
    monkeypatch.setattr("qa.cli.models.opening.SHIPPED_MODEL", shipped)
    for module in ("train", "changing"):
        monkeypatch.setattr(f"qa.cli.models.{module}.now", lambda: kit.NOW)
    monkeypatch.setattr("qa.cli.owner.getpass.getuser", lambda: "lead")
    monkeypatch.setattr("qa.cli.models.comparing.moved_words", words_that_moved)

    def invoke(*words: str | Path, **environment: str) -> Result:
        environment = {"QA_DATA_DIR": str(tmp_path / "var")} | environment
        return CliRunner().invoke(main, ["models", *map(str, words)], env=environment, catch_exceptions=False)

    return invoke


def refused(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").strip()


def test_a_candidate_is_trained_looked_at_promoted_and_rolled_back(run: Run, tmp_path: Path) -> None:
    trained = run("train")
    assert trained.exit_code == 0
    assert trained.stdout.splitlines() == [
        f"made {FIRST} from 1,260 chats",
        "  turn sentiment: macro_f1 0.700 [0.670, 0.730], ece 0.020 [0.010, 0.040]",
        f"to use it: qa models promote {FIRST}",
    ]
    assert stat.S_IMODE((tmp_path / "var" / "secret").stat().st_mode) == 0o600
    assert run("train").exit_code == 0
    assert run("promote", FIRST).stdout == f"{FIRST} is current; before: shipped\n"
    promoted = run("promote", SECOND, "--reason", "周会")
    assert promoted.stdout == f"{SECOND} is current; before: {FIRST}\n"
    listed = [line.split() for line in run("list").stdout.splitlines()]
    assert [line[:2] for line in listed[1:]] == [["shipped", "2026-11-21"], [FIRST, "2026-11-21"], ["*", SECOND]]
    assert listed[3][2:] == ["2026-11-21", "08:00", "lead", "shipped", "1,260", "sound"]
    assert run("rollback").stdout == f"{FIRST} is current again; before: {SECOND}\n"
    assert run("rollback", "--reason", "again").exit_code == 0
    assert refused(run("rollback")) == "there is no promotion to undo: shipped is current"
    acts = [line.split() for line in run("history").stdout.splitlines()[1:]]
    assert [act[2:5] for act in acts] == [
        ["promote", FIRST, "shipped"],
        ["promote", SECOND, FIRST],
        ["rollback", FIRST, SECOND],
        ["rollback", "shipped", FIRST],
    ]
    assert acts[1][5:] == ["lead", "周会"]
    shown = [json.loads(line) for line in run("history", "--json").stdout.splitlines()]
    assert [act["why"] for act in shown] == [None, "周会", None, "again"]
    assert shown[0]["at"] == "2026-11-21T08:00:00+08:00"
    assert run("verify").stdout == f"sound: shipped, {FIRST}, {SECOND}\n"


def test_before_anything_is_trained(run: Run, tmp_path: Path) -> None:
    assert [line.split()[:2] for line in run("list").stdout.splitlines()[1:]] == [["*", "shipped"]]
    assert run("history").stdout == "nothing has been promoted\n"
    assert run("verify").stdout == "sound: shipped\n"
    assert not (tmp_path / "var").exists()


def test_without_any_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.cli.models.opening.SHIPPED_MODEL", None)
    assert run("list").stdout == "there is no model; qa models train makes one\n"
    assert refused(run("show", "current")) == "shipped: no model comes with this program"


def test_files_to_learn_from_may_follow_one_option(run: Run, fitted: list[tuple[object, ...]]) -> None:
    assert run("train", "--data", "a.txt", "b.jsonl", "--name", "ours", "--data", "c.txt").exit_code == 0
    assert fitted[-1] == ((Path("a.txt"), Path("b.jsonl"), Path("c.txt")), "lead")
    assert "2026-11-21-001-ours" in run("list").stdout
    assert "made 2026-11-21-002-data from" in run("train", "--data", "a.txt").stdout


def test_a_candidate_that_learnt_from_other_words_is_told(run: Run) -> None:
    strange = run("train", "--data", "ids.jsonl")
    assert strange.exit_code == 0
    assert strange.stderr == (
        "warning: the model's vocabulary knows 0% of 9 turns of customers in the chats we wrote; "
        "on chats of which it knows almost nothing it abstains\n"
    )
    assert "knows 44%" in run("train", "--data", "ours.jsonl").stderr
    assert run("train").stderr == ""  # of the chats we wrote it knows the words


def test_a_bad_name_is_told_before_the_work_begins(run: Run, fitted: list[tuple[object, ...]]) -> None:
    assert refused(run("train", "--name", "Ours!")).startswith("name 'Ours!': must be lower-case letters")
    assert fitted == []


def test_there_are_no_reviews_yet(run: Run, fitted: list[tuple[object, ...]]) -> None:
    assert refused(run("train", "--from-reviews")).startswith("--from-reviews: there are no reviews yet")
    assert fitted == []


def test_what_cannot_be_learnt_from_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_arguments: object) -> Candidate:
        raise ModelError("a.txt:7: expected '客-0 text'")

    monkeypatch.setattr("qa.cli.models.train.fit_candidate", fit)
    assert run("train").stderr.splitlines()[-1] == "error: a.txt:7: expected '客-0 text'"


def test_show_is_for_people_and_for_programs(run: Run) -> None:
    run("train")
    shown = run("show", FIRST).stdout
    for part in (
        f"model {FIRST}",
        "2026-11-21 08:00 by lead, zhijian ",
        "1,260 chats of wuliu.txt",
        "scikit-learn ",
        "set ngrams",
        "[1,2]",
        "negative 3, neutral 5, positive 2",
        "figures with 95 % intervals; 5-fold cross-validation by chat",
        "0.700 [0.670, 0.730]",
        "unknown",
        "reliability: of n opinions, the mean probability claimed → the share that was right",
        "0.30–0.60    0.50 → 0.47, n 40",
    ):
        assert part in shown
    card = json.loads(run("show", FIRST, "--json").stdout)
    assert (card["name"], card["parent"], card["data"]["chats"]) == (FIRST, "shipped", 1_260)
    figure = card["metrics"]["turn sentiment"]["figures"]["macro_f1"]
    assert figure == {"value": pytest.approx(0.7), "low": pytest.approx(0.67), "high": pytest.approx(0.73)}
    assert json.loads(run("show", "current", "--json").stdout)["name"] == "shipped"
    assert "there is no such version" in refused(run("show", SECOND))


def test_compare_shows_what_differs(run: Run, fitted: list[tuple[object, ...]]) -> None:
    run("train")
    lines = run("compare", "shipped", FIRST).stdout.splitlines()
    assert lines[0].split() == ["head", "figure", "shipped", FIRST, "difference"]
    assert " ".join(lines[1].split()) == "turn sentiment macro_f1 0.690 [0.660, 0.720] 0.700 [0.670, 0.730] +0.010"
    assert "differs" not in "\n".join(lines)
    found = json.loads(run("compare", "current", FIRST, "--json").stdout)
    assert (found["a"], found["b"], found["same_data"], found["differences"]) == ("shipped", FIRST, True, {})
    assert [(one["name"], one["before"], one["after"]) for one in found["moved"]] == [("word 退款", 0.25, None)]
    assert lines[-1].split()[-5:] == ["word", "退款", "negative", "+0.250", "unknown"]
    assert "退款" not in run("compare", "shipped", FIRST, "--words", "0").stdout
    row = found["figures"][0]
    assert (row["head"], row["figure"], round(row["difference"], 9)) == ("turn sentiment", "macro_f1", 0.01)
    assert [row["difference"] for row in found["figures"] if row["figure"] == "spearman"] == [None]
    assert fitted


def test_compare_tells_other_data_and_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("train")
    other = settled(settings={"C": 2.0, "ngrams": [1, 2]}, data=kit.DataReport("e" * 64, 7, {}))
    monkeypatch.setattr("qa.cli.models.train.fit_candidate", lambda *_arguments: Candidate(kit.FILES, other))
    run("train")
    shown = run("compare", FIRST, SECOND).stdout
    assert "note: the two were fitted and measured on different chats" in shown
    found = json.loads(run("compare", FIRST, SECOND, "--json").stdout)
    assert found["differences"]["setting C"] == [0.5, 2.0]
    assert found["differences"]["chats"] == [1_260, 7]


def test_a_worse_candidate_is_refused_unless_forced_with_a_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.cli.models.train.fit_candidate", lambda *_arguments: Candidate(kit.FILES, settled(0.5)))
    run("train")
    assert refused(run("promote", FIRST)).startswith(
        f"{FIRST} is not promoted: turn sentiment: macro_f1 0.500 is below 0.690 [0.660, 0.720]"
    )
    assert refused(run("promote", FIRST, "--force")).startswith("--force: needs --reason TEXT")
    assert refused(run("promote", FIRST, "--force", "--reason", " ")) == "--reason: must be a line of text"
    assert refused(run("promote", FIRST, "--reason", "a\nb")) == "--reason: must be a line of text"
    forced = run("promote", FIRST, "--force", "--reason", "the shipped one knows no English")
    assert forced.stdout == f"{FIRST} is current, forced although it is worse; before: shipped\n"
    assert "promote, forced" in run("history").stdout


def test_verify_names_every_problem_and_exits_1(run: Run, tmp_path: Path) -> None:
    run("train")
    run("train")
    folder = tmp_path / "var" / "models"
    kit.put(folder / FIRST / "heads.npz", b"")
    kit.put(folder / SECOND / "more", b"")
    result = run("verify")
    assert (result.exit_code, result.stdout.splitlines()) == (
        1,
        [
            f"models/{FIRST}/heads.npz: has 0 bytes instead of 768",
            f"models/{SECOND}/more: does not belong there: manifest.json does not list it",
        ],
    )
    assert run("verify", FIRST).exit_code == 1
    assert run("verify", "shipped").stdout == "sound: shipped\n"
    assert "has 0 bytes instead of 768" in run("list").stdout
    assert "has 0 bytes instead of 768" in refused(run("show", FIRST))
    assert "has 0 bytes instead of 768" in refused(run("promote", FIRST))
    problems = [json.loads(line)["problem"] for line in run("list", "--json").stdout.splitlines()]
    assert [problem is None for problem in problems] == [True, False, False]


def test_a_key_of_the_settings_signs_instead_of_the_file(run: Run, tmp_path: Path) -> None:
    key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    run("train", QA_SECRET_KEY=key)
    assert not (tmp_path / "var" / "secret").exists()
    assert run("verify", QA_SECRET_KEY=key).exit_code == 0
    assert "of another installation" in run("verify").stdout
    assert "of another installation" in run("verify", QA_SECRET_KEY=f"{key}.").stdout


def test_a_history_that_cannot_be_trusted_is_told_everywhere(run: Run, tmp_path: Path) -> None:
    run("train")
    run("promote", FIRST)
    (tmp_path / "var" / "models" / "current.json").unlink()
    told = "models/current.json: is missing, although history.jsonl is there"
    assert refused(run("show", "current")) == refused(run("history")) == refused(run("rollback")) == told
    listed = run("list")
    assert (listed.exit_code, listed.stderr) == (0, f"nothing is known to be current: {told}\n")
    assert run("verify").stdout.splitlines() == [told]


def test_options_with_many_values() -> None:
    @click.command(cls=ManyValues)
    @click.option("--data", multiple=True)
    @click.option("--test", "-t", multiple=True)
    @click.option("--name")
    @click.option("--flag", is_flag=True)
    def probe(**given: object) -> None:
        click.echo(json.dumps(given))

    def parsed(*words: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(CliRunner().invoke(probe, words).stdout)
        return found

    assert parsed("--data", "a", "b", "-t", "c", "d", "--flag") == {
        "data": ["a", "b"], "test": ["c", "d"], "name": None, "flag": True,
    }  # fmt: skip
    assert parsed("--data", "a", "--name", "n", "--data=b", "c")["data"] == ["a", "b", "c"]
    assert CliRunner().invoke(probe, ["--name", "n", "stray"]).exit_code == 2
    assert CliRunner().invoke(probe, ["--data"]).exit_code == 2


def test_the_help_names_the_commands() -> None:
    from qa.cli.models import command

    shown = CliRunner().invoke(command, ["--help"]).stdout
    assert all(f"  {name} " in shown for name in ("train", "list", "show", "compare", "promote", "rollback", "verify"))


def test_what_a_rule_adds_is_told_with_its_name_and_its_evidence() -> None:
    chat = Chat("c", (Message(Role.AGENT, "不知道啊"),))
    fired = Contribution("rule greeting-missing", (0.5, 0.0, -0.5), turn=0, places=((0, 3),))
    assert explaining.in_words(chat, fired) == "rule greeting-missing 未使用问候语: “不知道” (turn 0)"
    silent = Contribution("rule gone", (0.1, 0.0, -0.1))
    assert explaining.in_words(chat, silent) == "rule gone: found nothing"
    assert explaining.in_words(chat, Contribution("length", (0.1, 0.0, -0.1))) == "length"
    group = Contribution("‹怨言›", (0.5, 0.0, -0.5), slot=Slot.OWN, turn=0, places=((0, 3),))
    assert explaining.in_words(chat, group) == "“不知道” ‹怨言› (own, turn 0)"
