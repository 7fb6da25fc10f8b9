from __future__ import annotations

import json
from pathlib import Path

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from qa.cli import main
from qa.nightly.standard import standard_for
from qa.rules.inspector import Standard
from qa.store.nights import keep_ruleset
from qa.store.session import write_tx


def with_examples(folder: Path, *, name: str = "own", said: str = "不知道") -> Path:
    path = kit.pack(folder, f"{{keywords: {{any: [{said}]}}}}", name=name)
    path.write_text(
        path.read_text("utf-8") + f'    examples: {{bad: ["客服: {said}"], good: ["客服: 您好"]}}\n', "utf-8"
    )
    return path


@pytest.fixture
def run(store_engine: Engine, db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: ARG001 - makes it
    """``qa`` as the user lead, at a time that stands still, on an empty store."""
    monkeypatch.setattr("qa.cli.rules.publishing.now", lambda: kit.NOW)
    monkeypatch.setattr("qa.cli.owner.getpass.getuser", lambda: "lead")

    def invoke(*arguments: str | Path, config: Path | None = None) -> Result:
        environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path)}
        head = ["--config", str(config)] if config else []
        words = [*head, *(str(one) for one in arguments)]
        return CliRunner().invoke(main, words, env=environment, catch_exceptions=False)

    return invoke


def test_publishing_is_recorded(run, store_engine: Engine, tmp_path: Path) -> None:
    pack = with_examples(tmp_path)
    assert run("rules", "history").stdout == "nothing has been published\n"
    result = run("rules", "publish", pack, "--merchant", "acme", "--note", "周会通过")
    assert result.exit_code == 0
    digest = standard_for(pack, None).hash
    first, *rest = result.stdout.splitlines()
    assert first == f"published own 1 ({digest[:12]}) for acme, by lead"
    assert rest[0] == "no chats of merchant 'acme' are stored yet"
    assert rest[1].startswith("note: nights of acme judge by the house pack: the settings name none for it; ")
    assert len(rest) == 2
    (row,) = kit.rows(store_engine, "publications")
    assert (row["ruleset"], row["merchant"], row["published_at"], row["published_by"], row["note"]) == (
        digest, "acme", kit.NOW, "lead", "周会通过",
    )  # fmt: skip
    (kept,) = kit.rows(store_engine, "rulesets")
    assert Standard.model_validate_json(kept["content"]).hash == digest
    assert run("rules", "publish", "house").exit_code == 0
    shown = [line.split() for line in run("rules", "history").stdout.splitlines()]
    assert shown[1] == ["2026-11-21", "00:00", "own", "1", "acme", "lead", digest[:12], "周会通过"]
    assert shown[2][2:9] == ["house", kit.HOUSE.pack.version, "all", "without", "their", "own", "lead"]
    found = [json.loads(line) for line in run("rules", "history", "--merchant", "acme", "--json").stdout.splitlines()]
    assert found == [{
        "id": 1, "ruleset": digest, "pack": "own", "version": "1", "merchant": "acme",
        "published_at": "2026-11-21T00:00:00+08:00", "published_by": "lead", "note": "周会通过",
    }]  # fmt: skip


def test_the_same_again_records_nothing_and_back_again_does(run, store_engine: Engine, tmp_path: Path) -> None:
    one, two = with_examples(tmp_path), with_examples(tmp_path, name="two")
    for pack in (one, one, two, one):
        result = run("rules", "publish", pack, "--merchant", "acme")
        assert result.exit_code == 0
    assert len(kit.rows(store_engine, "publications")) == 3
    assert "nothing to record: own 1 " in run("rules", "publish", one, "--merchant", "acme").stdout
    assert run("rules", "publish", one, "--merchant", "other").stdout.startswith("published own 1 ")


def test_changed_content_needs_a_new_version(run, store_engine: Engine, tmp_path: Path) -> None:
    pack = with_examples(tmp_path)
    run("rules", "publish", pack)
    with_examples(tmp_path, said="没有")
    result = run("rules", "publish", pack)
    assert result.exit_code == 2
    assert "version '1' of 'own' was published by lead with other content" in result.stderr
    pack.write_text(pack.read_text("utf-8").replace('version: "1"', 'version: "2"'), "utf-8")
    assert run("rules", "publish", pack).exit_code == 0
    assert len(kit.rows(store_engine, "publications")) == 2


def test_what_does_not_work_is_not_published(run, store_engine: Engine, tmp_path: Path) -> None:
    pack = with_examples(tmp_path)
    text = pack.read_text("utf-8")
    pack.write_text(text.replace("客服: 不知道", "客服: 您好"), "utf-8")
    result = run("rules", "publish", pack)
    assert result.exit_code == 2
    assert "own-rule: expected fires, got passes" in result.stderr
    pack.write_text(text.replace("keywords", "keyword"), "utf-8")
    assert run("rules", "publish", pack).exit_code == 2
    assert run("rules", "publish", tmp_path / "none.yaml").exit_code == 2
    assert run("rules", "publish", "house", "--note", "a\nb").exit_code == 2
    assert kit.rows(store_engine, "publications") == kit.rows(store_engine, "rulesets") == []


def test_old_scores_and_the_standard_of_nights_stay(run, store_engine: Engine, tmp_path: Path) -> None:
    kit.bring_in(store_engine, tmp_path / "day", kit.day_of_chats(40))
    run("nightly", "--date", kit.DAY)
    before = {name: kit.rows(store_engine, name) for name in ("nights", "runs", "inspections", "findings", "flags")}
    config = tmp_path / "zhijian.toml"
    config.write_text(f'[packs]\nacme = "{with_examples(tmp_path).name}"\n', "utf-8")
    result = run("rules", "publish", tmp_path / "own.yaml", "--merchant", "acme", config=config)
    assert result.stdout.count("\n") == 1, "the settings name the published file: nothing to remark"
    assert {name: kit.rows(store_engine, name) for name in before} == before


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from qa.cli import owner

    def nobody() -> str:
        raise OSError("no name")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert owner.user().startswith("uid ")


def test_packs_are_compared_by_what_they_were_published_as(run, store_engine: Engine, tmp_path: Path) -> None:
    pack = with_examples(tmp_path)
    run("rules", "publish", pack)
    first = standard_for(pack, None).hash
    changed = pack.read_text("utf-8").replace('version: "1"', 'version: "2"').replace("deduct: 5", "deduct: 6")
    pack.write_text(changed, "utf-8")
    run("rules", "publish", pack)
    told = [run("rules", "diff", *two).stdout for two in (("own@1", "own@2"), (first[:12], pack))]
    assert told[0] == told[1]
    first_line, *rest = told[0].splitlines()
    assert first_line.startswith("own 1 (")
    assert rest == ["~ changed own-rule", "    deduct: 5.0 → 6.0", "    max_deduct: 5.0 → 6.0"]
    with write_tx(store_engine) as connection:  # as a night does, which publishes nothing
        keep_ruleset(connection, "f" * 64, "own", "9", standard_for(pack, None).as_json(), kit.NOW)
    assert run("rules", "diff", "ffffffff", pack).stdout.endswith("\nboth judge alike\n")
    unknown = run("rules", "diff", "own@1", "own@3")
    assert (unknown.exit_code, "nor a version or hash that was published" in unknown.stderr) == (2, True)
    days = ("--from", "2026-11-20", "--to", "2026-11-20")
    against = run("rules", "backtest", "own@2", "--against", "own@3", *days)
    assert (against.exit_code, "error: own@3: no such file" in against.stderr) == (2, True)
