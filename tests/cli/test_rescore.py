from __future__ import annotations

import json
from pathlib import Path

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine
from store_dump import dump

from qa.cli import main


@pytest.fixture
def run(store_engine: Engine, db_url: str, tmp_path: Path):
    """``qa`` on a store with 60 chats of acme's day."""
    kit.bring_in(store_engine, tmp_path / "day", kit.day_of_chats(60))

    def invoke(*arguments: str | Path) -> Result:
        environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path)}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment, catch_exceptions=False)

    return invoke


def test_a_night_judged_again_is_compared_with_itself(run, store_engine: Engine, tmp_path: Path) -> None:
    shown = run("nightly", "--date", kit.DAY).stdout
    pack = kit.pack(tmp_path, "{keywords: {any: [您好], role: agent}}")
    result = run("rescore", "--date", kit.DAY, "--pack", pack)
    assert result.exit_code == 0
    assert "── acme · 2026-11-20 · re-scored as run 2 ──" in result.stdout
    assert "standard own 1" in result.stdout
    assert "Estimates for all chats of the frame" in result.stdout
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("own-rule"))
    assert line.split()[1:3] == ["−", "0"]
    before = dump(store_engine)
    again = run("rescore", "--date", kit.DAY, "--pack", pack)
    assert "had been re-scored by this standard already" in again.stdout
    assert "re-scored as run 2" in again.stdout
    assert dump(store_engine) == before
    after = run("nightly", "--date", kit.DAY).stdout
    assert [line for line in after.splitlines() if "had run already" not in line] == [
        line for line in shown.splitlines() if not line.startswith("time:")
    ], "the night's own summary stays as it was"


def test_the_same_standard_fires_as_before(run) -> None:
    run("nightly", "--date", kit.DAY)
    result = run("rescore", "--date", kit.DAY, "--merchant", "acme")
    assert result.exit_code == 0
    assert "every rule fires as often as before" in result.stdout


def test_what_cannot_be_rescored(run, tmp_path: Path) -> None:
    result = run("rescore", "--date", kit.DAY)
    assert result.exit_code == 2
    assert "there is no night 2026-11-20 of merchant 'acme'" in result.stderr
    missing = run("rescore", "--date", kit.DAY, "--pack", tmp_path / "none.yaml")
    assert missing.exit_code == 2
    assert "none.yaml: no such file, nor a shipped pack, nor a version or hash that was published" in missing.stderr
    assert run("rescore").exit_code == 2


def _published(run, *packs: Path) -> str:
    """Publish packs; returns the hash of the last one's standard."""
    for pack in packs:
        examples = '\n    examples: {bad: ["客服: 不知道"], good: ["客服: 您好"]}\n'
        pack.write_text(pack.read_text("utf-8").rstrip() + examples, "utf-8")
        told = run("rules", "publish", pack)
        assert told.exit_code == 0, told.stderr
    return json.loads(run("rules", "history", "--json").stdout.splitlines()[-1])["ruleset"]


def test_a_published_version_judges_again(run, tmp_path: Path) -> None:
    run("nightly", "--date", kit.DAY)
    pack = kit.pack(tmp_path)
    digest = _published(run, pack)
    pack.unlink()
    again = [run("rescore", "--date", kit.DAY, "--pack", name) for name in ("own@1", "1", digest[:8], "house")]
    assert [one.exit_code for one in again] == [0, 0, 0, 0]
    assert ["standard own 1" in one.stdout for one in again] == [True, True, True, False]
    assert ["already" in one.stdout for one in again] == [False, True, True, False]
    unknown = [run("rescore", "--date", kit.DAY, "--pack", name) for name in ("own@2", "other@1", digest[:7])]
    assert [one.exit_code for one in unknown] == [2, 2, 2]


def test_a_version_of_several_packs_is_named_by_its_hash(run, tmp_path: Path) -> None:
    _published(run, kit.pack(tmp_path), kit.pack(tmp_path, name="other"))
    refused = run("rescore", "--date", kit.DAY, "--pack", "1")
    assert refused.exit_code == 2
    assert "'1' means several published standards: own@1 (" in refused.stderr
