from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qa.cli import main
from qa.cli.models.ship import with_sums
from qa.models.explain import explain
from qa.models.labelled import parse_notation
from qa.models.model import Model
from qa.models.scores import MEASURES
from qa.models.shipping import SHIPPED_FOLDER, SHIPPED_SHA256

ROOT = Path(__file__).resolve().parents[2]
BAD, GOOD = (
    ("什么破店 骗人的吧", "你们太差劲了", "等了半个月 太慢了"),
    ("谢谢啦 太好了", "非常满意 谢谢你", "好的 辛苦你了"),
)
PLAIN = ("查一下订单", "几号到", "黑色还有吗")


def chat(index: int, kind: int) -> str:
    texts, sign = (BAD, PLAIN, GOOD)[kind], "-0+"[kind]
    head = f"== a-{index:03} 咨询 物流 {('未解决', '部分解决', '已解决')[kind]} {('不满', '中性', '满意')[kind]}"
    turns = [f"客{sign}{sign} {texts[(index + i) % 3]}{'，' * (index % 4)}{index % 9}号" for i in range(2)]
    return "\n".join([head, turns[0], "服 亲，您稍等", turns[1]])


@pytest.fixture
def train(tmp_path: Path) -> Path:
    path = tmp_path / "train.txt"
    path.write_text("\n\n".join(chat(i, i % 3) for i in range(60)), "utf-8")
    return path


@pytest.fixture
def test_file(tmp_path: Path) -> Path:
    path = tmp_path / "test.txt"
    path.write_text("\n\n".join(chat(i, i % 3) for i in range(100, 121)), "utf-8")
    return path


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["models", *map(str, words)])


def test_train_and_test(train: Path, test_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    result = run(
        "evaluate", "--task", "satisfaction", "--level", "turn", "--train", train, "--test", test_file, "--json", out
    )
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text("utf-8"))
    assert set(MEASURES) | {"n", "classes", "confusion", "baselines", "interval", "most_probable", "protocol"} <= set(
        found
    )
    assert found["n"] == 42
    assert found["classes"] == {"dissatisfied": 14, "neutral": 14, "satisfied": 14}
    assert found["accuracy"] > 0.9
    low, high = found["interval"]["spearman"]
    assert low <= found["spearman"] <= high
    assert set(found["baselines"]) == {"majority", "plain"}
    assert found["baselines"]["majority"]["accuracy"] == pytest.approx(1 / 3)
    assert found["baselines"]["majority"]["auc"] == 0.5
    assert "confusion of ours" in result.output


@pytest.mark.parametrize("task", ["sentiment", "satisfaction", "resolution"])
def test_chats_by_cross_validation(train: Path, task: str) -> None:
    words = (
        "--task",
        task,
        "--level",
        "chat",
        "--train",
        train,
        "--cv",
        "3",
        "--no-tune",
        "--draws",
        "0",
        "--json",
        "-",
    )
    result = run("evaluate", *words)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["n"], found["protocol"]) == (60, "3-fold cross-validation by chat")
    assert found["accuracy"] > 0.8
    assert found["interval"] == {}


def test_the_shipped_model_is_measured_and_nothing_fitted(test_file: Path) -> None:
    words = ("--task", "resolution", "--level", "chat", "--model", "shipped", "--test", test_file, "--json", "-")
    found = json.loads(run("evaluate", *words).stdout)
    assert found["pipeline"] == "model shipped"
    assert found["baselines"] == {}


def test_a_model_that_does_not_know_the_words_is_told(test_file: Path, tmp_path: Path) -> None:
    labels = {"sentiment": "neutral"}
    messages = [{"role": "customer", "text": f"{n} 77 4", "labels": labels} for n in range(9)]
    path = tmp_path / "ids.jsonl"
    path.write_text(json.dumps({"id": "1", "pretokenized": True, "messages": messages}), "utf-8")
    words = ("evaluate", "--task", "sentiment", "--level", "turn", "--draws", "0", "--model", "shipped", "--test")
    assert "knows 0% of 9 turns of customers in the test chats" in run(*words, path).stderr
    assert "warning" not in run(*words, test_file).stderr


