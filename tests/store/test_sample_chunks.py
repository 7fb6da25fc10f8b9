from __future__ import annotations

from pathlib import Path

import night_kit as kit
from sqlalchemy import Engine

from qa.store import frames, nights
from qa.store.session import read_tx


def test_the_sample_is_read_in_chunks(store_engine: Engine, tmp_path: Path) -> None:
    kit.bring_in(store_engine, tmp_path, kit.day_of_chats(80))
    kit.night(store_engine)
    with read_tx(store_engine) as connection:
        (night,) = nights.nights_between(connection, kit.DAY, kit.DAY)
        found, after = [], 0
        while chunk := frames.read_sample_chunk(connection, night.id, after, 7):
            assert len(chunk) <= 7
            found += chunk
            after = chunk[-1].pk
        assert [one.pk for one in found] == list(frames.to_inspect(connection, night.id, None, -1))
        entries = {e.chat_id: e for e in frames.iter_frame(connection, night.id, drawn=True)}
    for one in found:
        entry = entries[one.chat_id]
        assert (one.stratum, one.wave, one.probability) == (entry.stratum, entry.wave, entry.probability)
        assert one.targeted == (entry.reasons is not None)
        assert one.body.startswith(b"{")
    assert {one.targeted for one in found} == {True, False}


def test_nights_of_a_period(store_engine: Engine, tmp_path: Path) -> None:
    for number, (merchant, day) in enumerate((("b", "2026-11-20"), ("a", "2026-11-21"), ("a", "2026-11-19"))):
        records = kit.day_of_chats(3, merchant=merchant, day=day, prefix=f"x{number}")
        kit.bring_in(store_engine, tmp_path / str(number), records, day)
        kit.night(store_engine, merchant, day)

    def of(first: str, last: str, merchant: str | None = None) -> list[tuple[str, str]]:
        with read_tx(store_engine) as connection:
            return [(n.merchant, n.day) for n in nights.nights_between(connection, first, last, merchant)]

    assert of("2026-11-19", "2026-11-21") == [("a", "2026-11-19"), ("a", "2026-11-21"), ("b", "2026-11-20")]
    assert of("2026-11-20", "2026-11-20") == [("b", "2026-11-20")]
    assert of("2026-11-19", "2026-11-20", "a") == [("a", "2026-11-19")]
    assert of("2026-12-01", "2026-12-02") == []
