"""How good opinions are: the table at the head of docs/models.md, from ``qa models evaluate`` on each set.

python benchmarks/model_figures.py --figures DIR [--run] [--only NAME…] [--write docs/models.md]

``--run`` measures (the whole takes an hour or more; the sets are not part of the project, ``--data`` says where they
are) and keeps each result as DIR/NAME.json; without it the table is made of the results that are there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.tables import replaced

SECTION = "figures"


class Row(NamedTuple):
    """One row: file of its result, what the table calls it, the words of the command, and what others reach."""

    name: str
    shown: str
    words: str
    measures: tuple[str, ...]
    off_the_shelf: str
    goal: str


ORDINAL = ("macro_f1", "spearman", "auc")
DEV = "--task {task} --level {level} --train {{0}}/ssa_{set}_train.jsonl.gz --test {{0}}/ssa_{set}_dev.jsonl.gz"
JDDC = "--task satisfaction --level turn --{} {{0}}/jddc_dev.jsonl.gz"
SINGLE = "--task sentiment --level turn --train {{0}}/{}_train.jsonl.gz --cv 5 --group identical"
CHATS, TURNS = {"task": "satisfaction", "level": "chat"}, {"task": "sentiment", "level": "turn"}
ROWS = (
    Row("jddc", "JDDC, satisfaction of turns", JDDC.format("train") + " --cv 5", ORDINAL,
        "snownlp – / .325 / .647", ".66 / .64 / .85"),
    Row("ship_jddc", "the same, shipped model", JDDC.format("model shipped --test"), ("spearman", "auc"),
        "snownlp .325 / .647; LR on reviews .419 / .707", ".50 / .80"),
    Row("clothes_chat", "Clothes, satisfaction of chats", DEV.format(set="clothes", **CHATS), ("macro_f1", "auc"),
        "–", ".80 / .965"),
    Row("clothes_turn", "Clothes, sentiment of turns", DEV.format(set="clothes", **TURNS), ("macro_f1",), "–", ".80"),
    Row("makeup_chat_dev", "Makeup, satisfaction of chats", DEV.format(set="makeup", **CHATS), ("macro_f1", "auc"),
        "–", ".87 / .99"),
    Row("makeup_turn", "Makeup, sentiment of turns", DEV.format(set="makeup", **TURNS), ("macro_f1",), "–", ".81"),
    Row("xs", "XS, sentiment of utterances", SINGLE.format("xs"), ("accuracy",), "pysenti .802", ".875"),
    Row("waimai", "waimai, sentiment of reviews", SINGLE.format("waimai"), ("accuracy",), "snownlp .790", ".92"),
)  # fmt: skip


def run(row: Row, data: str, folder: Path) -> None:
    """Measure one row and keep its result."""
    out = folder / f"{row.name}.json"
    words = ["models", "evaluate", *row.words.format(data).split(), "--json", str(out)]
    subprocess.run([sys.executable, "-m", "qa", *words], check=True)


def table(folder: Path) -> str:
    """The table, of the rows whose results are there."""
    lines = [
        "| set, measures | majority | off the shelf | plain TF-IDF + LR | ours | ECE | goal |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    commands = []
    for row in ROWS:
        file = folder / f"{row.name}.json"
        if not file.is_file():
            continue
        found = json.loads(file.read_text("utf-8"))
        others = found["baselines"]
        cells = [
            f"{row.shown} ({found['n']:,}): {', '.join(row.measures)}",
            _cell(others.get("majority"), row.measures),
            row.off_the_shelf,
            _cell(others.get("plain"), row.measures),
            f"**{_cell(found, row.measures)}** {_interval(found, row.measures[0])}",
            _short(found["ece"]),
            row.goal,
        ]
        lines.append(f"| {' | '.join(cells)} |")
        commands.append(f"    qa models evaluate {row.words.format('../shared/data')}")
    return "\n".join([*lines, "", "In the order of the rows:", "", *commands])


def _cell(found: dict[str, Any] | None, measures: tuple[str, ...]) -> str:
    return "–" if found is None else " / ".join(_short(found[name]) for name in measures)


def _interval(found: dict[str, Any], name: str) -> str:
    low, high = found["interval"][name]
    return f"[{_short(low)}, {_short(high)}]"


def _short(value: float | None) -> str:
    """Three decimals without the zero, as the field prints them.

    >>> _short(0.6284), _short(None)
    ('.628', '–')
    """
    return "–" if value is None else f"{value:.3f}".removeprefix("0")


def main() -> None:
    """Measure where asked to, print the table, and put it into the document."""
    parser = argparse.ArgumentParser(description="Make the table of docs/models.md.")
    parser.add_argument("--figures", type=Path, required=True, help="folder of the results")
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of rows to measure")
    parser.add_argument("--data", default="../shared/data", help="folder of the evaluation sets")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    if given.run:
        given.figures.mkdir(parents=True, exist_ok=True)
        for row in ROWS:
            if not given.only or row.name in given.only:
                run(row, given.data, given.figures)
    written = table(given.figures)
    print(written)
    if given.write:
        given.write.write_text(replaced(given.write.read_text("utf-8"), SECTION, written), "utf-8")


if __name__ == "__main__":
    main()
