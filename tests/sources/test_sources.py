from __future__ import annotations

import gzip
import re
import textwrap
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qa.sources as package
from qa.errors import SourceError
from qa.sources import Accepted, ReadOptions, read_chats, source_names
from qa.sources.base import Source
from qa.sources.column_map import COLUMNS
from qa.sources.plain import _ATTRIBUTES, parse_plain

OPTIONS = ReadOptions(zone=ZoneInfo("UTC"), now=0)
LINE = b'{"id":"c","messages":[{"role":"agent","text":"x"}]}\n'


def test_names():
    assert source_names() == ("jsonl", "plain", "table")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        read_chats(tmp_path / "none.jsonl", OPTIONS)
    with pytest.raises(SourceError, match="is a directory"):
        read_chats(tmp_path, OPTIONS)
    (tmp_path / "a.bin").write_bytes(b"\x00\x01\x02")
    with pytest.raises(SourceError, match="neither its name nor its beginning tells the format"):
        read_chats(tmp_path / "a.bin", OPTIONS)
    with pytest.raises(SourceError, match="unknown source 'xml'; known are jsonl, plain, table"):
        read_chats(tmp_path / "a.bin", OPTIONS, "xml")
    (tmp_path / "a.jsonl").write_bytes(LINE)
    with pytest.raises(SourceError, match="unknown encoding 'klingon'"):
        list(read_chats(tmp_path / "a.jsonl", ReadOptions(zone=ZoneInfo("UTC"), now=0, encoding="klingon")))


def test_files_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE)

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(SourceError, match="cannot be opened: Permission denied"):
        list(read_chats(path, OPTIONS))


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt"])
def test_no_bytes_break_a_reader(tmp_path, name):
    path = tmp_path / name
    seeds = [
        LINE * 3,
        b"[" + LINE + b"]",
        b'chat_id,role,text\na,agent,x\nb,agent,"y\n',
        b"# a\nagent: x\n09:00 bot: y\n",
    ]

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(seeds), st.integers(0, 60), st.binary(max_size=8), st.booleans())
    def run(seed, place, noise, packed):
        content = seed[:place] + noise + seed[place:]
        path.write_bytes(gzip.compress(content) if packed else content)
        try:
            items = list(read_chats(path, OPTIONS))
        except SourceError:
            return
        assert all(isinstance(item, Accepted) or item.reason for item in items)

    run()


def test_the_manual_names_every_column_and_attribute():
    manual = (Path(__file__).parents[2] / "docs" / "import.md").read_text("utf-8")
    words = set(re.findall(r"[a-z_]+", manual))
    assert words >= COLUMNS | set(_ATTRIBUTES)
    assert all(f"`{name}`" in manual for name in source_names())
    example = manual.split("## Plain notation\n\n")[1].split("\n\n")[0]
    [chat] = parse_plain(textwrap.dedent(example))
    assert len(chat.messages) == 4


def test_the_format_can_be_named(read):
    assert len(read(LINE, "a.csv", "jsonl")[0]) == 1


def test_progress_counts_the_bytes_of_the_disk(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE * 10_000)
    seen = []
    options = ReadOptions(zone=ZoneInfo("UTC"), now=0, on_bytes=seen.append)
    assert sum(isinstance(item, Accepted) for item in read_chats(path, options)) == 10_000
    assert sum(seen) == path.stat().st_size
    assert len(seen) > 1


def test_merchant_and_zone_are_for_those_who_name_none(read):
    named = LINE.replace(b'"id":"c"', b'"id":"d","merchant":"acme"').replace(
        b'"text":', b'"at":"2026-11-20T09:00:05","text":'
    )
    accepted, _ = read(LINE + named, merchant="m", zone=ZoneInfo("America/New_York"))
    assert [item.chat.merchant for item in accepted] == ["m", "acme"]
    assert accepted[1].chat.messages[0].at == (1795136405 + 13 * 3600) * 1_000_000


def _source(called, *endings):
    class Other(Source):
        name = called
        suffixes = endings

        @classmethod
        def sniff(cls, head):
            return head == b"never"

        def read(self, path, options):
            return iter((path, options))

    return Other


def test_two_sources_may_not_share_name_or_suffix():
    found = {}
    package._register(found, _source("one", ".x"))
    with pytest.raises(TypeError, match="two sources are named 'one'"):
        package._register(found, _source("one", ".y"))
    with pytest.raises(TypeError, match=r"both claim \.x"):
        package._register(found, _source("two", ".x"))
    package._register(found, _source("two", ".y"))
    assert sorted(found) == ["one", "two"]
