"""The column map: a small TOML file that says which column of a table is which field of a chat."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from qa.errors import SourceError

MESSAGE_COLUMNS = ("role", "text", "at", "date", "time", "message_id", "kind", "withdrawn", "private")
CHAT_COLUMNS = (
    *("chat_id", "merchant", "channel", "agent_id", "agent_name", "agent_team", "customer_id", "customer_tier"),
    *("started_at", "ended_at", "status", "csat", "escalated", "category", "tags"),
    *("resolved", "converted", "order_amount", "followup_at", "followup_kind"),
)
COLUMNS = frozenset(MESSAGE_COLUMNS + CHAT_COLUMNS)
REQUIRED = ("chat_id", "role", "text")

HEADERS = {
    "chat_id": ("会话ID", "会话编号", "对话ID", "session_id", "conversation_id"),
    "role": ("角色", "发送方", "发送者", "消息来源", "sender"),
    "text": ("内容", "消息内容", "消息", "content", "message"),
    "at": ("时间", "发送时间", "消息时间", "timestamp"),
    "date": ("日期",),
    "time": ("时刻",),
    "message_id": ("消息ID", "消息编号"),
    "kind": ("类型", "消息类型"),
    "withdrawn": ("撤回", "是否撤回"),
    "private": ("私密", "内部备注"),
    "merchant": ("商家", "店铺"),
    "channel": ("渠道",),
    "agent_id": ("客服", "客服ID", "客服工号", "坐席ID"),
    "agent_name": ("客服姓名", "客服昵称", "客服名称"),
    "agent_team": ("客服组", "团队", "team"),
    "customer_id": ("客户", "客户ID", "顾客ID", "买家ID"),
    "customer_tier": ("客户等级", "会员等级", "tier"),
    "started_at": ("开始时间", "会话开始时间"),
    "ended_at": ("结束时间", "会话结束时间"),
    "status": ("状态", "会话状态"),
    "csat": ("满意度", "评分"),
    "escalated": ("升级", "是否升级"),
    "category": ("分类", "问题分类", "咨询类型"),
    "tags": ("标签",),
    "resolved": ("解决", "是否解决"),
    "converted": ("转化", "是否转化", "是否下单"),
    "order_amount": ("订单金额",),
    "followup_at": ("回访时间",),
    "followup_kind": ("回访方式",),
}
"""Headers understood without a map, beside the canonical names themselves."""

ROLE_WORDS = {
    "customer": ("customer", "客户", "顾客", "买家", "用户", "访客"),
    "agent": ("agent", "客服", "坐席", "人工客服", "商家"),
    "bot": ("bot", "机器人", "智能客服"),
    "system": ("system", "系统"),
}
KIND_WORDS = {"文本": "text", "文字": "text", "图片": "image", "文件": "file", "语音": "voice", "视频": "video"}
TRUE_WORDS = ("true", "yes", "y", "1", "是")
FALSE_WORDS = ("false", "no", "n", "0", "否")

Role = Literal["customer", "agent", "bot", "system"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileShape(_Section):
    """How the table lies in its file."""

    header_row: int = Field(default=1, ge=0, le=1000)
    """1-based row of the headers; 0: there are none, and columns are given by number."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """CSV only; None: the likeliest of comma, tab, semicolon and bar in the header."""
    encoding: str | None = None
    sheet: str | None = None
    """XLSX only; None: the first."""
    tag_separator: str = Field(default="|", min_length=1)


class Times(_Section):
    """How timestamps are written, beside ISO 8601, epoch numbers and 2026/11/20 9:05, which are always understood."""

    formats: tuple[str, ...] = Field(default=(), strict=False)
    """``strptime`` patterns, tried in this order before anything else."""
    zone: str | None = None
    """Of times without offset; None: that of the import."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        try:
            return zone if zone is None else ZoneInfo(zone).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r} is not a time zone such as Asia/Shanghai") from None


