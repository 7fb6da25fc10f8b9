from __future__ import annotations

import json
import re
from hashlib import blake2b
from pathlib import Path

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from qa.cli import main
from qa.sampling import allocate


@pytest.fixture
def explain(store_engine: Engine, db_url: str, tmp_path: Path):
    """``qa sample explain`` over a night of two waves; one chat has an id that a shell would trip over."""
    odd = [one | {"id": "it's $1; `x`"} if one["id"] == "c-9" else one for one in kit.day_of_chats(90)]
    kit.bring_in(store_engine, tmp_path / "acme", odd)
    kit.bring_in(store_engine, tmp_path / "other", kit.day_of_chats(10, merchant="other", prefix="o"))
    kit.night(store_engine, policy=kit.policy(stratify=["agent", "channel"], salt="top-secret"))
    kit.night(store_engine, "other")
    kit.bring_in(store_engine, tmp_path / "late", kit.day_of_chats(20, prefix="late"))
    kit.night(store_engine, extend=True)

    def invoke(*arguments: str) -> Result:
        environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path)}
        return CliRunner().invoke(main, ["sample", "explain", *arguments], env=environment, catch_exceptions=False)

    return invoke


def test_an_auditor_can_redo_the_draw_from_what_is_printed(explain) -> None:
    text = explain(kit.DAY, "--merchant", "acme", "--all").stdout
    assert "top-secret" not in text
    (salt,) = re.findall(r"^salt +([0-9a-f]{32})$", text, re.MULTILINE)
    assert f"printf '%s\\n%s' {salt} ID | b2sum -l 128" in text
    assert "by agent, channel" in text
    listed = text[text.index("drawn, by stratum") :].splitlines()[1:]
    chats: dict[tuple[str, int], list[tuple[str, bool]]] = {}
    for line in listed:
        found = re.fullmatch(r"([ ·]) (.*?)  ([0-9a-f]{32})  (.*?)(?:  wave (\d+))?", line)
        assert found is not None, line
        mark, stratum, key, name, wave = found.groups()
        if "$1" in name:
            name = "it's $1; `x`"
        assert blake2b(f"{salt}\n{name}".encode(), digest_size=16).hexdigest() == key
        chats.setdefault((stratum, int(wave or 1)), []).append((key, mark == " "))
    for wave in (1, 2):
        mine = {stratum: sorted(some) for (stratum, number), some in chats.items() if number == wave}
        allocation = allocate({stratum: len(some) for stratum, some in mine.items()}, 0.3)
        head = f"wave {wave}     n = ceil(0.3 × {sum(map(len, mine.values()))}) ="
        assert head in text
        for stratum, some in mine.items():
            n = allocation[stratum]
            assert [drawn for _, drawn in some] == [True] * n + [False] * (len(some) - n)
            assert f"  {stratum}  {n} of {len(some)}  probability {n / len(some):.6f}" in text


def test_without_all_only_the_sample_is_listed(explain) -> None:
    result = explain(kit.DAY)
    assert result.exit_code == 0
    assert "·" not in result.stdout
    assert result.stdout.index("night      acme 2026-11-20") < result.stdout.index("night      other 2026-11-20")
    assert re.search(r"^  \S+  (csat|escalated|tier|red_line:)", result.stdout, re.MULTILINE)


def test_the_draw_as_json(explain) -> None:
    found = [json.loads(line) for line in explain(kit.DAY, "--json").stdout.splitlines()]
    assert [one["merchant"] for one in found] == ["acme", "other"]
    acme = found[0]
    assert "salt" not in acme["policy"]
    assert {one["wave"] for one in acme["frame"]} == {0, 1}
    for one in acme["frame"]:
        assert one["key"] == blake2b(f"{acme['salt']}\n{one['id']}".encode(), digest_size=16).hexdigest()
        assert (one["probability"] == 1.0) >= (one["reasons"] is not None)
    sizes = {(one["wave"], one["agent"], one["channel"]): one["size"] for one in acme["strata"]}
    rest = [(one["wave"], one["agent"], one["channel"]) for one in acme["frame"] if one["reasons"] is None]
    assert sizes == {place: rest.count(place) for place in sizes}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2026-11-19",), "no night of 2026-11-19 has run"),
        (("2026-11-20", "--merchant", "nobody"), "no night of 2026-11-20 has run for merchant 'nobody'"),
    ],
)
def test_a_night_that_never_ran(arguments: tuple[str, ...], message: str, explain) -> None:
    result = explain(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
