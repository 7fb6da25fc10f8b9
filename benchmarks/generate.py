"""A day of generated chats as canonical JSON Lines: seeded, streaming, about 20 messages a chat, hardly one twice.

    python benchmarks/generate.py --chats 20000 --out day.jsonl

Chat ``n`` depends only on the seed and the number of agents, so a shorter day is the beginning of a longer one.
"""

from __future__ import annotations

import argparse
import random
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

DAY = "2026-11-20"
VOCABULARY = Path(__file__).with_name("vocabulary.toml")
BLOCK = 1000
"""Chats that share one random generator."""
_DAY_S = 86_400
_CORES, _EDGES, _PLANS = 1 << 16, 1 << 8, 1 << 12
_PEAKS = ((10, 1.6, 0.40), (15, 2.2, 0.30), (20.5, 1.8, 0.22))  # hour, spread in hours, share; the rest is even
_ZIPF = 0.8
_NOTHING = ("",)


class Pool(NamedTuple):
    """Messages of one kind: any opener, any core, any end; ``head`` and ``tail`` are the JSON around the text."""

    head: str
    openers: list[str]
    cores: list[str]
    ends: list[str]
    tail: str
    agent: bool


class Plan(NamedTuple):
    """The course of a chat: which pool speaks when, and how slow the agent is (1: in good time)."""

    course: tuple[Pool, ...]
    pace: float


def generate(chats: int, *, seed: int = 1, messages: int = 20, agents: int | None = None) -> Iterator[str]:
    """Lines of JSON, one a chat, each ending in a line feed. ``messages``: about so many a chat."""
    maker = _Maker(seed, messages, agents or agents_for(chats))
    for start in range(0, chats, BLOCK):
        yield from maker.block(start, min(BLOCK, chats - start))


