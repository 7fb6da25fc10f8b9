from __future__ import annotations

import gzip
import resource
import sys
import zlib
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.sources.canonical import chat_to_dict
from qa.sources.files import split_lines
from qa.sources.json_stream import elements
from qa.sources.strict_json import duplicate_key, parse, parse_json


def line(ident="c-1", text="在吗", **fields):
    return orjson.dumps({"id": ident, "messages": [{"role": "customer", "text": text}]} | fields)


def many(count):
    return [line(f"c-{number}") for number in range(count)]


def ids(accepted):
    return [item.chat.id for item in accepted]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a.jsonl.gz", "A.JSONL", "noending"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines(read, name, end):
    content = end.join([line("c-1"), b"", line("c-2"), b"   ", line("c-3")])
    accepted, rejected = read(gzip.compress(content) if name.endswith("gz") else content, name)
    assert ids(accepted) == ["c-1", "c-2", "c-3"]
    assert [item.line for item in accepted] == [1, 3, 5]
    assert rejected == []


def test_gzip_is_known_by_its_bytes_not_by_its_name(read):
    assert ids(read(gzip.compress(line()), "a.jsonl")[0]) == ["c-1"]
    assert ids(read(gzip.compress(line("a")) + gzip.compress(b"\n" + line("b")) + b"\0\0", "a.jsonl.gz")[0]) == [
        "a",
        "b",
    ]


def test_empty_files_hold_no_chats(read):
    for content in [b"", b"\n\n", b"\xef\xbb\xbf", gzip.compress(b"")]:
        assert read(content) == ([], [])
        assert read(content, "a.json") == ([], [])


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030", "utf-16-le-bom", "utf-16-be-bom"]
)
def test_encodings_are_detected(read, encoding):
    text = line("会话-1", "请问有什么可以帮您？我想退货").decode() + "\r\n" + line("c-2", "𠮷野家").decode()
    if encoding.endswith("-bom"):
        content = ("\ufeff" + text).encode(encoding.removesuffix("-bom"))
    else:
        content = text.encode(encoding)
    accepted, rejected = read(content)
    assert rejected == []
    assert [item.chat.messages[0].text for item in accepted] == ["请问有什么可以帮您？我想退货", "𠮷野家"]
    guessed = [note.reason for note in accepted[0].notes if "GB18030" in note.reason]
    assert len(guessed) == (encoding == "gb18030")


def test_encoding_can_be_given(read):
    accepted, _ = read(line(text="請問").decode().encode("big5"), encoding="big5")
    assert accepted[0].chat.messages[0].text == "請問"


def test_one_damaged_line_does_not_change_the_encoding_of_a_file(read):
    damaged = line("c-2", "在吗").replace("在".encode(), "在".encode()[:2])
    accepted, rejected = read(b"\n".join([line("c-1"), damaged, line("c-3")]))
    assert ids(accepted) == ["c-1", "c-3"]
    assert (rejected[0].line, rejected[0].field) == (2, "")
    assert rejected[0].reason.startswith("not valid UTF-8 (byte ")
    assert "\ufffd" in rejected[0].original


def test_one_damaged_line_in_gb18030(read):
    lines = [line(f"c-{number}", "请问有什么可以帮您").decode().encode("gb18030") for number in range(3)]
    lines[1] = lines[1].replace("请".encode("gb18030"), b"\xff\xff")
    accepted, rejected = read(b"\n".join(lines))
    assert ids(accepted) == ["c-0", "c-2"]
    assert "not valid gb18030" in rejected[0].reason


def test_nul_in_text_is_kept_and_in_the_raw_line_refused(read):
    accepted, _ = read(line(text="a\0b"))
    assert accepted[0].chat.messages[0].text == "a\0b"
    accepted, rejected = read(line("c-1") + b"\n\0\n" + line("c-2", "x").replace(b"x", b"\0"))
    assert ids(accepted) == ["c-1"]
    assert [item.line for item in rejected] == [2, 3]


