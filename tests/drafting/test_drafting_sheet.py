from __future__ import annotations

from collections.abc import Sequence

from qa.drafting import layout as at
from qa.drafting.lines import Mistake
from qa.drafting.standard import Limit, Script, Standard, read_standard
from qa.drafting.workbook import NO_VALUE, Row
from qa.types import Dimension, Severity

TITLES = {sheet.title: [column.zh for column in sheet.columns] for sheet in at.READ}
ITEM = ["1", "称呼", "Address", "专业性", "一般", "2", "否", "禁用词"]
TIMED = ["2", "首响", "", "时效", "轻微", "６分", "", "时效"]
SCRIPTED = ["3", "开场", "", "流程", "严重", "-3", "no", "必说话术"]
RATED = ["4", "评分", "", "满意度", "critical", "", "√", "评分"]


def tables(**rows: Sequence[Sequence[str]]) -> dict[str, list[Row]]:
    """Sheets by their English names, titles in row 1, the given rows from row 2 on."""
    sheets = {"items": at.ITEMS, "words": at.WORDS, "scripts": at.SCRIPTS, "limits": at.LIMITS}
    return {
        sheets[name].title: [
            Row(1, tuple(TITLES[sheets[name].title])),
            *(Row(number, tuple(cells)) for number, cells in enumerate(given, 2)),
        ]
        for name, given in rows.items()
    }


def read(**rows: Sequence[Sequence[str]]) -> Standard:
    standard, mistakes = read_standard(tables(**rows))
    assert mistakes == []
    return standard


def wrong(**rows: Sequence[Sequence[str]]) -> list[tuple[str, int, str, str]]:
    return [tuple(mistake) for mistake in read_standard(tables(**rows))[1]]


def test_items_as_people_write_them() -> None:
    standard = read(items=[ITEM, TIMED, SCRIPTED, RATED])
    first, timed, scripted, rated = standard.items
    assert (first.number, first.row, first.zh, first.en, first.kind) == (1, 2, "称呼", "Address", at.FORBIDDEN)
    assert (first.points, first.dimension, first.severity) == (2, Dimension.PROFESSIONALISM, Severity.MINOR)
    assert (timed.en, timed.points, timed.severity, timed.red_line) == (None, 6, Severity.MINOR, False)
    assert (scripted.points, scripted.dimension, scripted.severity) == (3, Dimension.PROCESS, Severity.MAJOR)
    assert (rated.points, rated.red_line, rated.severity) == (None, True, Severity.CRITICAL)


def test_words_scripts_and_limits_join_their_items() -> None:
    standard = read(
        items=[ITEM, TIMED, SCRIPTED, RATED],
        words=[["1", "老铁", "老铁路｜老铁匠"], ["01", "大兄弟|好兄弟"]],
        scripts=[["3", "开场", "开场", "您好 | 你好", "", "请问"]],
        limits=[["2", "平均响应时长", "３分钟内", "高峰"], ["4", "CSAT", "≥3分", ""]],
    )
    first, timed, scripted, rated = standard.items
    assert first.words == ("老铁", "大兄弟", "好兄弟")
    assert first.exceptions == ("老铁路", "老铁匠")
    assert scripted.script == Script("开场", at.OPENING, (("您好", "你好"), ("请问",)))
    assert timed.limit == Limit("average_response", "平均响应时长", 180, hours="peak")
    assert rated.limit == Limit("csat", "CSAT", 3)


def test_every_mistake_is_told_with_its_place() -> None:
    assert wrong(
        items=[
            ["", "x", "", "专业性", "一般", "2", "", "禁用词"],
            ["2", "", "", "专业度", "", "五分多", "也许", ""],
            ["3", "x", "", "时效", "一般", "", "否", "时效"],
            ["3", "y", "", "时效", "一般", "2", "否", "时效"],
        ],
        words=[["9", "老铁"], ["3", ""]],
    ) == [
        ("项目", 2, "A 编号", "is empty"),
        ("项目", 3, "B 项目名称", "is empty"),
        ("项目", 3, "D 维度", "'专业度' is none of 时效性, 专业性, 客户满意度, 流程优化; did you mean '专业性'?"),
        ("项目", 3, "E 严重程度", "is empty"),
        ("项目", 3, "G 红线", "'也许' is none of 是, 否"),
        ("项目", 3, "H 类型", "is empty"),
        ("项目", 3, "F 扣分", "'五分多' is no number of points from 0 to 100"),
        ("项目", 4, "F 扣分", "is empty: an item takes points or is a red line"),
        ("项目", 5, "A 编号", "item 3 is there already, in row 4"),
        ("禁用词", 2, "A 编号", "no item 9 on sheet 项目"),
        ("禁用词", 3, "A 编号", "item 3 is of kind 时效, not 禁用词"),
        ("禁用词", 3, "B 词语", "is empty"),
    ]


