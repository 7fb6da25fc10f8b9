from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from qa.models.labelled import PRETOKENIZED, TurnLabels, counts, course, labels_of, parse_notation, read_labelled
from qa.models.opinions import Level, ModelError, Task
from qa.types import Role

GOOD = """\
# a remark
== wuliu-001 投诉 物流 未解决 不满
客-- 六天了 还没动
服 亲，帮您看一下哈
机 您可以点击按钮
客0+ 好

== wuliu-002 咨询 物流 已解决 满意
客00 到哪了
"""


def test_the_notation_is_read() -> None:
    first, second = parse_notation(GOOD, "x.txt")
    assert [m.role for m in first.chat.messages] == [Role.CUSTOMER, Role.AGENT, Role.BOT, Role.CUSTOMER]
    assert first.turns == (
        TurnLabels("negative", "dissatisfied"), TurnLabels(), TurnLabels(), TurnLabels("neutral", "satisfied"),
    )  # fmt: skip
    assert (first.intent, first.type, first.resolution, first.satisfaction) == (
        "complaint", "物流", "unresolved", "dissatisfied",
    )  # fmt: skip
    assert (first.place, second.place, second.scenario) == ("x.txt:2", "x.txt:8", "wuliu")
    assert first.chat.messages[0].text == "六天了 还没动"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("客00 在吗", "x.txt:1", "before the first"),
        ("== a 咨询 物流 已解决", "x.txt:1", "expected '== id"),
        ("== a 咨询 物流 解决了 满意\n客00 在", "x.txt:1", "resolution '解决了'"),
        ("== a 咨询 快递 已解决 满意\n客00 在", "x.txt:1", "type '快递'"),
        ("== a 咨询 物流 已解决 满意\n客0 在吗", "x.txt:2", "two signs"),
        ("== a 咨询 物流 已解决 满意\n客0x 在吗", "x.txt:2", "two signs"),
        ("== a 咨询 物流 已解决 满意\n服00 在吗", "x.txt:2", "only turns of the customer"),
        ("== a 咨询 物流 已解决 满意\n顾00 在吗", "x.txt:2", "expected '客"),
        ("== a 咨询 物流 已解决 满意\n服 在", "x.txt:1", "no turn of the customer"),
    ],
)
def test_mistakes_name_file_and_line(text: str, where: str, what: str) -> None:
    with pytest.raises(ModelError) as error:
        parse_notation(text, "x.txt")
    assert str(error.value).startswith(where)
    assert what in str(error.value)


def line(**fields: object) -> str:
    return json.dumps({"id": "c1", "messages": [{"role": "customer", "text": "在吗"}], **fields}, ensure_ascii=False)


def test_json_lines_packed_or_not(tmp_path: Path) -> None:
    text = line(
        messages=[{"role": "customer", "text": "12 7", "labels": {"sentiment": "negative", "intent": "x"}}],
        labels={"satisfaction": "satisfied"},
        pretokenized=True,
        weight=0.5,
    )
    (tmp_path / "a.jsonl").write_text(text + "\n\n", "utf-8")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(text.replace("c1", "c2").encode()))
    first, second = read_labelled([tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"])
    assert first.chat.extra == {PRETOKENIZED: True}
    assert (first.turns[0].sentiment, first.satisfaction, first.weight) == ("negative", "satisfied", 0.5)
    assert second.place.endswith("b.jsonl.gz:1")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "truncated"),
        (line(labels={"satisfaction": "glad"}), "satisfaction 'glad'"),
        (line(messages=[{"role": "customer", "text": "a", "labels": {"sentiment": "sad"}}]), "turn 0: sentiment 'sad'"),
        (line(messages=[{"role": "cat", "text": "a"}]), "cat"),
        (line(weight=0), "weight 0"),
        ('{"id": "x"}', "messages"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line() + "\n" + text + "\n", "utf-8")
    with pytest.raises(ModelError, match=r"a\.jsonl:2: ") as error:
        read_labelled([path])
    assert what in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "empty").mkdir()
    for name in ("a.csv", "b.jsonl.gz", "c.txt", "none.txt", "empty"):
        with pytest.raises(ModelError, match=name.replace(".", r"\.")):
            read_labelled([tmp_path / name])


def test_an_id_twice_names_both_places(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line() + "\n" + line() + "\n", "utf-8")
    with pytest.raises(ModelError, match=r"a\.jsonl:2: chat 'c1' stands at .*a\.jsonl:1 already"):
        read_labelled([tmp_path / "a.jsonl"])


def test_the_course_weighs_the_end_double_and_hears_only_the_customer() -> None:
    negative, positive = TurnLabels("negative"), TurnLabels("positive")
    assert course([negative, negative, positive]) == "neutral"  # -1 -1 +2
    assert course([positive, negative]) == "negative"
    assert course([TurnLabels()]) is None
    chat, _ = parse_notation(GOOD, "x")
    assert chat.label(Task.SENTIMENT) == "negative"
    assert labels_of(chat, Level.TURN, Task.SATISFACTION) == ["dissatisfied", None, None, "satisfied"]


def test_counting() -> None:
    table = counts(parse_notation(GOOD, "x"))
    assert table["turn sentiment"] == {"negative": 1, "neutral": 2, "positive": 0}
    assert table["chat resolution"] == {"unresolved": 1, "partly": 0, "resolved": 1}
