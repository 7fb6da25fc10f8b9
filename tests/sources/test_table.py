from __future__ import annotations

import gzip
import io
import struct
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import SourceError
from qa.sources import ReadOptions
from qa.sources.column_map import load_column_map
from qa.sources.csv_rows import csv_rows
from qa.sources.table import _Seen
from qa.sources.xlsx_rows import cell_text
from qa.types import Role

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "import"
OPTIONS = ReadOptions(zone=ZoneInfo("UTC"), now=0)
NINE = 1795136405000000  # 2026-11-20T09:00:05+08:00
HEAD = "chat_id,role,text\n"


def rows(content, delimiter=",", size=3, **limits):
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    options = ReadOptions(zone=ZoneInfo("UTC"), now=0, **limits)
    return list(csv_rows(chunks, delimiter, options))


def workbook(table, **sheets):
    book = openpyxl.Workbook()
    for values in table:
        book.active.append(values)
    for name, values in sheets.items():
        book.create_sheet(name)
        for row in values:
            book[name].append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_csv_spectrum(shared):
    folder = shared / "suites" / "csv-spectrum"
    files = sorted((folder / "csvs").glob("*.csv"))
    assert len(files) == 11
    for path in files:
        header, *body = rows(path.read_bytes())
        found = [dict(zip(header.cells, row.cells, strict=True)) for row in body]
        assert found == orjson.loads((folder / "json" / f"{path.stem}.json").read_bytes()), path.name


cells = st.text('a",\n\r; \0é', max_size=6).filter(lambda cell: not cell.endswith("\r"))


@given(
    st.lists(st.lists(cells, min_size=2, max_size=4), max_size=4), st.sampled_from(["\n", "\r\n"]), st.integers(1, 9)
)
def test_what_is_quoted_by_the_book_is_read_by_the_book(table, end, size):
    content = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + end for row in table)
    found = rows(content.encode(), size=size)
    assert [row.cells for row in found] == table
    assert all(row.fault == "" for row in found)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a,5" pipe,"x"', [(1, ["a", '5" pipe', "x"], "")]),
        (b'a,"b"c,d\ne,f', [(1, ["a"], "text after the closing quote of cell 2"), (2, ["e", "f"], "")]),
        (b'a,b\nc,"d\ne,f\n', [(1, ["a", "b"], ""), (2, ["c"], "opened on line 2 in cell 2"), (3, ["e", "f"], "")]),
        (b'a,""\n\n"",', [(1, ["a", ""], ""), (3, ["", ""], "")]),
        (b"a\0b,\0", [(1, ["a\0b", "\0"], "")]),
        (b"a,\xff\nb,c", [(1, ["a", "\ufffd"], "not valid"), (2, ["b", "c"], "")]),
        (b'"a\n\xff"\nb,c', [(1, [], "opened on line 1"), (2, ['\ufffd"'], "not valid"), (3, ["b", "c"], "")]),
    ],
)
def test_csv_quirks(content, expected):
    found = rows(content)
    assert [(row.line, row.cells) for row in found] == [(number, cells_) for number, cells_, _ in expected]
    for row, (_, _, fault) in zip(found, expected, strict=True):
        assert (fault in row.fault) if fault else row.fault == ""


def test_csv_limits():
    assert "bytes, more than 10" in rows(b"x" * 100, max_line_bytes=10)[0].fault
    assert "never closed" in rows(b'"' + b"x\n" * 1000, max_cell_chars=100)[0].fault
    assert "cell has more than 5" in rows(b"xxxxxx,y", max_cell_chars=5)[0].fault
    assert "4 cells, more than 3" in rows(b"1,2,3,4", max_columns=3)[0].fault


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "unknown"])
def test_a_table_whose_headers_speak(read, name):
    content = (
        "会话ID,角色,内容,时间,客服,满意度\nc-1,客户,在吗,2026-11-20 09:00:05,,\n"
        "c-1,客服,您好,1795136406000,a-7,4.5\nc-2,系统,x,,,\n"
    )
    content = content.replace(",", "\t") if name == "a.tsv" else content
    accepted, rejected = read(gzip.compress(content.encode()) if name.endswith("gz") else content, name)
    assert rejected == []
    first, second = [item.chat for item in accepted]
    assert [(message.role, message.text, message.at) for message in first.messages] == [
        (Role.CUSTOMER, "在吗", NINE),
        (Role.AGENT, "您好", NINE + 1_000_000),
    ]
    assert (first.id, first.agent.id, first.csat) == ("c-1", "a-7", 4.5)
    assert (second.id, second.messages[0].at) == ("c-2", None)
    assert [item.line for item in accepted] == [2, 4]