def test_mistakes_of_words_scripts_and_limits() -> None:
    script = ["3", "开场", "开头", "您好"]
    assert wrong(
        items=[ITEM, TIMED, SCRIPTED, RATED],
        words=[["1", "！！"], ["1", "老铁", "铁路"], ["1", "老铁", "老铁"]],
        scripts=[script, script, ["3", "", "中间", ""]],
        limits=[
            ["2", "首次响应", "很快", ""],
            ["2", "三分钟回复率", "150%", ""],
            ["2", "回访", "24", "高峰"],
            ["2", "漏回", "0.5", ""],
            ["2", "满意度评分", "3", ""],
            ["2", "首响", "30", ""],
            ["2", "首响", "30", "夜里"],
            ["2", "平均响应", "30", ""],
        ],
    ) == [
        ("禁用词", 2, "B 词语", "'！！' has neither letter nor digit"),
        ("禁用词", 3, "C 例外", "'铁路' is not a longer phrase that holds 老铁"),
        ("禁用词", 4, "C 例外", "'老铁' is not a longer phrase that holds 老铁"),
        ("话术", 3, "A 编号", "item 3 has a script already: give this one an item of its own"),
        ("话术", 4, "B 话术名称", "is empty"),
        ("话术", 4, "C 位置", "'中间' is none of 开头, 结尾, 任意"),
        ("话术", 4, "D 要点1", "is empty"),
        ("话术", 4, "A 编号", "item 3 has a script already: give this one an item of its own"),
        ("阈值", 2, "C 限值", "'很快' is no duration such as 30秒, 3分钟, 1分30秒 or a number of seconds"),
        ("阈值", 3, "C 限值", "'150%' is no share such as 90% or 0.9"),
        ("阈值", 4, "D 时段", "回访 knows no hours"),
        ("阈值", 4, "C 限值", "'24' has no unit: write 24小时"),
        ("阈值", 5, "C 限值", "'0.5' is no whole number"),
        ("阈值", 6, "B 指标", "满意度评分 does not suit item 2, which is of kind 时效"),
        ("阈值", 8, "D 时段", "'夜里' is none of 全部, 高峰, 非高峰, 工作时间"),
        ("阈值", 9, "A 编号", "item 2 has a limit already: give this one an item of its own"),
    ]


def test_formulas_without_value_errors_and_control_characters_are_mistakes() -> None:
    row = ["1", NO_VALUE, "a\x01b", "#REF!", "一般", "2", "否", "禁用词"]
    told = [(column, reason) for _, _, column, reason in wrong(items=[row])]
    assert told[0][0] == "B 项目名称"
    assert told[0][1].startswith("a formula without a stored value")
    assert told[1] == ("D 维度", "the formula's value is #REF!")


def test_a_control_character_and_a_nought_for_a_number() -> None:
    row = ["0", "称呼", "a\x01b", *ITEM[3:]]
    assert wrong(items=[row]) == [
        ("项目", 2, "A 编号", "'0' is no item number from 1 to 9999"),
    ]
    assert wrong(items=[["1", *row[1:]]]) == [
        ("项目", 2, "C 英文名称", "holds '\\x01', which is no character of a text"),
    ]


def test_a_line_about_an_item_with_mistakes_tells_only_its_own() -> None:
    broken = ["1", "", *ITEM[2:]]
    assert wrong(
        items=[broken], words=[["1", "老铁"]], scripts=[["1", "x", "", "y"]], limits=[["1", "漏回", "是"]]
    ) == [
        ("项目", 2, "B 项目名称", "is empty"),
        ("阈值", 2, "C 限值", "'是' is no number"),
    ]
    assert wrong(items=[TIMED], limits=[["2", "首响", "999天"], ["2", "", "", "高峰"]]) == [
        ("阈值", 2, "C 限值", "'999天' is longer than 10000000 seconds"),
        ("阈值", 3, "B 指标", "is empty"),
        ("阈值", 3, "C 限值", "is empty"),
    ]


def test_limits_of_every_sort() -> None:
    items = [[str(number), *TIMED[1:]] for number in range(1, 5)]
    limits = [
        ["1", "回访", "24小时内"],
        ["2", "漏回", "０次"],
        ["3", "30秒回复率", "不低于85"],
        ["4", "最长等待", "五分钟"],
    ]
    found = [item.limit for item in read(items=items, limits=limits).items]
    assert [(limit.figure, limit.value, limit.window_s) for limit in found if limit] == [
        ("followup", 86_400, 0),
        ("unanswered", 0, 0),
        (at.WITHIN_RATE, 0.85, 30),
        ("longest_wait", 300, 0),
    ]


def test_titles() -> None:
    titles = Row(1, ("编号*", "", "词语", "词语", "谁写的"))
    found = read_standard(tables(items=[ITEM]) | {"禁用词": [titles, Row(2, ("item no.", "", "word"))], "其他": []})
    assert found[1] == [Mistake("禁用词", 1, "D 词语", "stands there twice")]
    assert found[0].notes == ("sheet '其他': not read", "sheet 禁用词, column E '谁写的': not read")
    missing = read_standard(tables(items=[ITEM]) | {"阈值": [Row(1, ("编号",))]})[1]
    told = "there is no such column (there: 编号)"
    assert missing == [Mistake("阈值", 1, title, told) for title in ("指标", "限值")]


