"""What an opinion costs, beside scikit-learn's stock pipeline: µs a chat, ms for one chat, load, size, fit.

python benchmarks/models.py [--write docs/models.md]
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

import msgspec

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from qa.models.fit import authored_data, domain_words
from qa.models.fitting import fit_model
from qa.models.labelled import LabelledChat, read_labelled
from qa.models.model import Model, batches
from qa.models.opinions import HEADS
from qa.models.rows import lay_out
from qa.models.vocabulary import vectors
from qa.models.wording import read
from qa.tokens import cutter
from qa.types import Role

ROUNDS = 7
LABELLED_TURNS = 20_000
BEGIN, END = "<!-- cost:begin -->", "<!-- cost:end -->"

CUT = cutter()


def words(text: str) -> list[str]:
    """Cut a text with the fastest engine; scikit-learn's pipeline is not made slower than it need be."""
    return CUT(text)


def best(step: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Processor seconds of the quickest of some rounds."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        step()
        found.append(time.process_time() - begun)
    return min(found)


def median(step: Callable[[], object], rounds: int) -> float:
    """Seconds by the clock, median of many."""
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        step()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def turns(chats: Sequence[LabelledChat]) -> tuple[list[str], list[str]]:
    """All labelled turns: texts and satisfaction."""
    found = [
        (m.text, labels.satisfaction)
        for one in chats
        for m, labels in zip(one.chat.messages, one.turns, strict=True)
        if m.role is Role.CUSTOMER and labels.satisfaction
    ]
    return [text for text, _ in found], [label for _, label in found if label]


def stock(chats: Sequence[LabelledChat]) -> Callable[[list[str]], object]:
    """Fit scikit-learn's own vectorisers and one head on the turns alone; return its prediction."""
    union = make_union(TfidfVectorizer(analyzer=words), TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2))
    texts, labels = turns(chats)
    pipeline = make_pipeline(union, LogisticRegression(max_iter=300)).fit(texts, labels)
    predict: Callable[[list[str]], object] = pipeline.predict_proba
    return predict


def many(chats: Sequence[LabelledChat], count: int) -> list[LabelledChat]:
    """Repeat chats under new ids until they hold ``count`` labelled turns."""
    found: list[LabelledChat] = []
    so_far = 0
    for number, one in enumerate(islice(cycle(chats), 100 * len(chats))):
        if so_far >= count:
            break
        found.append(msgspec.structs.replace(one, chat=msgspec.structs.replace(one.chat, id=f"{one.chat.id}-{number}")))
        so_far += sum(labels.satisfaction is not None for labels in one.turns)
    return found


def measure() -> list[tuple[str, float, str]]:
    """Name, figure and unit of each measurement."""
    labelled = read_labelled(list(authored_data()))
    model = fit_model(labelled, domain_words())
    chats = [one.chat for one in labelled]
    groups = [[chats[i] for i in batch] for batch in batches(chats)]
    rows = [lay_out(group) for group in groups]
    wordings = [read(one.texts, CUT) for one in rows]
    texts = [message.text for chat in chats for message in chat.messages]
    model.judge(chats[:1])
    predict = stock(labelled)
    size = len(chats) / 1e6
    files = model.files()
    ordinary = sorted(chats, key=lambda chat: len(chat.messages))[len(chats) // 2]
    alone = turns([one for one in labelled if one.chat.id == ordinary.id])[0]
    tokens = best(lambda: [CUT(text) for text in texts]) / size
    reading = best(lambda: [read(one.texts, CUT) for one in rows]) / size
    vectorising = best(lambda: [vectors(one, model.vocabulary) for one in wordings]) / size
    whole = best(lambda: model.judge(chats)) / size
    learning = many(labelled, LABELLED_TURNS)
    begun = time.process_time()
    fit_model(learning, domain_words())
    fitted = time.process_time() - begun
    heads = whole - reading - vectorising
    stock_many = best(lambda: predict(turns(labelled)[0]), 3) / size
    one_chat = median(lambda: model.judge([ordinary]), 300) * 1e3
    learnt = sum(len(turns([one])[0]) for one in learning)
    return [
        ("tokenising with rjieba alone", tokens, "µs a chat"),
        ("reading: folding, classes, tokenising", reading, "µs a chat"),
        ("vectorising", vectorising, "µs a chat"),
        (f"judging: all {len(HEADS)} heads, reading and vectorising included", whole, "µs a chat"),
        ("the heads alone", heads, "µs a chat"),
        ("the heads ÷ (tokenising + vectorising); goal at most 1.5", heads / (tokens + vectorising), "×"),
        ("scikit-learn's stock pipeline: one head, turns alone", stock_many, "µs a chat"),
        (f"one chat of {len(ordinary.messages)} messages; goal at most 2", one_chat, "ms"),
        ("the same by scikit-learn's stock pipeline, one head", median(lambda: predict(alone), 100) * 1e3, "ms"),
        ("loading; goal at most 150", median(lambda: Model.from_files(files), 9) * 1e3, "ms"),
        ("files; goal at most 20", sum(map(len, files.values())) / 1e6, "MB"),
        (f"fitting on {learnt:,} labelled turns, all heads; goal at most 60", fitted, "s"),
    ]


def table(figures: Sequence[tuple[str, float, str]]) -> str:
    """The measurements as Markdown."""
    lines = ["    python benchmarks/models.py --write docs/models.md", "", "| | | |", "|---|--:|---|"]
    lines += [f"| {name} | {value:,.{1 if value < 100 else 0}f} | {unit} |" for name, value, unit in figures]
    return "\n".join(lines)


def main() -> None:
    """Print the table, or put it where the document has its marks."""
    parser = argparse.ArgumentParser(description="Measure what opinions cost.")
    parser.add_argument("--write", type=Path, help="put the table between the marks of this document")
    given = parser.parse_args()
    written = table(measure())
    print(written)
    if given.write:
        marks = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
        text = given.write.read_text("utf-8")
        given.write.write_text(marks.sub(lambda _: f"{BEGIN}\n{written}\n{END}", text), "utf-8")


if __name__ == "__main__":
    main()
