"""The intake sheet as it is handed out: instructions, titles in both languages, lists to choose from, an example."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from qa.drafting import layout as at

_LAST_ROW = 500
"""Down to here the lists to choose from are offered."""
_GUIDE = f"""\
质检标准采集表
Intake sheet for a quality standard
每张表第一行是标题，第二行是英文；从第三行起填写，示例可删除或改写。
Row 1 holds the titles, row 2 the English; fill in from row 3 and replace the example.
先填“项目”：编号不重复；扣分 0–100；红线填“是”则一票否决；类型决定还要填哪张表。
Begin with 项目 (items): unique numbers, points 0–100; 红线 (red line) 是 voids the score; 类型 (kind) decides which.
类型“禁用词”：在“禁用词”表逐行写词语；例外是包含该词语的正常说法，用 | 分隔。
Kind 禁用词 (forbidden words): a word a row; exceptions are longer ordinary phrases that hold it, separated by |.
类型“必说话术”：在“话术”表写要点，备选说法用 | 分隔；位置：开头（客服前两句）、结尾（最后两句）、任意。
Kind 必说话术 (required script): wordings separated by |; 位置: the agent's first two turns, last two, or any.
类型“时效”“评分”：在“阈值”表写指标和限值。可用指标：{at.SHOWN_FIGURES}。
Kinds 时效 (timing) and 评分 (rating): a figure and its limit on sheet 阈值 (limits).
限值可写 30、30秒、3分钟、1分30秒、24小时、90%；没有单位的时间按秒计算；回访须写单位。
Limits: 30, 30秒, 3分钟, 24小时, 90%; a time without unit is in seconds; a follow-up needs its unit.
类型“自由描述”：系统无法自动判断，会列在规则文件末尾，由人工质检。
Kind 自由描述 (free description): no rule can judge it; it is listed at the end of the pack.
"""
"""Chinese and English by turns."""
_ITEMS = (
    (1, "称呼不得体", "Improper address", "专业性", "一般", 2, "否", at.FORBIDDEN, "称呼客户为“您”"),
    (2, "绝对化承诺", "Absolute promise", "专业性", "严重", 5, "否", at.FORBIDDEN, ""),
    (3, "引导线下交易", "Trade outside the platform", "流程优化", "致命", None, "是", at.FORBIDDEN, ""),
    (4, "开场白", "Opening script", "专业性", "一般", 3, "否", at.SCRIPT, ""),
    (5, "结束语", "Closing script", "流程优化", "一般", 2, "否", at.SCRIPT, ""),
    (6, "首次响应超时", "First response late", "时效性", "一般", 6, "否", at.TIMING, ""),
    (7, "平均响应超时", "", "时效性", "一般", 4, "否", at.TIMING, "没有英文名称时沿用中文"),
    (8, "三分钟回复率不达标", "3-minute reply rate too low", "时效性", "一般", 4, "否", at.TIMING, ""),
    (9, "客户评分过低", "Low rating by the customer", "客户满意度", "一般", 5, "否", at.RATING, ""),
    (10, "语气真诚、不生硬", "Sincere tone", "客户满意度", "提示", 2, "否", at.FREE, "由质检员听感判断"),
)
_WORDS = (
    (1, "老铁", "老铁路|老铁匠"),
    (1, "大兄弟", ""),
    (2, "永不褪色", ""),
    (2, "保证治好", ""),
    (3, "线下付款", ""),
    (3, "绕开平台", ""),
)
_SCRIPTS = (
    (4, "标准开场", "开头", "您好|你好", "很高兴为您服务|请问有什么可以帮您", ""),
    (5, "标准结束", "结尾", "感谢您的咨询|谢谢您的支持", "祝您生活愉快|欢迎再来", ""),
)
_LIMITS = (
    (6, "首次响应", "30秒", "非高峰"),
    (7, "平均响应", "1分钟", "全部"),
    (8, "3分钟回复率", "90%", "全部"),
    (9, "满意度评分", 3, "全部"),
)
_EXAMPLES: dict[at.Layout, Sequence[Sequence[Any]]] = {
    at.ITEMS: _ITEMS,
    at.WORDS: _WORDS,
    at.SCRIPTS: _SCRIPTS,
    at.LIMITS: _LIMITS,
}
_OFFERED = {
    "维度": [words[0] for words in at.DIMENSIONS.values()],
    "严重程度": [words[0] for words in at.SEVERITIES.values()],
    "红线": ["是", "否"],
    "类型": list(at.KINDS),
    "位置": list(at.WHERES),
    "时段": [words[0] for words in at.HOURS.values()],
}
_WIDTHS = {"项目名称": 24, "英文名称": 30, "说明": 34, "词语": 24, "例外": 34, "话术名称": 18, "指标": 20}
_TITLE = Font(bold=True, color="FFFFFF")
_FILL = PatternFill("solid", fgColor="1F4E79")
_SUBTITLE = Font(italic=True, color="666666")


def template() -> bytes:
    """Return the workbook file; reading it back gives the example standard."""
    book = Workbook()
    guide = book.active
    guide.title = at.GUIDE
    told = _GUIDE.splitlines()
    for pair in zip(told[::2], told[1::2], strict=True):
        guide.append(pair)
    guide["A1"].font = guide["B1"].font = Font(bold=True, size=14)
    for name in "AB":
        guide.column_dimensions[name].width = 80
        for cell in guide[name]:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for layout, rows in _EXAMPLES.items():
        _sheet(book.create_sheet(layout.title), layout, rows)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _sheet(sheet: Any, layout: at.Layout, rows: Sequence[Sequence[Any]]) -> None:
    sheet.append([column.zh + ("*" if column.needed else "") for column in layout.columns])
    sheet.append([column.en for column in layout.columns])
    for row in rows:
        sheet.append([None if value == "" else value for value in row])
    sheet.freeze_panes = "A3"
    for index, column in enumerate(layout.columns, 1):
        title, subtitle = sheet.cell(1, index), sheet.cell(2, index)
        title.font, title.fill, subtitle.font = _TITLE, _FILL, _SUBTITLE
        letter = title.column_letter
        sheet.column_dimensions[letter].width = 26 if column.zh.startswith("要点") else _WIDTHS.get(column.zh, 12)
        if column.zh in _OFFERED:
            offered = DataValidation(type="list", formula1=f'"{",".join(_OFFERED[column.zh])}"', allow_blank=True)
            offered.errorStyle = "warning"  # other ways of writing are understood too
            offered.add(f"{letter}3:{letter}{_LAST_ROW}")
            sheet.add_data_validation(offered)