@pytest.mark.parametrize("name", ["date-and-time", "epoch-ms", "chinese-headers"])
def test_shipped_examples_import_without_loss(read, name):
    accepted, rejected = read(EXAMPLES / f"{name}.csv", column_map=EXAMPLES / f"{name}.toml")
    assert (len(accepted), rejected) == (2, [])
    assert all(message.at is not None for item in accepted for message in item.chat.messages)


def test_every_shipped_map_has_its_example():
    maps = {path.stem for path in EXAMPLES.glob("*.toml")}
    assert maps == {path.stem for path in EXAMPLES.glob("*.csv")}
    assert len(maps) == 3


def test_example_details(read):
    accepted, _ = read(EXAMPLES / "date-and-time.csv", column_map=EXAMPLES / "date-and-time.toml")
    chat = accepted[0].chat
    assert (chat.merchant, chat.channel, chat.agent.name, chat.csat) == ("north-shop", "web", "Lin", 5.0)
    assert [message.at for message in chat.messages] == [NINE, NINE + 1_000_000, NINE + 36_000_000]
    assert chat.messages[0].extra == {"Page": "/kettles/blue"}
    assert accepted[1].chat.messages[0].text == "Two questions:\n1. delivery\n2. returns"
    accepted, _ = read(EXAMPLES / "epoch-ms.csv", column_map=EXAMPLES / "epoch-ms.toml")
    assert (accepted[0].chat.id, accepted[0].chat.messages[1].at) == ("778001", NINE + 18_500_000)
    accepted, _ = read(EXAMPLES / "chinese-headers.csv", column_map=EXAMPLES / "chinese-headers.toml")
    chat = accepted[0].chat
    assert (chat.tags, chat.outcome.resolved, chat.outcome.order_amount) == (("破损", "急"), True, 128.5)
    assert [message.kind for message in chat.messages] == ["text", "text", "image"]
    assert accepted[1].chat.messages[1].withdrawn is True


def test_one_bad_row_rejects_its_chat_and_names_the_row(read):
    accepted, rejected = read(HEAD + "a,客户,1\nb,客户,2\nb,厨师,3\nb,客服,4\nc,客户,5\n", "a.csv")
    assert [item.chat.id for item in accepted] == ["a", "c"]
    assert (rejected[0].line, rejected[0].field) == (4, "role")
    assert "'厨师' is no known role" in rejected[0].reason
    assert rejected[0].original == "b,客户,2\nb,厨师,3\nb,客服,4"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b,客户", "2 cells, the header 3"),
        ("b,客户,x,y", "4 cells, the header 3"),
        ('b,客户,"x', "never closed"),
        ('b,客户,"x"y', "text after the closing quote"),
    ],
)
def test_rows_that_break_the_table(read, row, reason):
    accepted, rejected = read(HEAD + f"a,客户,1\nb,客户,2\n{row}\nb,客服,4\nc,客户,5\n", "a.csv")
    assert [item.chat.id for item in accepted] == ["a", "c"]
    assert [(item.line, reason in item.reason) for item in rejected] == [(4, True)]


def test_empty_cells_too_many_are_no_fault(read):
    accepted, rejected = read(HEAD + "a,客户,1,,\n,,\n\na,客服,2\n", "a.csv")
    assert (len(accepted[0].chat.messages), rejected) == (2, [])


def test_a_row_of_no_chat_spoils_the_chat_it_stands_in(read):
    accepted, rejected = read(HEAD + ",客户,0\na,客户,1\n,客户,2\na,客户,3\nb,客户,4\n,客户,5\nc,客户,6\n", "a.csv")
    assert [item.chat.id for item in accepted] == ["c"]
    assert [(item.line, item.field) for item in rejected] == [(2, "chat_id"), (4, "chat_id"), (7, "chat_id")]
    assert any("may belong to it" in note.reason for note in accepted[0].notes)


def test_a_chat_that_comes_back_is_refused_not_overwritten(read):
    accepted, rejected = read(HEAD + "a,客户,1\nb,客户,2\na,客服,3\n", "a.csv")
    assert [item.chat.id for item in accepted] == ["a", "b"]
    assert (rejected[0].line, rejected[0].field, "not contiguous" in rejected[0].reason) == (4, "chat_id", True)


def test_one_id_at_two_merchants_is_two_chats(read):
    accepted, rejected = read("merchant,chat_id,role,text\nx,a,客户,1\ny,a,客户,2\n", "a.csv")
    assert ([item.chat.merchant for item in accepted], rejected) == (["x", "y"], [])


