"""What the rules ask of the course of a chat, as most would write it: its times, its events, who speaks when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from benchmarks.naive_ledger import Ledger, Row, Wait, Words
from benchmarks.naive_text import NA, Answer, whole_turns
from qa.policy import Policy

_STICKERS = ("sticker", "emoji", "emotion")


class Course:
    """The operators that search for no words."""

    def __init__(self, policy: Policy, courtesy: Words, holding: Words) -> None:
        self.policy, self.courtesy, self.holding = policy, courtesy, holding

    def _peak(self, at: datetime) -> bool:
        seconds = at.hour * 3600 + at.minute * 60 + at.second
        return any(hours.start_s <= seconds < hours.end_s for hours in self.policy.peak_hours)

    # --- the ledger --------------------------------------------------------------------------------------------------

    def figure(self, body: dict[str, Any], ledger: Ledger, chat: Any) -> Answer:
        """A figure of the ledger beyond its limit."""
        rate = body["figure"] == "within_rate"
        if not ledger.waits or (ledger.reason and not rate):
            return NA
        first = ledger.waits[0]
        opened = body.get("opened", "any")
        if (opened == "peak" and not self._peak(first.opened)) or (opened == "off_peak" and self._peak(first.opened)):
            return NA
        value = ledger.rate(body.get("seconds", 180)) if rate else ledger.figure(body["figure"])
        if value is None:
            return NA
        beyond = value > body["over"] if "over" in body else value < body["under"]
        return ("hit" if beyond else "miss", whole_turns([first.turn], chat), value)

    def wait(self, body: dict[str, Any], ledger: Ledger, chat: Any) -> Answer:
        """A wait that is too long."""
        waits: list[Wait] = [] if ledger.reason else [wait for wait in ledger.waits if wait.response is not None]
        if body.get("first") is False:
            waits = [wait for wait in waits if wait is not ledger.waits[0]]
        if body.get("hours") == "peak":
            waits = [wait for wait in waits if self._peak(wait.opened)]
        if not waits:
            return NA
        late = [wait.turn for wait in waits if (wait.response or 0) > body["over"]]
        return ("hit" if late else "miss", whole_turns(late, chat), max(wait.response or 0 for wait in waits))

    def unanswered(self, body: dict[str, Any], ledger: Ledger, chat: Any) -> Answer:
        """Questions nobody answered."""
        if not ledger.waits or (ledger.reason and not ledger.unanswered):
            return NA
        turns = [wait.turn for wait in ledger.waits if wait.unanswered]
        state = "hit" if len(turns) >= body.get("at_least", 1) else "miss"
        return (state, whole_turns(turns, chat), float(len(turns)))

    def reopened_wait(self, body: dict[str, Any], ledger: Ledger, chat: Any) -> Answer:
        """A customer who came back and waited."""
        waits = [] if ledger.reason else [w for w in ledger.waits if w.reopened and w.substantive is not None]
        if not waits:
            return NA
        late = [wait.turn for wait in waits if (wait.substantive or 0) > body["over"]]
        return ("hit" if late else "miss", whole_turns(late, chat), max(wait.substantive or 0 for wait in waits))

    # --- the end and the hand-over -----------------------------------------------------------------------------------

    def premature_close(self, body: dict[str, Any], ledger: Ledger, chat: Any) -> Answer:  # noqa: ARG002 - of the pack
        """Closed with a question open."""
        rows = _rows(chat)
        end = _closed(rows, chat)
        asked = [row for row in rows if row[2].role == "customer" and end is not None and row[0] <= end]
        if not asked or end is None:
            return NA
        left = bool(ledger.waits) and ledger.waits[-1].unanswered and ledger.waits[-1].opened <= end
        seconds = (end - asked[-1][0]).total_seconds()
        return ("hit", whole_turns([ledger.waits[-1].turn], chat), seconds) if left else ("miss", [], seconds)

    def silence_before_end(self, body: dict[str, Any], chat: Any) -> Answer:
        """Nobody spoke before the end."""
        rows = _rows(chat)
        end = _closed(rows, chat)
        said = [row for row in rows if row[2].role != "system" and end is not None and row[0] <= end]
        if not said or end is None or body.get("role", said[-1][2].role) != said[-1][2].role:
            return NA
        silence = (end - said[-1][0]).total_seconds()
        return ("hit", whole_turns([said[-1][1]], chat), silence) if silence > body["over"] else ("miss", [], silence)

    def handover(self, body: dict[str, Any], chat: Any) -> Answer:
        """A hand-over by an agent that nobody took up in time."""
        rows = _rows(chat)
        events = [
            i
            for i, row in enumerate(rows)
            if row[2].kind == "transfer" and any(before[2].role == "agent" for before in rows[:i])
        ]
        if not events:
            return NA
        turns = set()
        for i in events:
            taken = [row for row in rows[i + 1 :] if row[2].role == "agent"]
            if not taken or (taken[0][0] - rows[i][0]).total_seconds() > body["over"]:
                turns |= {rows[i][1], *[row[1] for row in rows[:i] if row[2].role == "customer"][-1:]}
        return ("hit" if turns else "miss", whole_turns(sorted(turns), chat), None)

    def left_holding(self, body: dict[str, Any], chat: Any) -> Answer:  # noqa: ARG002 - of the pack
        """The agent's last words were to wait."""
        if not any(_spoken(m) and m.role == "agent" and m.kind == "text" for m in chat.messages):
            return NA
        held: list[int] = []
        for turn in reversed(range(len(chat.messages))):
            message = chat.messages[turn]
            if not _spoken(message) or message.kind in _STICKERS:
                continue
            if message.kind == "transfer" and not held:
                return ("miss", [], None)
            if message.role in ("agent", "bot"):
                if message.role == "bot" or message.kind != "text" or not self.holding.match(message.text):
                    break
                held.append(turn)
        return ("hit" if held else "miss", whole_turns(held[::-1], chat), None)

    # --- what the source says ----------------------------------------------------------------------------------------

    def turns(self, body: dict[str, Any], turns: Sequence[int], chat: Any) -> Answer:
        """How many turns."""
        fits = body.get("at_least", 0) <= len(turns) <= body.get("at_most", 10**9)
        return ("hit" if fits else "miss", whole_turns(turns, chat) if fits else [], float(len(turns)))

    def last_speaker(self, body: dict[str, Any], chat: Any) -> Answer:
        """Who has the last word."""
        said = [i for i, m in enumerate(chat.messages) if _spoken(m) and m.kind == "text" and m.role != "system"]
        if not said:
            return NA
        fits = chat.messages[said[-1]].role == body["is"]
        return ("hit" if fits else "miss", whole_turns(said[-1:], chat) if fits else [], None)

    def transfers(self, body: dict[str, Any], chat: Any) -> Answer:
        """How often the chat was handed on."""
        found = [i for i, m in enumerate(chat.messages) if m.role == "system" and m.kind == "transfer" and _spoken(m)]
        fits = len(found) >= body["at_least"]
        return ("hit" if fits else "miss", whole_turns(found, chat) if fits else [], float(len(found)))

    def followup(self, body: dict[str, Any], chat: Any) -> Answer:
        """Whether the customer was contacted again."""
        if chat.followups is None:
            return NA
        end = chat.ended_at or max(message.at for message in chat.messages)
        limit = end + timedelta(hours=body["within_hours"])
        kinds = [*body.get("kinds", ()), *([body["kind"]] if body.get("kind") else [])]
        right = [f for f in chat.followups if not kinds or f.get("kind") in kinds]
        made = [f for f in right if end <= datetime.fromisoformat(f["at"]).replace(tzinfo=None) <= limit]
        return ("hit" if made else "miss", [], None)

    def earlier_chats(self, body: dict[str, Any], chat: Any) -> Answer:
        """Earlier chats of the same customer."""
        if chat.earlier is None:
            return NA
        limit = chat.started_at - timedelta(hours=body["within_hours"])
        number = len([begun for begun in chat.earlier if limit <= begun < chat.started_at])
        return ("hit" if number >= body["at_least"] else "miss", [], float(number))

    def opinion(self, body: dict[str, Any], chat: Any) -> Answer:  # noqa: ARG002 - there is no model here
        """Nothing without a model."""
        return NA

    def field(self, body: dict[str, Any], chat: Any) -> Answer:
        """A field of the chat."""
        value = getattr(chat, body["field"])
        if value is None:
            return NA
        fits = value <= body["at_most"] if "at_most" in body else value >= body["at_least"]
        return ("hit" if fits else "miss", [], value)


def _spoken(message: Any) -> bool:
    return not (message.withdrawn or message.private)


def _rows(chat: Any) -> list[Row]:
    """What was said and what happened, by time; nothing when a time is missing."""
    rows = [
        (message.at, turn, message)
        for turn, message in enumerate(chat.messages)
        if _spoken(message) and (message.role != "system" or message.kind in ("transfer", "closed"))
    ]
    return [] if any(row[0] is None for row in rows) else sorted(rows, key=lambda row: row[0])


def _closed(rows: Sequence[Row], chat: Any) -> datetime | None:
    events = [row[0] for row in rows if row[2].role == "system" and row[2].kind == "closed"]
    return events[-1] if events else chat.ended_at
