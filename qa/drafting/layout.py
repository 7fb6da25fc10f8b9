"""The intake sheet: its sheets, its columns, and the words a lead may write in them."""

from __future__ import annotations

from typing import NamedTuple

from qa.types import Dimension, Severity


class Column(NamedTuple):
    """A column: its title as shown, its English subtitle, whether a row needs it filled."""

    zh: str
    en: str
    needed: bool = False
    also: tuple[str, ...] = ()
    """Other titles that merchants give it, where none is called as it should."""


class Layout(NamedTuple):
    """A sheet that is read. ``many`` is the title that a numbered column (要点1, 要点2 …) begins with, if any."""

    title: str
    en: str
    columns: tuple[Column, ...]
    many: str = ""

    def called(self, title: str) -> bool:
        """Whether a sheet of this title is meant: in either language, blanks aside."""
        return title.strip().lower() in (self.title, self.en)

    def optional(self, title: str) -> bool:
        """Whether a column may be empty."""
        return not any(column.zh == title and column.needed for column in self.columns)


NUMBER = Column("编号", "item no.", needed=True, also=("序号", "项目编号"))
ITEMS = Layout(
    "项目",
    "items",
    (
        NUMBER,
        Column("项目名称", "name", needed=True, also=("项目", "质检项", "质检项目")),
        Column("英文名称", "name in English"),
        Column("维度", "dimension", needed=True),
        Column("严重程度", "severity", needed=True, also=("等级", "级别")),
        Column("扣分", "points", also=("分值", "扣分值", "分数")),
        Column("红线", "red line", also=("一票否决", "是否红线")),
        Column("类型", "kind", needed=True),
        Column("说明", "remarks", also=("备注",)),
    ),
)
WORDS = Layout(
    "禁用词",
    "forbidden words",
    (NUMBER, Column("词语", "word", needed=True, also=("禁用词", "关键词", "违规词")), Column("例外", "exceptions")),
)
SCRIPTS = Layout(
    "话术",
    "scripts",
    (
        NUMBER,
        Column("话术名称", "script", needed=True),
        Column("位置", "where"),
        Column("要点1", "point 1", needed=True),
        *(Column(f"要点{n}", f"point {n}") for n in range(2, 7)),
    ),
    many="要点",
)
LIMITS = Layout(
    "阈值",
    "limits",
    (
        NUMBER,
        Column("指标", "figure", needed=True),
        Column("限值", "limit", needed=True, also=("标准", "阈值")),
        Column("时段", "hours"),
    ),
)
READ = (ITEMS, WORDS, SCRIPTS, LIMITS)
GUIDE = "说明"
"""The sheet that tells how to fill in the others; it is not read."""

FORBIDDEN, SCRIPT, TIMING, RATING, FREE = "禁用词", "必说话术", "时效", "评分", "自由描述"
KINDS = {
    FORBIDDEN: (FORBIDDEN, "禁语", "forbidden words", "forbidden"),
    SCRIPT: (SCRIPT, "话术", "required script", "script"),
    TIMING: (TIMING, "时效性", "timing", "timeliness"),
    RATING: (RATING, "满意度评分", "rating", "csat"),
    FREE: (FREE, "描述", "free description", "free"),
}
"""What an item is about, with the other ways of writing it."""
DIMENSIONS = {
    Dimension.TIMELINESS: ("时效性", "时效", "timeliness"),
    Dimension.PROFESSIONALISM: ("专业性", "专业", "professionalism"),
    Dimension.SATISFACTION: ("客户满意度", "满意度", "satisfaction"),
    Dimension.PROCESS: ("流程优化", "流程", "process"),
}
SEVERITIES = {
    Severity.INFO: ("提示", "info"),
    Severity.MINOR: ("一般", "轻微", "minor"),
    Severity.MAJOR: ("严重", "重要", "major"),
    Severity.CRITICAL: ("致命", "critical"),
}
OPENING, CLOSING, ANYWHERE = "开头", "结尾", "任意"
WHERES = {
    OPENING: (OPENING, "开场", "opening"),
    CLOSING: (CLOSING, "结束", "closing"),
    ANYWHERE: (ANYWHERE, "不限", "any", ""),
}
HOURS = {
    "all": ("全部", "全天", "all", ""),
    "peak": ("高峰", "高峰时段", "peak"),
    "off_peak": ("非高峰", "平峰", "off_peak", "off-peak"),
    "business": ("工作时间", "营业时间", "business"),
}
NOTHING = frozenset({"/", "-", "–", "—", "——", "无", "n/a", "none"})
"""What people write into a cell that is to be empty."""
YES_NO = {
    "yes": ("是", "yes", "y", "true", "1", "√", "✓", "☑", "对", "红线", "一票否决"),
    "no": ("否", "不是", "no", "n", "false", "0", "×", "x", "☐", ""),
}

FIGURES = {
    "first_response": ("首次响应", "首次响应时间", "首次响应时长", "首响", "首响时间", "首响时长", "first response"),
    "first_substantive": ("首次实质回复", "首次有效回复", "first substantive response"),
    "average_response": ("平均响应", "平均响应时间", "平均响应时长", "平响", "平均回复时间", "average response"),
    "longest_wait": ("最长等待", "最长等待时间", "最长等待时长", "longest wait"),
    "complete_answer": ("完整解答", "完整解答时间", "complete answer"),
    "unanswered": ("漏回", "漏回数", "未回复", "unanswered"),
    "followup": ("回访", "满意度回访", "follow-up", "followup"),
    "csat": ("满意度评分", "客户评分", "评分", "满意度", "csat"),
}
"""Figures by name; besides them the share of replies within a time (3分钟回复率)."""
WITHIN_RATE = "within_rate"
SHOWN_FIGURES = "首次响应、首次实质回复、平均响应、最长等待、完整解答、3分钟回复率、漏回、回访、满意度评分"