def test_files_of_several_values_and_two_classes(train: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    lines = [
        {"id": f"m{i}", "messages": [{"role": "customer", "text": t, "labels": {"sentiment": s}}]}
        for i, (t, s) in enumerate([("真好", "positive"), ("真差", "negative")] * 20)
    ]
    more.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    words = (
        "evaluate",
        "--task",
        "sentiment",
        "--level",
        "turn",
        "--train",
        train,
        more,
        "--test",
        more,
        "--json",
        "-",
    )
    result = run(*words)
    found = json.loads(result.stdout)
    assert found["classes"] == {"negative": 20, "neutral": 0, "positive": 20}
    assert found["spearman"] is None
    assert found["accuracy"] == 1
    assert "40 of 40 test chats are word for word among the training chats" in result.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--task", "resolution", "--level", "turn", "--model", "shipped", "--test", "x"), "--level chat"),
        (("--task", "sentiment", "--level", "turn"), "--test FILE"),
        (("--task", "sentiment", "--level", "turn", "--test", "x.txt"), "--train FILE"),
        (("--task", "sentiment", "--level", "turn", "--cv", "5"), "--cv cuts"),
        (("--task", "sentiment", "--level", "turn", "--train", "a", "--test", "x.txt", "--cv", "5"), "--cv cuts"),
        (("--task", "joy", "--level", "turn"), "joy"),
        (
            ("--task", "sentiment", "--level", "turn", "--train", "no.txt", "--test", "no.txt"),
            "no.txt: there is no such",
        ),
        (("--task", "sentiment", "--level", "turn", "--model", "nobody", "--test", "{test}"), "nobody"),
    ],
)
def test_wrong_usage_is_explained(words: tuple[str, ...], what: str, test_file: Path) -> None:
    result = run("evaluate", *(word.format(test=test_file) for word in words))
    assert result.exit_code == 2
    assert what in result.stderr
    assert "Traceback" not in result.stderr


def test_labels_that_are_not_there(train: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"id": "b", "messages": [{"role": "customer", "text": "在吗"}]}\n', "utf-8")
    words = ("evaluate", "--task", "sentiment", "--level", "turn", "--test", bare)
    result = run(*words, "--train", train)
    assert result.exit_code == 2
    assert "nothing to measure" in result.stderr


def chat_file(tmp_path: Path) -> Path:
    path = tmp_path / "chats.jsonl"
    messages = [
        {"role": "customer", "text": "六天了还没到，太慢了"},
        {"role": "agent", "text": "亲，稍等"},
        {"role": "customer", "text": "谢谢你"},
    ]
    path.write_text(json.dumps({"id": "c1", "messages": messages}, ensure_ascii=False) + "\n", "utf-8")
    return path


def test_explain_tells_words_and_places(tmp_path: Path) -> None:
    path = chat_file(tmp_path)
    result = run("explain", path, "--turn", "2", "--task", "sentiment")
    assert result.exit_code == 0, result.output
    assert "sentiment of turn 2" in result.output
    assert "谢" in result.output
    lines = [json.loads(line) for line in run("explain", path, "--json").stdout.splitlines()]
    assert len(lines) == 2 * 2 + 3
    for one in lines:
        for index in range(3):
            total = one["intercept"][index] + sum(c["shares"][index] for c in one["contributions"])
            assert total == pytest.approx(one["decision"][index], abs=1e-9)