def test_chat_fields_that_differ_are_kept_with_their_row_and_noted(read):
    accepted, _ = read("chat_id,role,text,agent_id\na,客服,1,k1\na,客服,2,k2\na,客服,3,k1\n", "a.csv")
    chat = accepted[0].chat
    assert (chat.agent.id, chat.messages[1].extra) == ("k1", {"row agent_id": "k2"})
    assert [note.field for note in accepted[0].notes] == ["agent_id", "messages[].at"]


def test_bad_values_name_column_and_line(read):
    head = "chat_id,role,text,at,csat,escalated\n"
    for row, column in [
        ("2026-13-40 10:00:00,,", "at"),
        ("9223372036854775808,,", "at"),
        ("yesterday,,", "at"),
        (",five,", "csat"),
        (",nan,", "csat"),
        (",,maybe", "escalated"),
    ]:
        _, rejected = read(f"{head}a,客户,1,,,\na,客户,1,{row}\n", "a.csv")
        assert rejected[0].field == column
        assert rejected[0].line in {2, 3}  # chat-level values are checked with the whole chat


@pytest.mark.parametrize(
    "text",
    [
        "2026/11/20 9:00:05",
        "2026-11-20T09:00:05",
        "20261120090005",
        "1795136405",
        "2026年11月20日 9点00分05秒",
        "2026-11-20T01:00:05Z",
    ],
)
def test_times_in_tables(read, text):
    accepted, _ = read(f"chat_id,role,text,at\na,客户,1,{text}\n", "a.csv")
    assert accepted[0].chat.messages[0].at == NINE


def test_too_many_rows_for_one_chat(read):
    _, rejected = read(HEAD + "a,客户,1\n" * 11, "a.csv", max_chat_messages=10)
    assert (rejected[0].line, "more than 10 messages" in rejected[0].reason) == (12, True)
    _, rejected = read(HEAD + "a,客户,1\n" * 100, "a.csv", max_line_bytes=200)
    assert "more than 200 characters" in rejected[0].reason


def test_gb18030_table_with_a_bom_free_header(read):
    content = "会话ID,角色,内容\nc-1,客户,请问有什么可以帮您\n".encode("gb18030")
    accepted, _ = read(content, "a.csv")
    assert accepted[0].chat.messages[0].text == "请问有什么可以帮您"
    assert "GB18030" in accepted[0].notes[0].reason
    assert read(b"\xef\xbb\xbf" + (HEAD + "a,客户,1\r\n").encode(), "b.csv")[0][0].chat.messages[0].text == "1"


