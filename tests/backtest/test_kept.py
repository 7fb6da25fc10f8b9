"""Results of backtests in the data folder."""

from __future__ import annotations

from pathlib import Path

import insight_kit
import msgspec
import pytest

from qa.backtest import kept
from qa.errors import NotFoundError, QaError

AT = 1_795_000_000_000_000


def test_a_result_is_kept_listed_and_read_as_it_was(tmp_path: Path) -> None:
    assert kept.runs(tmp_path) == []
    result = insight_kit.a_backtest((insight_kit.example("acme", "c-1", "不知道"),))
    file = kept.keep(tmp_path, result, AT)
    again = kept.keep(tmp_path, result, AT)
    assert [file.name, again.name] == ["20261118T110640Z-draft-2.json", "20261118T110640Z-draft-2.2.json"]
    later = kept.keep(tmp_path, result, AT + 60_000_000)
    assert kept.read(tmp_path, file.name) == result
    listed = kept.runs(tmp_path)
    assert (listed[0].name, listed[0].at) == (later.name, AT + 60_000_000)
    assert listed[0].head is not None
    assert (listed[0].head.new, listed[0].head.chats) == (result.new, 90)
    assert not [path for path in (tmp_path / "backtests").iterdir() if path.suffix != ".json"]


def test_only_so_many_and_no_larger_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 3)
    result = insight_kit.a_backtest((insight_kit.example("acme", "c-1", "不" * 4_000),))
    monkeypatch.setattr(kept, "MOST_BYTES", 8_000)
    files = [kept.keep(tmp_path, result, AT + second * 1_000_000) for second in range(5)]
    assert kept.names(tmp_path) == [file.name for file in reversed(files[2:])]
    assert kept.read(tmp_path, files[4].name) == kept.without_examples(result)
    (tmp_path / "backtests" / files[4].name).write_bytes(b" " * 9_000)
    with pytest.raises(QaError, match="larger than"):
        kept.read(tmp_path, files[4].name)


def test_what_is_no_result_is_said_and_what_is_not_listed_is_not_read(tmp_path: Path) -> None:
    file = kept.keep(tmp_path, insight_kit.a_backtest(), AT)
    (tmp_path / "secret.json").write_text("{}")
    (file.parent / "20261118T110640Z-link-1.json").symlink_to(tmp_path / "secret.json")
    (file.parent / "20269918T110640Z-x-1.json").write_text("{}")
    for name in ("../secret.json", "secret.json", "20261118T110640Z-link-1.json", "", "20269918T110640Z-x-1.json"):
        with pytest.raises(NotFoundError):
            kept.read(tmp_path, name)
    file.write_text("{")
    assert [one.head for one in kept.runs(tmp_path)] == [None]
    with pytest.raises(QaError, match="no result of a backtest"):
        kept.read(tmp_path, file.name)
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(insight_kit.a_backtest(), version=99)))
    assert kept.runs(tmp_path)[0].head is None
    with pytest.raises(QaError, match="version 99"):
        kept.read(tmp_path, file.name)


def test_quotes_go_when_texts_are_dropped(tmp_path: Path) -> None:
    result = insight_kit.a_backtest((insight_kit.example("acme", "c-1", "不知道"),))
    file = kept.keep(tmp_path, result, AT)
    (file.parent / "20261117T110640Z-old-1.json").write_text('{"quote": "不知道"}')
    kept.forget_examples(tmp_path)
    assert kept.names(tmp_path) == [file.name]
    assert kept.read(tmp_path, file.name) == kept.without_examples(result)
    kept.forget_examples(tmp_path / "nothing")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "backtests").write_text("")
    with pytest.raises(QaError, match="cannot be written"):
        kept.keep(tmp_path, insight_kit.a_backtest(), AT)
