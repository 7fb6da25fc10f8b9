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


USERDICT = (Path(__file__).resolve().parent.parent / "training_data" / "userdict.txt").read_text("utf-8")


def test_the_domain_words_are_what_jieba_would_cut() -> None:
    words = tokens.parse_userdict(USERDICT)
    assert 200 <= len(words) <= 500
    cut = tokens.cutter(USERDICT)
    assert [word for word, _ in words if cut(word) != [word]] == []
    assert [word for word, _ in words if tokens.tokenize(word) == [word]] == []


@given(
    st.lists(
        st.sampled_from([*(word for word, _ in tokens.parse_userdict(USERDICT)), *"我的了吗，要在不 7"]), max_size=12
    )
)
def test_both_engines_cut_alike_with_the_domain_words(words: list[str]) -> None:
    text = "".join(words)
    for engine in FAST:
        assert tokens.cutter(USERDICT, engine)(text) == tokens.cutter(USERDICT, "jieba")(text)


def test_a_dictionary_changes_nothing_for_others() -> None:
    assert tokens.cutter("到手价 500")("到手价") == ["到手价"]
    assert tokens.tokenize("到手价") == tokens.cutter()("到手价") == ["到手", "价"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("退款", ":1: expected 'word frequency'"),
        ("# x\n退款 many", ":2: expected"),
        ("退款 0", ":1: expected"),
        ("退款 99999999", ":1: expected"),
        ("退款 5 n", ":1: expected"),
        ("，。 5", "no word that jieba can cut"),
        ("退" * 30 + " 5", "no word"),
        ("退款 5\n退款 6", ":2: 退款 stands there already"),
    ],
)
def test_a_malformed_dictionary_names_its_line(text: str, what: str) -> None:
    with pytest.raises(tokens.TokensError) as error:
        tokens.cutter(text)
    assert what in str(error.value)


def test_long_runs_are_guarded_with_a_dictionary_too() -> None:
    cut = tokens.cutter("到手价 500")
    assert "".join(cut("哈" * 5_000)) == "哈" * 5_000
    with pytest.raises(ValueError, match="lone surrogate at position 2"):
        cut("你好\udfff")
