"""Chats with labels: the training notation (training_data/README.md) and labelled JSON Lines, into ``LabelledChat``."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from qa.models.opinions import LABELS, Level, ModelError, Task
from qa.types import Chat, Finding, Message, Role

PRETOKENIZED = "pretokenized"
"""Key in ``Chat.extra``: the text is word ids separated by spaces, as anonymised data sets come."""

_HEAD = re.compile(r"== (?P<id>\S+) (?P<intent>\S+) (?P<type>\S+) (?P<resolution>\S+) (?P<satisfaction>\S+)")
_TURN = re.compile(r"(?P<role>[客服机])(?P<signs>\S*) (?P<text>.*\S)")
_ROLES = MappingProxyType({"客": Role.CUSTOMER, "服": Role.AGENT, "机": Role.BOT})
_SIGNS = "-0+"
INTENTS = MappingProxyType({"咨询": "inquiry", "投诉": "complaint", "建议": "suggestion"})
TYPES = tuple("物流 售后 退款 发票 价格保护 优惠 商品咨询 账户 订单 支付 安装维修 评价 会员 其他".split())  # noqa: SIM905 - reads better
RESOLUTIONS = MappingProxyType({"已解决": "resolved", "部分解决": "partly", "未解决": "unresolved"})
SATISFACTIONS = MappingProxyType({"满意": "satisfied", "中性": "neutral", "不满": "dissatisfied"})
_TURN_TASKS = (Task.SENTIMENT, Task.SATISFACTION)
_WEIGHT_OF_LATE_TURNS = 2.0


class TurnLabels(msgspec.Struct, frozen=True, gc=False):
    """The labels of one customer turn; ``None``: nobody labelled it."""

    sentiment: str | None = None
    satisfaction: str | None = None


class LabelledChat(msgspec.Struct, frozen=True):
    """A chat and what people said of it. ``turns`` is as long as ``chat.messages``."""

    chat: Chat
    turns: tuple[TurnLabels, ...]
    sentiment: str | None = None
    satisfaction: str | None = None
    resolution: str | None = None
    intent: str | None = None
    type: str | None = None
    weight: float = 1.0
    """How much the labels count when a model is fitted (a reviewer's trust); 1 for authored ones."""
    place: str = ""
    """``file:line`` of the chat."""
    hits: dict[str, Finding] | None = None
    """By rule what it found in the chat, put in by who knows the rules; ``None``: nobody asked them."""

    def label(self, task: Task) -> str | None:
        """Return the label of the whole chat; a sentiment nobody gave follows from its turns' (``course``)."""
        given: str | None = getattr(self, task)
        if given is not None or task is not Task.SENTIMENT:
            return given
        return course(
            [labels for m, labels in zip(self.chat.messages, self.turns, strict=True) if m.role is Role.CUSTOMER]
        )

    @property
    def scenario(self) -> str:
        """The id without its number: what cross-validation leaves out together (``wuliu-cuifa-001`` → ``wuliu-cuifa``).

        >>> LabelledChat(Chat("wuliu-cuifa-001", ()), ()).scenario
        'wuliu-cuifa'
        """
        return self.chat.id.rpartition("-")[0] or self.chat.id


def course(turns: Sequence[TurnLabels]) -> str | None:
    """Return the sentiment of a chat by its labelled turns: the sign of their sum, the second half counting double.

    A chat is neutral where the sum is less than a tenth of what it could be; ``None`` where no turn is labelled.

    >>> course([TurnLabels("negative"), TurnLabels("neutral"), TurnLabels("positive")])
    'positive'
    >>> course([]) is None
    True
    """
    labels = LABELS[Task.SENTIMENT]
    values = [labels.index(turn.sentiment) - 1 for turn in turns if turn.sentiment is not None]
    if not values:
        return None
    weights = [1.0 if 2 * i < len(values) else _WEIGHT_OF_LATE_TURNS for i in range(len(values))]
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    return labels[1] if abs(mean) < 0.1 else labels[2 if mean > 0 else 0]  # noqa: PLR2004 - as documented


def read_labelled(paths: Sequence[Path]) -> list[LabelledChat]:
    """Read files of either form, told apart by their names; a folder stands for its ``*.txt``, sorted.

    Raises ``ModelError`` naming file and line of the first mistake, for an id that occurs twice, and for files without
    a chat.
    """
    chats = [chat for path in paths for file in _files(path) for chat in _read(file)]
    seen: dict[str, str] = {}
    for chat in chats:
        if chat.chat.id in seen:
            raise ModelError(f"{chat.place}: chat {chat.chat.id!r} stands at {seen[chat.chat.id]} already")
        seen[chat.chat.id] = chat.place
    if paths and not chats:
        raise ModelError(f"{', '.join(map(str, paths))}: no chats in there")
    return chats


def parse_notation(text: str, name: str) -> list[LabelledChat]:
    r"""Read the training notation; ``name`` is what mistakes are reported under.

    >>> chat, = parse_notation("== a-001 咨询 物流 已解决 满意\n客0- 到哪了\n服 明天到\n客++ 谢谢", "x.txt")
    >>> chat.resolution, chat.turns[0].satisfaction, chat.chat.messages[1].role.value
    ('resolved', 'dissatisfied', 'agent')
    """
    blocks: list[tuple[int, re.Match[str], list[tuple[Message, TurnLabels]]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("=="):
            blocks.append((number, _head(line, f"{name}:{number}"), []))
        elif blocks:
            blocks[-1][2].append(_turn(line, f"{name}:{number}"))
        else:
            raise ModelError(f"{name}:{number}: a turn before the first '==' line")
    return [_block(head, turns, f"{name}:{number}") for number, head, turns in blocks]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.glob("*.txt"))
        if not found:
            raise ModelError(f"{path}: no *.txt in this folder")
        return found
    return [path]


def _read(path: Path) -> list[LabelledChat]:
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 at byte {error.start}") from None
    if path.suffix == ".txt":
        return parse_notation(text, str(path))
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        return list(_lines(text, str(path)))
    raise ModelError(f"{path}: labelled chats are .txt (training notation), .jsonl or .jsonl.gz")


# --- training notation ---------------------------------------------------------------------------------------------


def _head(line: str, place: str) -> re.Match[str]:
    match = _HEAD.fullmatch(line.rstrip())
    if match is None:
        raise ModelError(f"{place}: expected '== id intent type resolution satisfaction', found {line.strip()!r}")
    allowed: tuple[tuple[str, Sequence[str] | Mapping[str, str]], ...] = (
        ("intent", INTENTS), ("type", TYPES), ("resolution", RESOLUTIONS), ("satisfaction", SATISFACTIONS),
    )  # fmt: skip
    for field, known in allowed:
        if match[field] not in known:
            raise ModelError(f"{place}: {field} {match[field]!r} is none of {' '.join(known)}")
    return match


def _turn(line: str, place: str) -> tuple[Message, TurnLabels]:
    match = _TURN.fullmatch(line.rstrip())
    if match is None:
        raise ModelError(f"{place}: expected '客-0 text', '服 text' or '机 text', found {line.strip()[:40]!r}")
    role, signs = _ROLES[match["role"]], match["signs"]
    message = Message(role=role, text=match["text"])
    if role is not Role.CUSTOMER:
        if signs:
            raise ModelError(f"{place}: only turns of the customer (客) have signs")
        return message, TurnLabels()
    if len(signs) != len(_TURN_TASKS) or any(sign not in _SIGNS for sign in signs):
        raise ModelError(f"{place}: 客 needs two signs of - 0 + (sentiment, satisfaction), found {signs!r}")
    labels = (LABELS[task][_SIGNS.index(sign)] for task, sign in zip(_TURN_TASKS, signs, strict=True))
    return message, TurnLabels(*labels)


def _block(head: re.Match[str], turns: Sequence[tuple[Message, TurnLabels]], place: str) -> LabelledChat:
    if not any(message.role is Role.CUSTOMER for message, _ in turns):
        raise ModelError(f"{place}: chat {head['id']!r} has no turn of the customer")
    return LabelledChat(
        chat=Chat(id=head["id"], messages=tuple(message for message, _ in turns)),
        turns=tuple(labels for _, labels in turns),
        resolution=RESOLUTIONS[head["resolution"]],
        satisfaction=SATISFACTIONS[head["satisfaction"]],
        intent=INTENTS[head["intent"]],
        type=head["type"],
        place=place,
    )


# --- JSON Lines ----------------------------------------------------------------------------------------------------


class _Labels(msgspec.Struct):
    sentiment: str | None = None
    satisfaction: str | None = None
    resolution: str | None = None
    intent: str | None = None
    type: str | None = None


class _Message(msgspec.Struct):
    role: Role
    text: str
    labels: _Labels = msgspec.field(default_factory=_Labels)
    at: int | None = None
    kind: str = "text"


class _Line(msgspec.Struct):
    id: str
    messages: list[_Message]
    labels: _Labels = msgspec.field(default_factory=_Labels)
    pretokenized: bool = False
    weight: float = 1.0


def _lines(text: str, name: str) -> Iterator[LabelledChat]:
    decoder = msgspec.json.Decoder(_Line)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            yield _labelled(decoder.decode(line), place)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise ModelError(f"{place}: {error}") from None


def _labelled(line: _Line, place: str) -> LabelledChat:
    messages = tuple(Message(role=m.role, text=m.text, at=m.at, kind=m.kind) for m in line.messages)
    for turn, message in enumerate(line.messages):
        for task in _TURN_TASKS:
            _check(task, getattr(message.labels, task), f"{place}: turn {turn}")
    for task in Task:
        _check(task, getattr(line.labels, task), place)
    if not 0 < line.weight < float("inf"):
        raise ModelError(f"{place}: weight {line.weight} is not a positive number")
    return LabelledChat(
        chat=Chat(id=line.id, messages=messages, extra={PRETOKENIZED: True} if line.pretokenized else None),
        turns=tuple(TurnLabels(m.labels.sentiment, m.labels.satisfaction) for m in line.messages),
        sentiment=line.labels.sentiment,
        satisfaction=line.labels.satisfaction,
        resolution=line.labels.resolution,
        intent=line.labels.intent,
        type=line.labels.type,
        weight=line.weight,
        place=place,
    )


def _check(task: Task, label: str | None, place: str) -> None:
    if label is not None and label not in LABELS[task]:
        raise ModelError(f"{place}: {task} {label!r} is none of {', '.join(LABELS[task])}")


# --- counting ------------------------------------------------------------------------------------------------------


def counts(chats: Sequence[LabelledChat]) -> dict[str, dict[str, int]]:
    """Return how often each label occurs, by ``level task``; labels nobody gave are not counted."""
    table: dict[str, dict[str, int]] = {}
    for level, task in ((level, task) for level in Level for task in Task):
        if (level, task) == (Level.TURN, Task.RESOLUTION):
            continue
        given = [label for chat in chats for label in labels_of(chat, level, task) if label is not None]
        table[f"{level} {task}"] = {label: given.count(label) for label in LABELS[task]}
    return table


def labels_of(chat: LabelledChat, level: Level, task: Task) -> list[str | None]:
    """Return the labels of all messages (customer turns only have any), or the one of the chat."""
    if level is Level.CHAT:
        return [chat.label(task)]
    return [
        getattr(labels, task) if message.role is Role.CUSTOMER else None
        for message, labels in zip(chat.chat.messages, chat.turns, strict=True)
    ]