def test_lone_surrogates_are_repaired_one_to_one_and_noted(read):
    raw = rb'{"id":"c-1","messages":[{"role":"agent","text":"a\ud83dz\ude00 \ud83d\ude00"}],"x\udc00":1}'
    accepted, rejected = read(raw)
    assert rejected == []
    assert accepted[0].chat.messages[0].text == "a\ufffdz\ufffd 😀"
    assert accepted[0].chat.extra == {"x\ufffd": 1}
    repaired = [note.field for note in accepted[0].notes if "surrogate" in note.reason]
    assert repaired == ["messages[0].text", "x\ufffd"]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (rb'{"id":"c\ud800","messages":[{"role":"agent","text":""}]}', "id"),
        (rb'{"id":"c","agent":{"id":"\ud800"},"messages":[{"role":"agent","text":""}]}', "agent.id"),
    ],
)
def test_lone_surrogates_in_identifiers_are_refused(read, raw, field):
    _, rejected = read(raw)
    assert (rejected[0].field, "surrogate" in rejected[0].reason) == (field, True)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "01", "'x'", '{"a":1,}'])
@pytest.mark.parametrize("other", ["", r'"s":"\ud800",'])
def test_what_is_not_json_is_refused_also_beside_a_surrogate(read, value, other):
    _, rejected = read(f'{{"id":"c",{other}"csat":{value},"messages":[{{"role":"agent","text":"x"}}]}}')
    assert rejected[0].reason.startswith("not JSON: ")
    assert "column" in rejected[0].reason


def test_numbers_at_the_edge(read):
    body = '"messages":[{"role":"agent","text":"x","at":%s}]'
    for value in ["9223372036854775808", "18446744073709551616", "-1", "0", "1e30"]:
        _, rejected = read(f'{{"id":"c",{body % value}}}')
        assert rejected[0].field == "messages[0].at"
    accepted, _ = read('{"id":"c","big":18446744073709551615,"messages":[{"role":"agent","text":"x"}]}')
    assert accepted[0].chat.extra == {"big": 2**64 - 1}


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ('{"id":"c","id":"d","messages":[{"role":"agent","text":"x"}]}', "id"),
        ('{"id" :"c","id":"d","messages":[{"role":"agent","text":"x"}]}', "id"),
        ('{"id":"c","messages":[{"role":"agent","text":"x","text"\t:"y"}]}', "text"),
        ('{"id":"c","a":{"b":[{"k":1,"\\u006b":1}]},"messages":[{"role":"agent","text":"x"}]}', "k"),
    ],
)
def test_duplicate_keys_are_refused_by_name(read, raw, key):
    _, rejected = read(raw)
    assert (rejected[0].field, rejected[0].reason) == (key, "the key occurs twice in one object")


def test_what_only_looks_like_duplicate_keys_is_taken(read):
    text = 'he said "id": and "id": again'
    accepted, rejected = read(line(text=text).replace(b'"text":', b'"text" : '))
    assert accepted[0].chat.messages[0].text == text
    assert rejected == []


pairs = st.lists(st.tuples(st.text('ab":\\ ', max_size=3), st.text('":{}\\', max_size=4)), max_size=4)


@given(pairs, st.sampled_from([":", " :", "\n: "]))
def test_duplicates_are_found_exactly(items, colon):
    raw = (
        "{" + ",".join(f"{orjson.dumps(key).decode()}{colon}{orjson.dumps(value).decode()}" for key, value in items)
    ).encode()
    raw += b"}"
    names = [key for key, _ in items]
    assert (duplicate_key(raw, orjson.loads(raw)) is not None) == (len(set(names)) != len(names))


def test_records_that_are_not_chats(read):
    accepted, rejected = read(b"[]\n1\nnull\n" + line() + b"\n{\n" + b'{"id":"x","messages":[]}')
    assert ids(accepted) == ["c-1"]
    assert [(item.line, item.field) for item in rejected] == [(1, ""), (2, ""), (3, ""), (5, ""), (6, "messages")]
    assert rejected[0].reason == "a chat is a JSON object, this is an array"
    assert rejected[3].reason.startswith("not JSON: ")
    assert rejected[4].original == '{"id":"x","messages":[]}'