def test_a_column_that_is_not_there_is_one_mistake_and_not_one_a_row() -> None:
    heading = Row(1, tuple("名称" if title == "项目名称" else title for title in TITLES["项目"]))
    found = tables(words=[["1", "老铁"]]) | {"项目": [heading, Row(2, tuple(ITEM)), Row(3, tuple(TIMED))]}
    (mistake,) = read_standard(found)[1]
    assert mistake[:3] == ("项目", 1, "项目名称")
    assert mistake.reason.startswith("there is no such column (there: 编号, 名称, ")
    assert mistake.reason.endswith("; is it '名称'?")
    assert wrong(items=[], words=[["1", "老铁"]]) == [("项目", 0, "", "holds no item")]


def test_more_points_than_the_template_has() -> None:
    rows = tables(items=[SCRIPTED], scripts=[["3", "开场", "", "a1", "b", "c", "d", "e", "f", "g"]])
    rows["话术"][0] = Row(1, (*TITLES["话术"], "要点 7"))
    [item] = read_standard(rows)[0].items
    assert item.script is not None
    assert item.script.points[-1] == ("g",)
    assert len(item.script.points) == 7


def test_no_items() -> None:
    assert read_standard({"Sheet1": []})[1] == [Mistake("项目", 0, "", "there is no such sheet (there: Sheet1)")]
    assert wrong(items=[]) == [("项目", 0, "", "holds no item")]
    assert read_standard({"项目": []})[1][0].reason.startswith("is empty")


def test_a_row_beside_the_known_columns_is_noted() -> None:
    standard = read(items=[ITEM, ["", "", "", "", "", "", "", "", "", "a remark"]])
    assert standard.notes == ("sheet 项目, row 3: nothing in a known column, not read",)


def test_a_figure_that_is_not_known_is_kept_with_the_reason() -> None:
    [item] = read(items=[TIMED], limits=[["2", "平均相应", "30", ""]]).items
    assert item.limit is not None
    assert item.limit.figure is None
    assert item.limit.reason.endswith("did you mean '平均响应'?")


def test_a_cell_holds_several_words_however_they_are_set_apart() -> None:
    words = [["1", "老铁、哥们；兄弟\n大姐/大妈", "无"], ["1", "爱买，不买", "/"]]
    scripts = [["3", "标准开场", "开头", "您好，请讲/请问\n欢迎光临", "—"]]
    standard = read(items=[ITEM, SCRIPTED], words=words, scripts=scripts)
    first, scripted = standard.items
    assert first.words == ("老铁", "哥们", "兄弟", "大姐", "大妈", "爱买，不买")
    assert first.exceptions == ()
    assert scripted.script == Script("标准开场", at.OPENING, (("您好，请讲", "请问", "欢迎光临"),))
    [note] = standard.notes
    assert note.startswith("sheet 禁用词, row 3: '爱买，不买' is taken for one phrase")


def test_titles_below_a_heading_and_sheets_called_otherwise() -> None:
    sheets = tables(items=[[*ITEM[:6], "/", ITEM[7]]], words=[["1", "老铁"]])
    heading = Row(1, ("某店质检标准",))
    below = [Row(row.number + 1, row.cells) for row in sheets["项目"]]
    standard, mistakes = read_standard({" Items ": [heading, *below], "禁用词 ": sheets["禁用词"], "Sheet3": []})
    assert mistakes == []
    [item] = standard.items
    assert (item.row, item.red_line, item.words) == (3, False, ("老铁",))
    assert standard.notes == ("sheet 'Sheet3': not read",)


def test_shares_are_no_points() -> None:
    [(sheet, row, column, reason)] = wrong(items=[[*ITEM[:5], "5%", *ITEM[6:]]])
    assert (sheet, row, column) == ("项目", 2, "F 扣分")
    assert reason.startswith("'5%' is a share")


def test_columns_by_the_titles_that_merchants_give_them() -> None:
    titles = ("序号", "项目", "质检项", "维度", "等级", "分值", "类型", "备注")
    sheet = [Row(1, titles), Row(2, ("1", "称呼", "x", "专业性", "一般", "2", "自由描述", "听感"))]
    standard, mistakes = read_standard({"项目": sheet})
    assert [mistake[2:] for mistake in mistakes] == [("C 项目名称", "stands there twice")]
    sheet[0] = Row(1, ("序号", "项目名称", "项目", *titles[3:]))
    standard, mistakes = read_standard({"项目": sheet})
    assert mistakes == []
    [item] = standard.items
    assert (item.zh, item.points, item.remarks) == ("称呼", 2, "听感")
    assert standard.notes == ("sheet 项目, column C '项目': not read",)
