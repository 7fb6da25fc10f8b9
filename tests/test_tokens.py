from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qa import tokens

FAST = [name for name in tokens.engines() if name != "jieba"]

MIXED = st.text(
    st.one_of(
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
        st.sampled_from("您好请问有什么可以帮您退款发货订单快递的了吗呢亲"),
        st.characters(min_codepoint=0x20, max_codepoint=0x7E),
        st.sampled_from("，。！？…～　\t\r\n\u200b\ufeff①ＶＸ１😀👍🏽é"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=80,
)


def test_the_accelerator_is_installed_here() -> None:
    assert tokens.engines() == ("rjieba", "jieba")


@given(MIXED)
@example("\r\n")
@example("a\r\n\r\nb  c")
@example("100%正品+包邮#1&2")
def test_the_accelerator_cuts_exactly_as_jieba(text: str) -> None:
    for engine in FAST:
        assert tokens.tokenize_with(engine, text) == tokens.tokenize_with("jieba", text)


@given(MIXED)
def test_nothing_is_lost(text: str) -> None:
    assert "".join(tokens.tokenize(text)) == text


@pytest.mark.parametrize("engine", tokens.engines())
def test_long_runs_are_cut_in_pieces(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LONGEST_RUN", 10)
    assert tokens.tokenize_with(engine, "退款" * 12) == ["退款"] * 12
    assert tokens.tokenize_with(engine, "x" * 25) == ["x" * 10, "x" * 10, "x" * 5]
    assert tokens.tokenize_with(engine, "x" * 10 + " " + "y" * 10) == ["x" * 10, " ", "y" * 10]
    assert tokens.tokenize_with(engine, "，" * 30) == ["，"] * 30


def test_a_run_of_a_hundred_thousand_is_no_trouble() -> None:
    text = "哈" * 100_000
    assert "".join(tokens.tokenize_with("jieba", text)) == text


@pytest.mark.parametrize("text", ["\ud800", "你好\udfff吗"])
def test_lone_surrogates_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="lone surrogate at position"):
        tokens.tokenize(text)


def test_the_dictionary_is_the_one_that_was_measured() -> None:
    assert tokens.dictionary_hash() == "7197c3211ddd98962b036cdf40324d1ea2bfaa12bd028e68faa70111a88e12a8"


def test_no_cache_is_read_or_written(tmp_path: Path, root: Path) -> None:
    """jieba would unmarshal this planted file; we must not, nor leave one of our own."""
    planted = tmp_path / "jieba.cache"
    planted.write_bytes(b"planted")
    before = hashlib.sha256(planted.read_bytes()).digest()
    code = "from qa import tokens; assert tokens.tokenize_with('jieba', '请问') == ['请问']"
    environment = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(root), "PATH": ""}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)
    assert [file.name for file in tmp_path.iterdir()] == ["jieba.cache"]
    assert hashlib.sha256(planted.read_bytes()).digest() == before


def test_the_tokenizer_of_the_process_is_left_alone() -> None:
    code = (
        "from qa import tokens; tokens.tokenize_with('jieba', '请问'); import jieba; "
        "assert not jieba.dt.initialized and not jieba.dt.FREQ"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(tokens.__file__).parent.parent)