def test_unknown_role_names_field_and_choices(read):
    _, rejected = read('{"id":"c","messages":[{"role":"agent","text":""},{"role":"chef","text":""}],"csat":"5"}')
    assert rejected[0].field == "messages[1].role"
    assert rejected[0].reason == "is 'chef'; allowed are customer, agent, bot, system (and 1 more: csat)"


def test_truncated_gzip_keeps_what_came_before(read):
    whole = gzip.compress(b"\n".join(many(5000)), mtime=0)
    accepted, rejected = read(whole[: len(whole) // 2], "a.jsonl.gz")
    assert 1000 < len(accepted) < 5000
    assert ids(accepted) == [f"c-{number}" for number in range(len(accepted))]
    assert len(rejected) in {1, 2}  # the half line, and the file
    assert "truncated" in rejected[-1].reason
    assert rejected[-1].line == len(accepted) + 1


def test_corrupt_gzip_keeps_what_came_before(read):
    whole = bytearray(gzip.compress(b"\n".join(many(100)) + b"\n", mtime=0))
    whole[-8] ^= 1  # the checksum
    accepted, rejected = read(bytes(whole), "a.jsonl.gz")
    assert len(accepted) == 100
    assert "damaged" in rejected[-1].reason
    garbage = gzip.compress(line() + b"\n") + b"garbage"
    accepted, rejected = read(garbage, "a.jsonl.gz")
    assert (ids(accepted), len(rejected)) == (["c-1"], 1)


def test_gzip_bombs_end_at_the_limit(read):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(line() + b"\n"), *(packer.compress(b" " * 1_000_000) for _ in range(64))])
    accepted, rejected = read(bomb + packer.flush(), "a.jsonl.gz", max_uncompressed_bytes=8_000_000)
    assert ids(accepted) == ["c-1"]
    assert "more than 8000000 bytes when unpacked" in rejected[-1].reason


@pytest.mark.parametrize("name", ["long.jsonl", "long.json", "array.json"])
def test_a_line_of_a_hundred_megabytes_is_refused_in_flat_memory(read, tmp_path, name):
    path = tmp_path / name
    with path.open("wb") as file:
        file.write((b"[" if name == "array.json" else b"") + b'{"id":"huge","messages":[{"role":"agent","text":"')
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'"}]}' + (b"," if name == "array.json" else b"") + b"\n" + line("after"))
        file.write(b"]" if name == "array.json" else b"")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    accepted, rejected = read(path)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    assert ids(accepted) == ["after"]
    assert len(rejected) == 1
    assert "bytes, more than 4194304" in rejected[0].reason
    assert rejected[0].original.startswith('{"id":"huge"')
    assert "blake2b" in rejected[0].original
    assert len(rejected[0].original) < 2200
    assert grown < 60_000_000


def test_json_file_with_one_pretty_chat(read):
    pretty = orjson.dumps(orjson.loads(line()), option=orjson.OPT_INDENT_2)
    accepted, rejected = read(b"\n\n" + pretty + b"\n", "a.json")
    assert (ids(accepted), [item.line for item in accepted], rejected) == (["c-1"], [3], [])


def test_json_file_with_an_array(read):
    content = b" [\n" + b",\n".join([*many(3), b"7", b'{"id":]', line("z")]) + b"\n]\n"
    accepted, rejected = read(content, "a.json")
    assert ids(accepted) == ["c-0", "c-1", "c-2", "z"]
    assert [item.line for item in accepted] == [2, 3, 4, 7]
    assert [item.line for item in rejected] == [5, 6]


def test_json_array_faults(read):
    for content, reason in [
        (b"[" + line() + b"] x", "after the end"),
        (b"[" + line(), "no end of array"),
        (b"[" + line() + b",]", "not JSON"),
    ]:
        accepted, rejected = read(content, "a.json")
        assert (len(accepted) + len(rejected), reason in rejected[-1].reason) == (2, True) or "no end" in reason