@pytest.mark.usefixtures("store_engine")
def test_explain_takes_a_chat_of_the_store(tmp_path: Path, db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("QA_DATABASE_URL", db_url)
    file = tmp_path / "stored.jsonl"
    messages = [{"role": "customer", "text": "我电话13800138000，太慢了"}]
    file.write_text(json.dumps({"id": "c1", "messages": messages}, ensure_ascii=False) + "\n", "utf-8")
    assert CliRunner().invoke(main, ["import", str(file), "--merchant", "acme"]).exit_code == 0
    told = run("explain", "c1", "--turn", "0", "--task", "sentiment")
    assert told.exit_code == 0, told.output
    assert "太慢了" in told.output
    assert "13800138000" not in told.output
    absent = run("explain", "c2")
    assert absent.exit_code == 2
    assert "there is no chat 'c2'" in absent.stderr


def test_explain_of_nothing(tmp_path: Path) -> None:
    result = run("explain", chat_file(tmp_path), "--id", "another")
    assert result.exit_code == 2


def test_data_counts(train: Path) -> None:
    told = run("data", "--data", train)
    assert "60 chats, 1 scenarios, 120 labelled turns" in told.output
    found = json.loads(run("data", "--data", train, "--json").stdout)
    assert found["labels"]["chat resolution"] == {"unresolved": 20, "partly": 20, "resolved": 20}
    assert json.loads(run("data", "--json").stdout)["chats"] >= 1200


def test_the_shipped_model_is_whole_and_speaks() -> None:
    model = Model.from_files({path.name: path.read_bytes() for path in SHIPPED_FOLDER.iterdir()})
    assert len(model.heads) == 5
    assert (ROOT / "training_data" / "userdict.txt").read_text("utf-8") == model.dictionary
    assert set(SHIPPED_SHA256) == {path.name for path in SHIPPED_FOLDER.iterdir()}
    (one,) = parse_notation(chat(1, 0), "x")
    (opinion,) = model.judge([one.chat])
    assert opinion.satisfaction is not None
    assert opinion.satisfaction.label == "dissatisfied"
    assert explain(model, one.chat)


def test_sums_go_into_the_code_and_can_be_replaced() -> None:
    code = Path(ROOT / "qa" / "models" / "shipping.py").read_text("utf-8")
    assert with_sums(code, dict(SHIPPED_SHA256)) == code
    changed = with_sums(code, {"a": "1"})
    assert '"a": "1"' in changed
    assert "weights.npz" not in changed


@pytest.mark.slow
def test_jddc_beats_plain(shared_dir: Path) -> None:
    """The product's own pipeline on real chats, by cross-validation; figures in docs/models.md."""
    data = shared_dir / "data" / "jddc_dev.jsonl.gz"
    if not data.is_file():
        pytest.skip("jddc_dev is not here")
    words = ("--task", "satisfaction", "--level", "turn", "--train", data, "--cv", "5", "--draws", "0", "--json", "-")
    found = json.loads(run("evaluate", *words).stdout)
    plain = found["baselines"]["plain"]
    assert found["macro_f1"] > plain["macro_f1"] + 0.02
    assert found["spearman"] > plain["spearman"]
    assert found["auc"] > plain["auc"]


def test_a_place_that_cannot_be_written_is_told_before_the_work(test_file: Path, tmp_path: Path) -> None:
    words = ("evaluate", "--task", "resolution", "--level", "chat", "--model", "shipped", "--test", test_file)
    for wrong in (tmp_path / "nowhere" / "out.json", tmp_path):
        result = run(*words, "--json", wrong)
        assert result.exit_code == 2
        assert "judging" not in result.output
        assert "there is no folder" in result.output or "is a directory" in result.output


def test_files_without_chats_and_with_one_kind_of_label_are_told(tmp_path: Path) -> None:
    empty, one = tmp_path / "empty.jsonl", tmp_path / "one.jsonl"
    empty.write_text("\n", "utf-8")
    turn = {"role": "customer", "text": "真好", "labels": {"sentiment": "positive"}}
    one.write_text("".join(json.dumps({"id": f"m{i}", "messages": [turn]}) + "\n" for i in range(9)), "utf-8")
    words = ("evaluate", "--task", "sentiment", "--level", "turn", "--train")
    assert "empty.jsonl: no chats in there" in run(*words, empty, "--cv", "2").output
    assert "sentiment of turns: only positive among" in run(*words, one, "--cv", "5").output
    result = run(*words, one, "--cv", "5", "--group", "identical")
    assert "9 chats in 1 groups that must stay together cannot be put into 5 folds" in result.output