class FlagWords(_Section):
    """Words of yes/no columns, in lower case."""

    true: tuple[str, ...] = Field(default=TRUE_WORDS, strict=False)
    false: tuple[str, ...] = Field(default=FALSE_WORDS, strict=False)


class ColumnMap(_Section):
    """A column map; the defaults are those of a table whose headers speak for themselves."""

    file: FileShape = FileShape()
    columns: dict[str, str | int] = {}
    """Canonical column → header text, or 1-based column number. Empty: by ``HEADERS``."""
    times: Times = Times()
    roles: dict[str, Role] = {}
    """The file's word → role, added to ``ROLE_WORDS``."""
    kinds: dict[str, str] = {}
    flags: FlagWords = FlagWords()
    constants: dict[str, str] = {}
    """Canonical column → the value every row has."""

    @field_validator("columns", "constants")
    @classmethod
    def _known_columns(cls, value: dict[str, str | int]) -> dict[str, str | int]:
        if unknown := sorted(value.keys() - COLUMNS):
            raise ValueError(f"unknown column {', '.join(unknown)}; known are {', '.join(sorted(COLUMNS))}")
        return value

    @model_validator(mode="after")
    def _complete(self) -> ColumnMap:
        if self.columns:
            missing = [name for name in REQUIRED if name not in self.columns and name not in self.constants]
            if missing:
                raise ValueError(f"columns lacks {', '.join(missing)}")
        elif self.file.header_row == 0:
            raise ValueError("a table without header row needs columns by number")
        if self.file.header_row == 0 and any(isinstance(where, str) for where in self.columns.values()):
            raise ValueError("a table without header row has its columns by number")
        if "time" in self.columns and not {"date"} & (self.columns.keys() | self.constants.keys()):
            raise ValueError("a time column needs a date column")
        return self


def load_column_map(path: Path | None) -> ColumnMap:
    """The map in a TOML file, or the default for None; raises ``SourceError`` naming file and key."""
    if path is None:
        return ColumnMap()
    try:
        return ColumnMap.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise SourceError(f"{path}: the column map cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: the column map is not TOML: {error}") from None
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'map'}: {_plain(fault['msg'])}" for fault in error.errors()]
        raise SourceError(f"{path}: {'; '.join(faults)}") from None


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def locate(column_map: ColumnMap, header: list[str]) -> dict[str, int]:
    """Canonical column → 0-based position; raises ``SourceError`` if a column is not there or not unique."""
    places = _positions(header)
    found: dict[str, int] = {}
    for name, where in column_map.columns.items():
        if isinstance(where, int):
            if not 1 <= where <= max(len(header), 1):
                raise SourceError(f"columns.{name}: there is no column {where}; the table has {len(header)}")
            found[name] = where - 1
        else:
            found[name] = _position(places, name, (where,))
    if not column_map.columns:
        found = _by_header(places)
    if missing := [name for name in REQUIRED if name not in found and name not in column_map.constants]:
        headers = ", ".join(cell for cell in header if cell.strip())[:500]
        raise SourceError(f"no column for {', '.join(missing)} among the headers ({headers}); give a column map")
    return found


def _positions(header: list[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for index, cell in enumerate(header):
        places.setdefault(_folded(cell), []).append(index)
    return places


def _folded(cell: str) -> str:
    return cell.strip().casefold()


def _position(places: dict[str, list[int]], name: str, headers: tuple[str, ...]) -> int:
    found = [index for header in headers for index in places.get(_folded(header), [])]
    if not found:
        raise SourceError(f"columns.{name}: there is no header {' or '.join(headers)}")
    if len(found) > 1:
        raise SourceError(
            f"columns.{name}: the header {' or '.join(headers)} occurs {len(found)} times; use its number"
        )
    return found[0]


def _by_header(places: dict[str, list[int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, synonyms in HEADERS.items():
        names = (name, *synonyms)
        if any(_folded(header) in places for header in names):
            found[name] = _position(places, name, names)
    return found