@given(st.lists(st.text('a"\\[]{},\n', max_size=6), max_size=5), st.integers(1, 7))
def test_array_elements_do_not_depend_on_chunks(texts, size):
    raw = orjson.dumps([{"k": text, "l": [text, {}]} for text in texts])
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    found = [orjson.loads(piece.raw) for piece in elements(chunks, 10_000) if piece.kind == "element"]
    assert found == orjson.loads(raw)


@given(st.binary(max_size=60).map(lambda data: data.replace(b"\r", b"\n")), st.integers(1, 9), st.integers(1, 20))
def test_lines_do_not_depend_on_chunks(data, size, limit):
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    expected = data.split(b"\n")
    found = list(split_lines(chunks, limit))
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    for (_, given_line), wanted in zip(found, expected, strict=False):
        if len(wanted) <= limit:
            assert given_line == wanted
        else:
            assert given_line.size == len(wanted)
    assert len(expected) - len(found) == (expected[-1] == b"")


def suite(shared: Path) -> list[Path]:
    return sorted((shared / "suites" / "jsontestsuite" / "test_parsing").glob("*.json"))


def json_fault(raw):
    try:
        parse_json(raw)
    except ValueError as error:
        return str(error)
    return None


def test_json_test_suite_as_json(shared):
    files = suite(shared)
    assert len(files) == 318
    for path in files:
        fault = json_fault(path.read_bytes())
        taken = fault is None
        assert taken or "column" in fault, path.name
        assert path.name.startswith("i_") or taken == path.name.startswith("y_"), path.name


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_json_test_suite_as_files(shared, read, name):
    for path in suite(shared):
        accepted, rejected = read(path.read_bytes(), f"{path.stem}.{name}")
        assert accepted == [], path.name
        empty = path.read_bytes().strip() in {b"", b"[]"} or path.stem == "y_structure_whitespace_array"
        empty = empty or path.stem in {"y_array_empty", "y_array_empty-string"}
        assert rejected or (name == "json" and empty) or path.stat().st_size < 4, path.name
        assert all(item.reason for item in rejected)


def test_naughty_strings(shared, read):
    strings = orjson.loads((shared / "suites" / "blns" / "blns.json").read_bytes())
    assert len(strings) == 515
    texts = [line(f"t-{number}", text) for number, text in enumerate(strings)]
    accepted, rejected = read(b"\n".join(texts))
    assert rejected == []
    again = [
        orjson.loads(orjson.dumps(chat_to_dict(item.chat, ZoneInfo("Asia/Shanghai"))))["messages"][0]["text"]
        for item in accepted
    ]
    assert [text.encode() for text in again] == [text.encode() for text in strings]
    for place in ["id", "agent"]:
        lines = [line(text) if place == "id" else line("c", agent={"name": text}) for text in strings]
        accepted, rejected = read(b"\n".join(lines))
        assert len(accepted) + len(rejected) == 515
        kept = [item.chat.id if place == "id" else item.chat.agent.name for item in accepted]
        allowed = {*strings, None}
        assert set(kept) <= allowed
        assert {item.field for item in rejected} <= {"id", "agent.name"}
        assert len(rejected) < 30


def test_shared_data_imports_as_it_is(shared, read):
    expected = {"jddc_dev": 330, "ssa_clothes_dev": 1000, "ssa_makeup_dev": 354}
    for name, count in expected.items():
        accepted, rejected = read(shared / "data" / f"{name}.jsonl.gz")
        assert (len(accepted), rejected) == (count, [])


def test_parse_reports_repairs():
    assert parse(rb'["\ud800", 18446744073709551616, -0, 1.5]') == (["\ufffd", 1.8446744073709552e19, 0, 1.5], ("[0]",))
    assert parse(rb'[9223372036854775808, "\udfff"]').value[0] == 2**63
    with pytest.raises(ValueError, match="nested too deeply"):
        parse(b'["\\ud800",' + b"[" * 100_000)