def agents_for(chats: int) -> int:
    """How many agents serve such a day: 50 to 500.

    >>> agents_for(1000), agents_for(20_000), agents_for(1_000_000)
    (50, 100, 500)
    """
    return max(50, min(500, chats // 200))


class _Maker:
    def __init__(self, seed: int, messages: int, agents: int) -> None:
        self._seed, self._agents = seed, agents
        rng = random.Random(seed)
        library = _Library(rng)
        self._plans = [library.plan(messages) for _ in range(_PLANS)]
        first = date.fromisoformat(DAY)
        days = [(first + timedelta(days=n)).isoformat() for n in range(3)]
        self._clock = [
            f"{days[s // _DAY_S]}T{s // 3600 % 24:02}:{s // 60 % 60:02}:{s % 60:02}+08:00" for s in range(3 * _DAY_S)
        ]
        hours = [-(((h + 0.5 - peak) / width) ** 2) / 2 for peak, width, _ in _PEAKS for h in range(24)]
        weights = [
            sum(share * np.exp(hours[24 * i + h]) / width for i, (_, width, share) in enumerate(_PEAKS)) + 0.004
            for h in range(24)
        ]
        self._hours = np.array(weights) / sum(weights)

    def block(self, first: int, chats: int) -> Iterator[str]:
        """The chats of one block, all random numbers drawn at once."""
        rng = np.random.default_rng([self._seed, first // BLOCK])
        plans = [self._plans[i] for i in rng.integers(0, _PLANS, BLOCK).tolist()]
        hours = rng.choice(24, BLOCK, p=self._hours)
        starts = (hours * 3600 + rng.integers(0, 3600, BLOCK)).tolist()
        heads = self._heads(rng, first)
        ends = rng.random((BLOCK, 4)).tolist()
        number = sum(len(plan.course) for plan in plans)
        draws = iter(rng.integers(0, 1 << 62, number).tolist())
        quick = iter(np.minimum(rng.lognormal(2.3, 0.45, number), 200).tolist())
        slow = iter((1 + np.minimum(rng.lognormal(3.0, 0.9, number), 900)).astype(int).tolist())
        for plan, head, start, end in zip(plans[:chats], heads, starts, ends, strict=False):
            yield self._chat(plan, head, start, end, draws, quick, slow)

    def _heads(self, rng: np.random.Generator, first: int) -> list[str]:
        served = np.minimum(rng.zipf(1.2, BLOCK) - 1, rng.integers(0, self._agents, BLOCK)).tolist()
        customers = rng.integers(0, 1 << 40, BLOCK).tolist()
        vip = (rng.random(BLOCK) < 0.02).tolist()
        channel = rng.choice(["app", "web", "mini"], BLOCK).tolist()
        return [
            f'{{"id":"b-{first + n:08}","merchant":"bench","channel":"{channel[n]}","agent":{{"id":"a-{agent:03}",'
            f'"team":"t-{agent % 12:02}"}},"customer":{{"id":"u-{customers[n]:011x}"{_VIP if vip[n] else ""}}},'
            f'"messages":['
            for n, agent in enumerate(served)
        ]

    def _chat(
        self,
        plan: Plan,
        head: str,
        start: int,
        end: list[float],
        draws: Iterator[int],
        quick: Iterator[float],
        slow: Iterator[int],
    ) -> str:
        clock, pace, at = self._clock, plan.pace, start
        parts = []
        for (opening, openers, cores, ends, closing, agent), r in zip(plan.course, draws, strict=False):
            at += int(next(quick) * pace) if agent else next(slow)
            text = f"{openers[r & 255]}{cores[r >> 8 & 65535]}{ends[r >> 24 & 255]}"
            parts.append(f'{opening}{text}{closing}{clock[at]}"}}')
        csat, escalated, follow, late = end
        parts_text = ",".join(parts)
        rated = f',"csat":{_CSAT[int(csat * 100)]}' if csat < 0.6 else ""
        up = ',"escalated":true' if escalated < 0.01 else ""
        after = f'{{"at":"{clock[at + 600 + int(late * 70_000)]}","kind":"survey"}}' if follow < 0.93 else ""
        return (
            f'{head}{parts_text}],"started_at":"{clock[start]}","ended_at":"{clock[at]}","status":"closed"'
            f'{rated}{up},"followups":[{after}]}}\n'
        )


_VIP = ',"tier":"vip"'
_CSAT = (1, 2, *[3] * 6, *[4] * 17, *[5] * 35)
"""Ratings of the sixty of a hundred customers who rate."""


def _zipf(rng: random.Random, items: Sequence[str], number: int) -> list[str]:
    """``number`` draws, the n-th item with a weight of 1 / n^0.8."""
    return rng.choices(items, [1 / (n + 1) ** _ZIPF for n in range(len(items))], k=number)


class _Library:
    """All pools, and the plans made of them."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        words = tomllib.loads(VOCABULARY.read_text(encoding="utf-8"))
        customer, agent, others = words["customer"], words["agent"], words["others"]
        fields = words["fields"]
        fields |= {"other": fields["product"][::-1], "other_colour": fields["colour"][::-1]}
        self._fields = {name: _zipf(rng, values, 4096) for name, values in fields.items()}
        ask = (customer["openers"], customer["question_ends"])
        tell = (agent["openers"], agent["answer_ends"])
        self.question = self._pool("customer", customer["questions"], *ask, _CORES)
        self.chatter = self._pool("customer", customer["chatter"], ask[0], customer["chatter_ends"], _CORES)
        self.complaint = self._pool("customer", customer["complaints"])
        self.praise = self._pool("customer", customer["praises"])
        self.courtesy = self._pool("customer", customer["courtesies"])
        self.image = self._pool("customer", others["image"], kind="image")
        self.greeting = self._pool("agent", agent["greetings"], _NOTHING, agent["greeting_ends"])
        self.bare = self._pool("agent", agent["bare_greetings"])
        self.confirm = self._pool("agent", agent["confirms"], *tell)
        self.hold = self._pool("agent", agent["holds"])
        self.answer = self._pool("agent", agent["answers"], *tell, _CORES)
        self.withdrawn = self._pool("agent", agent["answers"], *tell, withdrawn=True)
        self.apology = self._pool("agent", agent["apologies"])
        self.care = self._pool("agent", agent["cares"])
        self.innocent = self._pool("agent", agent["innocent"])
        self.invitation = self._pool("agent", agent["invitations"], *tell)
        self.closing = self._pool("agent", agent["closings"])
        self.wrong = {kind: self._pool("agent", texts) for kind, texts in words["wrongs"].items()}
        self.red = [self._pool("agent", texts) for texts in words["red_lines"].values()]
        self.transfer = self._pool("system", others["transfer"], kind="transfer")
        self.bot = self._pool("bot", others["bot"])

    def _pool(
        self,
        role: str,
        templates: Sequence[str],
        openers: Sequence[str] = _NOTHING,
        ends: Sequence[str] = _NOTHING,
        size: int = 1024,
        *,
        kind: str = "text",
        withdrawn: bool = False,
    ) -> Pool:
        rng = self._rng
        cores = [template.format_map(self._draw()) for template in _zipf(rng, templates, size)]
        marks = ("" if kind == "text" else f'"kind":"{kind}",') + ('"withdrawn":true,' if withdrawn else "")
        return Pool(
            f'{{"role":"{role}","text":"', rng.choices(openers, k=_EDGES), cores * (_CORES // size),
            rng.choices(ends, k=_EDGES), f'",{marks}"at":"', role == "agent",
        )  # fmt: skip

    def _draw(self) -> dict[str, str]:
        rng = self._rng
        bits = rng.getrandbits(12 * len(self._fields))
        drawn = {name: values[bits >> 12 * n & 4095] for n, (name, values) in enumerate(self._fields.items())}
        return drawn | {"order": str(rng.randrange(10**9, 10**10)), "price": str(rng.randrange(3, 900))}

    def _same(self, pool: Pool) -> Pool:
        """One text of a pool, said in the same words every time."""
        return pool._replace(openers=[""] * _EDGES, cores=[self._rng.choice(pool.cores)] * _CORES, ends=[""] * _EDGES)

    def plan(self, messages: int) -> Plan:
        """One course of a chat; three in ten go wrong somewhere, one in 250 crosses a red line."""
        rng = self._rng
        wrong = rng.choice(_WRONG_TURNS) if rng.random() < 0.3 else ""
        length = max(6, round(messages * rng.lognormvariate(-0.08, 0.4)))
        course = [self.bot, self.transfer] if rng.random() < 0.15 else []
        course = [self.question, *course, self.bare if wrong == "greeting" else self.greeting]
        course += [self.question] if wrong == "needs" else [self.chatter, self.confirm]
        while len(course) < length - 5:
            course += self._round()
        self._spoil(course, wrong)
        if rng.random() < 0.004:
            course.insert(rng.randrange(3, len(course)), rng.choice(self.red))
        course += [self.praise if rng.random() < 0.05 else self.courtesy]
        course += [] if wrong == "invitation" else [self.invitation]
        course += [] if wrong == "closing" else [self.courtesy, self.closing]
        course += [self.question] if wrong == "unanswered" else []
        return Plan(tuple(course), rng.uniform(3, 12) if wrong == "slow" else 1)

    def _round(self) -> list[Pool]:
        rng = self._rng
        said = [rng.choice((self.question, self.question, self.chatter)) for _ in range(rng.choice((1, 1, 2)))]
        said += [self.image] if rng.random() < 0.05 else []
        answers = [self.answer] * rng.choice((1, 1, 1, 2))
        held = [self.hold] if rng.random() < 0.15 else []
        extra = [pool for pool in (self.innocent, self.care, self.withdrawn) if rng.random() < 0.02]
        return [*said, *held, *answers, *extra, *([self.courtesy] if rng.random() < 0.1 else [])]

    def _spoil(self, course: list[Pool], wrong: str) -> None:
        rng = self._rng
        if wrong in self.wrong:
            for _ in range(2):
                course.insert(rng.randrange(3, len(course)), self.wrong[wrong])
        elif wrong == "complaint":
            course += [self.complaint, *([self.apology] if rng.random() < 0.5 else []), self.answer]
        elif wrong == "paste":
            pasted = self._same(self.answer)
            course += [self.question, pasted, self.chatter, pasted, self.question, pasted]
        elif wrong == "again":
            asked = self._same(self.question)
            course += [asked, self.hold, asked, self.answer]
        elif wrong == "transfers":
            course += [self.transfer, self.greeting, self.transfer, self.answer, self.transfer, self.answer]


_WRONG_TURNS = (
    "greeting", "needs", "invitation", "closing", "unanswered", "slow", "slow", "forbidden", "impatience", "absolute",
    "blame", "short", "complaint", "complaint", "paste", "again", "transfers",
)  # fmt: skip


def write(path: Path, chats: int, *, seed: int = 1, messages: int = 20) -> None:
    """Write a generated day to a file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(generate(chats, seed=seed, messages=messages))


def main() -> None:
    """Write the day that the command line asks for."""
    parser = argparse.ArgumentParser(description="Write a generated day of chats as canonical JSON Lines.")
    parser.add_argument("--chats", type=int, default=20_000)
    parser.add_argument("--messages", type=int, default=20, help="about so many a chat")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write(given.out, given.chats, seed=given.seed, messages=given.messages)


if __name__ == "__main__":
    main()