def test_truncated_table_rejects_the_open_chat(read):
    body = "".join(f"c-{number // 2},客户,{number * 7919}\n" for number in range(4000))
    whole = gzip.compress((HEAD + body).encode(), mtime=0)
    accepted, rejected = read(whole[: len(whole) // 2], "a.csv.gz")
    assert 500 < len(accepted) < 2000
    assert all(len(item.chat.messages) == 2 for item in accepted)
    assert all("truncated" in item.reason for item in rejected[-1:])


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("[columns", "not TOML"),
        ('[columns]\nchat_id = "a"', "columns lacks role, text"),
        ('[columns]\nboss = "a"', "columns: unknown column boss"),
        ('[times]\nzone = "Mars/Base"', "times.zone: 'Mars/Base' is not a time zone"),
        ('[roles]\nx = "chef"', "roles.x: "),
        ("[file]\nheader_row = 0", "a table without header row needs columns by number"),
        ("[file]\nheader_row = true", "file.header_row"),
        ('colour = "x"', "colour: "),
        ('[columns]\nchat_id = "x"\nrole = "role"\ntext = "text"', "columns.chat_id: there is no header x"),
        ("[columns]\nchat_id = 9\nrole = 2\ntext = 3", "columns.chat_id: there is no column 9"),
    ],
)
def test_bad_maps_name_file_and_key(read, tmp_path, toml, reason):
    path = tmp_path / "map.toml"
    path.write_text(toml)
    with pytest.raises(SourceError) as error:
        read(HEAD + "a,客户,1\n", "a.csv", column_map=path)
    assert reason in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_map_that_is_not_there(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        load_column_map(tmp_path / "none.toml")


def test_headers_nobody_knows(read):
    with pytest.raises(SourceError, match="no column for chat_id, role, text among the headers"):
        read("x,y\n1,2\n", "a.csv")
    assert read("", "a.csv") == ([], [])
    assert read(HEAD, "a.csv") == ([], [])


def test_workbook_cells(read):
    content = workbook(
        [
            ["chat_id", "role", "text", "date", "time", "客户ID", "csat", "escalated"],
            [12345678901, "客户", "在吗", date(2026, 11, 20), time(9, 0, 5), 13800000000.0, 5, False],
            [12345678901, "客服", "=1+1", datetime(2026, 11, 20), time(9, 0, 6), None, None, None],  # noqa: DTZ001 -- cells have no zone
            [],
            ["c-2", "客服", 3.0, None, None, "007"],
        ]
    )
    accepted, rejected = read(content, "a.xlsx")
    first = accepted[0].chat
    assert (first.id, first.customer.id, first.csat, first.escalated) == ("12345678901", "13800000000", 5.0, False)
    assert [message.at for message in first.messages] == [NINE, NINE + 1_000_000]
    assert accepted[1].chat.messages[0].text == "3"
    assert accepted[1].chat.customer.id == "007"
    assert (accepted[1].line, rejected) == (5, [])


def test_workbook_sheet_and_datetime(read, tmp_path):
    content = workbook(
        [["nothing"]],
        会话=[["会话ID", "角色", "内容", "时间"], ["c", "客户", "x_x000A_y", datetime(2026, 11, 20, 9, 0, 5)]],  # noqa: DTZ001 -- cells have no zone
    )
    path = tmp_path / "map.toml"
    path.write_text('[file]\nsheet = "会话"\n', "utf-8")
    accepted, _ = read(content, "a.xlsx", column_map=path)
    assert (accepted[0].chat.messages[0].at, accepted[0].chat.messages[0].text) == (NINE, "x\ny")
    path.write_text('[file]\nsheet = "x"\n', "utf-8")
    with pytest.raises(SourceError, match="no sheet 'x'; there are Sheet, 会话"):
        read(content, "a.xlsx", column_map=path)


def test_cell_text_leaves_surrogate_escapes_alone():
    assert cell_text("_xD800_ _x005F_x000D_") == "_xD800_ _x000D_"


def bomb(size=200_000_000, name="xl/worksheets/sheet1.xml", start=b"<worksheet>"):
    target = io.BytesIO(workbook([["chat_id", "role", "text"], ["a", "客户", "x"]]))
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(name + "2.xml", "w") as part:
        part.write(start)
        for _ in range(size // 1_000_000):
            part.write(b" " * 1_000_000)
    return target.getvalue()


def test_zip_bombs_never_reach_the_parser(read):
    content = bomb()
    assert len(content) < 400_000
    with pytest.raises(SourceError, match="taken for a zip bomb"):
        read(content, "a.xlsx")
    with pytest.raises(SourceError, match="unpacks to more than 1000000 bytes"):
        read(content, "a.xlsx", max_workbook_bytes=1_000_000)
    with pytest.raises(SourceError, match="parts in the workbook, more than 3"):
        read(workbook([["x"]]), "a.xlsx", max_workbook_parts=3)


def test_a_zip_that_lies_about_its_sizes(read):
    content = bytearray(bomb())
    place = content.rfind(b"PK\x01\x02", 0, content.rfind(b"sheet1.xml2.xml"))
    struct.pack_into("<I", content, place + 24, 100)
    with pytest.raises(SourceError):
        read(bytes(content), "a.xlsx")


def test_document_types_are_refused(read):
    with pytest.raises(SourceError, match="declares a document type"):
        read(bomb(1_000_000, start=b'<!DOCTYPE x [<!ENTITY a "aaaa">]>'), "a.xlsx")


def test_files_that_are_no_workbooks(read):
    plain_zip = io.BytesIO()
    with zipfile.ZipFile(plain_zip, "w") as archive:
        archive.writestr("a.txt", "x")
    good = workbook([["chat_id", "role", "text"], ["a", "客户", "x"]])
    for content in [b"", b"PK\x03\x04", b"chat_id,role", plain_zip.getvalue(), good[: len(good) // 2]]:
        with pytest.raises(SourceError, match="workbook"):
            read(content, "a.xlsx")


def test_naughty_strings_in_tables(shared, read):
    strings = orjson.loads((shared / "suites" / "blns" / "blns.json").read_bytes())
    quoted = ['"' + text.replace('"', '""') + '"' for text in strings]
    content = HEAD + "".join(f"t-{number},客户,{text}\n" for number, text in enumerate(quoted))
    accepted, rejected = read(content, "a.csv")
    assert rejected == []
    assert [item.chat.messages[0].text for item in accepted] == strings
    accepted, rejected = read(
        "chat_id,role,text,agent_name\n" + "".join(f"t-{n},客户,x,{text}\n" for n, text in enumerate(quoted)), "b.csv"
    )
    assert len(accepted) + len(rejected) == 515
    assert {item.chat.agent.name for item in accepted} <= {*strings, None}


def test_seen_chats_are_counted_exactly():
    seen = _Seen()
    assert all(seen.add(("m", str(number))) for number in range(20_000))
    assert not any(seen.add(("m", str(number))) for number in range(20_000))
