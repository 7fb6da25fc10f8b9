"""What people of the demo say and do before its workbench is photographed: reviews, quotas, cases, a candidate model.

Everything goes through the product's own functions, into a copy of the demo. Chats are named by their ids: the demo
generates the same ones every time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, exists, func, select

from qa.accounts import NewUser, add_user
from qa.boards.rollup import roll_up
from qa.casebook import CaseDraft, CaseNote, create, set_state
from qa.casebook.collecting import collect, create_collection
from qa.config import Settings
from qa.judging import Draft, Given, Viewer, open_page, submit, written
from qa.people import Scope, User, UserRole
from qa.privacy import POLICY
from qa.queueing import Worker, claim, claim_next, set_quota
from qa.reviewing import Options, import_reviews
from qa.store.accounts import find_user
from qa.store.audit import Act
from qa.store.board_tables import chat_facts
from qa.store.case_filters import CaseState
from qa.store.case_tables import cases
from qa.store.session import read_tx
from qa.store.tables import chats, flags, inspections, nights
from qa.types import MICROSECONDS, Instant

EVERYTHING = Scope()
PEOPLE = (
    NewUser("specialist", UserRole.SPECIALIST, "林晓"),
    NewUser("specialist2", UserRole.SPECIALIST, "方佳"),
    NewUser("specialist3", UserRole.SPECIALIST, "许安"),
    NewUser("lead", UserRole.LEAD, "周敏"),
    NewUser("trainer", UserRole.TRAINER, "陈培"),
    NewUser("agent", UserRole.AGENT, "小禾", ("qingmu",), None, "qm-01"),
)
"""Whose day is photographed; the names are invented."""
QUOTAS = {"specialist": (40, 4), "specialist2": (40, 2), "specialist3": (30, 2)}
"""Account → chats to review this day, and reviewed by now."""
CANDIDATE = "reviews"
_DAYS_WAITING = 2
_WELL = 90
REVIEWERS = ("specialist", "specialist2", "specialist3")
REMARKS = ("这单说得清楚，语气也稳，保持住。", "结论没问题，下次先把等待的时间说给客户听。")
"""What reviewers wrote to the agent: of a good score, of another one."""
_LOW, _MIDDLE = 25, 50
_EVERY = 3
_MINUTE = 60 * MICROSECONDS


class Story(NamedTuple):
    """A case to be made of a chat."""

    chat: str
    title: str
    kind: str
    tags: str
    scenario: str
    question: str
    star: tuple[str, str, str, str] = ("", "", "", "")
    notes: tuple[CaseNote, ...] = ()


def good(turn: int, text: str) -> CaseNote:
    """Return a note on a whole message that praises."""
    return CaseNote(turn, good=True, text=text)


def bad(turn: int, text: str) -> CaseNote:
    """Return a note on a whole message that says what went wrong."""
    return CaseNote(turn, good=False, text=text)


STORIES = (
    Story(
        "qm-20261020-0007", "“肯定会解决”不是答复", "typical", "空头承诺，跟进", "售后", "发票",
        ("客户要补开专票，最后问：这个问题你们会处理吗。", "给出谁来办、办什么、什么时候办完。",
         "只说“肯定会帮您解决的”。", "客户以“嗯嗯”结束，事情没有落点，多半还会再来。"),
        (bad(14, "没有责任人、没有时间。可以说：我已登记，今天 18 点前把开票结果发到这个会话里。"),
         good(8, "这一句是对的：办了什么、要多久，都说清楚了。")),
    ),
    Story(
        "xy-20261030-0046", "问到账时间，只答“走完就行”", "typical", "退款，时效", "售后", "退款",
        ("客户问退的钱什么时候收到。", "说明去向、时限、查询方法。", "只答“手续走完就行了”。", "三个要点一个都没有。"),
        (bad(7, "退款三要点：原路退回、几个工作日、在哪里看进度。"),),
    ),
    Story(
        "lx-20261029-0024", "客户说“太差了”，接了一句“好吧”", "typical", "安抚，投诉", "售前", "商品质量",
        ("问答顺利，客户忽然说东西太差。", "先接住情绪，再问是哪一点。", "回了“好吧”，接着答包装。", "不满没有人管。"),
        (bad(15, "先道歉，再问：是哪一件、哪里不满意？我来处理。"),),
    ),
    Story(
        "lx-20261029-0023", "图片发不了，就把客户引到微信", "typical", "红线，站外", "售后", "退货",
        ("客户要退货，图片在会话里发不过去。", "在平台内收到凭证。", "让客户加个人微信。", "一票否决，整单零分。"),
        (bad(9, "站外联系是红线。应当请客户在退款申请里上传凭证。"),
         good(5, "先说明还在七天时限内，客户就放心了。")),
    ),
    Story(
        "xy-20261030-0054", "“只能等着”：三次推托之后的投诉", "typical", "推诿，催促，投诉", "售后", "退换货",
        ("徒步鞋有质量问题，客户连问三次处理进度。", "给出确定的时间，或说明何时会有。",
         "三次都让客户等，后来又反问“你到底要不要”。", "客户投诉；补偿和加急本来都能给，却晚了四轮。"),
        (bad(6, "“等着吧”没有给任何信息。可以说：仓库今天 16 点前回复，我收到就告诉您。"),
         bad(10, "第三次仍然没有时间点，客户接着就投诉。"),
         good(12, "有单号、有日期，这才是客户要的答复。"),
         bad(16, "反问会把已经平息的情绪再点着。")),
    ),
    Story(
        "lx-20261030-0029", "从“太让人失望”到“处理得很快”", "excellent", "安抚，主动解决", "售后", "质量问题",
        ("客户买的东西没用两回就坏了，情绪很重。", "先接住情绪，同时给出能马上兑现的办法。",
         "一句话里道歉、换新、说清取件时间。", "下一句客户就说处理得很快，并道谢。"),
        (good(14, "三件事一句说完：致歉，换新现在提交，周四前取。没有让客户追问。"),
         good(16, "不揽功，客户听着舒服。")),
    ),
)  # fmt: skip
SHOWN = "xy-20261030-0054"
"""A chat in which the agent puts a customer off three times: several rules fire."""
COLLECTION = ("十月周会：把话说到底", "推诿、空头承诺与退款要点；附一个说得好的。")


class Life:
    """A copy of the demo and what happens in it. ``at`` is this morning."""

    def __init__(self, engine: Engine, settings: Settings, at: Instant) -> None:
        """Take the copy."""
        self.engine, self.settings, self.at = engine, settings, at

    def act(self, by: str, minutes: int = 0) -> Act:
        """Who does something, and when."""
        return Act(by, self.at + minutes * _MINUTE)

    def inspection(self, chat: str) -> int:
        """Return the inspection of a chat of the demo.

        Raises:
            SystemExit: the demo has no such chat: it generates others by now, so choose another one here.
        """
        query = select(inspections.c.id).join(chats, chats.c.id == inspections.c.chat_pk).where(chats.c.chat_id == chat)
        with read_tx(self.engine) as connection:
            found = connection.execute(query.order_by(inspections.c.id.desc())).scalars().first()
        if found is None:
            sys.exit(f"the demo has not inspected {chat!r}: choose another chat in {Path(__file__).name}")
        return int(found)

    def is_new(self) -> bool:
        """Whether nobody has worked in this copy yet."""
        with read_tx(self.engine) as connection:
            return find_user(connection, PEOPLE[0].name) is None

    def audit(self) -> int:
        """Return an inspection that waits for its blind review."""
        query = select(flags.c.inspection_id).where(flags.c.reason == "audit").order_by(flags.c.inspection_id.desc())
        with read_tx(self.engine) as connection:
            return int(connection.execute(query).scalars().first() or 0)

    def night(self) -> int:
        """Return the newest night of the first merchant."""
        query = select(nights.c.id).order_by(nights.c.day.desc(), nights.c.merchant)
        with read_tx(self.engine) as connection:
            return int(connection.execute(query).scalars().first() or 0)

    def standard(self) -> str:
        """Return the standard that judged the newest night."""
        with read_tx(self.engine) as connection:
            return str(
                connection.execute(select(inspections.c.ruleset).order_by(inspections.c.id.desc())).scalars().first()
            )

    def case(self) -> int:
        """Return the case of the chat that is shown."""
        with read_tx(self.engine) as connection:
            return int(connection.execute(select(func.max(cases.c.id)).where(cases.c.chat_id == SHOWN)).scalar_one())

    def own(self) -> int:
        """Return an inspection of the agent's own: the newest that lost points and was not drawn for audit."""
        f = chat_facts.c
        audit = exists().where(flags.c.inspection_id == f.inspection_id, flags.c.reason == "audit")
        query = select(f.inspection_id).where(f.agent_id == PEOPLE[-1].agent_id, f.score.between(70, _WELL), ~audit)
        with read_tx(self.engine) as connection:
            return int(connection.execute(query.order_by(f.day.desc())).scalars().first() or 0)

    def begin(self) -> None:
        """Let everything happen, in the order of a day."""
        users = {one.name: add_user(self.engine, self.act("lead"), one, f"link-{one.name}")[0] for one in PEOPLE}
        self._work_off()
        lead = Worker(users["lead"], EVERYTHING)
        self.hold("specialist", SHOWN)  # before anybody reviews it
        for name, (quota, done) in QUOTAS.items():
            set_quota(self.engine, self.act("lead", -90), lead, users[name].id, self._day(), quota)
            for number in range(done):
                self._review(users[name], number - done)
        for number, name in enumerate(("specialist2", "specialist3")):
            claim_next(self.engine, self.act(name, -number), Worker(users[name], EVERYTHING))
        self._curate()
        roll_up(self.engine, self.settings.zone)

    def _work_off(self) -> None:
        """Let the month's reviewers have read what was flagged until two days ago, and some more chats besides.

        What they say follows from what the customer said and did afterwards; where that is unknown they agree with
        the score.
        """
        file = self.settings.data_dir / "month.jsonl"
        file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in self._month()), "utf-8")
        import_reviews([file], self.engine, Options(lambda _: self.settings.zone, self.at, self.settings.data_dir))

    def _month(self) -> Iterator[dict[str, Any]]:
        f = chat_facts.c
        audit = exists().where(flags.c.inspection_id == f.inspection_id, flags.c.reason == "audit").label("audit")
        flagged = exists().where(flags.c.inspection_id == f.inspection_id).label("flagged")
        until = self._day(-_DAYS_WAITING)
        query = (
            select(chats.c.chat_id, f.merchant, f.day, f.satisfaction, f.solved, f.score, f.agent_id, audit, flagged)
            .join(chats, chats.c.id == f.chat_pk)
            .where(f.day < until, f.score.is_not(None))
            .order_by(f.inspection_id)
        )
        with read_tx(self.engine) as connection:
            rows = connection.execute(query).all()
        for number, row in enumerate(rows):
            said = _said(row)
            if row.flagged or number % _EVERY == 0:
                yield {
                    "merchant": row.merchant, "chat": row.chat_id, "at": f"{row.day}T23:00:00+08:00",
                    "kind": "audit" if row.audit else "queue", "reviewer": REVIEWERS[number % len(REVIEWERS)],
                } | said | self._remark(row)  # fmt: skip

    def _remark(self, row: Any) -> dict[str, str]:
        mine = row.agent_id == PEOPLE[-1].agent_id and row.day > self._day(-2 * _DAYS_WAITING - 1)
        return {"comment": REMARKS[row.score < _WELL]} if mine and row.flagged and not row.audit else {}

    def _day(self, days: int = 0) -> str:
        at = datetime.fromtimestamp(self.at / MICROSECONDS, self.settings.zone) + timedelta(days=days)
        return at.date().isoformat()

    def _review(self, user: User, minutes: int) -> None:
        """Review the next chat of the queue, as somebody who finds the machine right."""
        act, worker = self.act(user.name, 3 * minutes), Worker(user, EVERYTHING)
        found = claim_next(self.engine, act, worker)
        if found is None:
            sys.exit("nothing is left in the demo's queue")
        viewer = Viewer(user.name, POLICY[user.role], judges=True)
        page = open_page(self.engine, found.inspection_id, viewer, self.settings.zone)
        given = tuple(Given(one.id, "confirm") for one in page.machine.findings) if page.machine else ()
        token = f"{user.name}-{found.inspection_id}"
        draft = Draft(token, written(page.state), given, resolution="unresolved", excellent=False)
        submit(self.engine, act, found.inspection_id, viewer, draft)

    def _curate(self) -> None:
        act = self.act("trainer", -30)
        about, told = COLLECTION
        weekly = create_collection(self.engine, act, EVERYTHING, about, told, None)
        for number, story in enumerate(STORIES):
            star = dict(zip(("situation", "task", "action", "result"), story.star, strict=True))
            draft = CaseDraft(
                story.title, story.kind, story.tags, story.scenario, story.question, star, story.notes
            )  # fmt: skip
            at = self.act("trainer", -30 + 3 * number)
            case = create(self.engine, at, self.inspection(story.chat), draft)
            set_state(self.engine, at, case, CaseState.PUBLISHED)
            collect(self.engine, at, weekly, case)

    def hold(self, name: str, chat: str) -> int:
        """Claim a chat for somebody, so that the page shows it as theirs; returns its inspection."""
        inspection = self.inspection(chat)
        with read_tx(self.engine) as connection:
            user = find_user(connection, name)
        if user is None:
            sys.exit(f"there is no account {name!r}")
        claim(self.engine, self.act(name), Worker(user, EVERYTHING), inspection)
        return inspection


def _said(row: Any) -> dict[str, Any]:
    """Return what a reviewer says of a chat."""
    points, said = row.satisfaction, {}
    if points is not None:
        said["satisfaction"] = "dissatisfied" if points <= _LOW else "neutral" if points <= _MIDDLE else "satisfied"
    if row.solved is not None:
        said["resolution"] = "resolved" if row.solved else "unresolved"
    return said or {"score": row.score}


def train(folder: Path) -> None:
    """Train a candidate from the reviews of the copy, as the workbench would; a few minutes."""
    command = [sys.executable, "-m", "qa", "models", "train", "--from-reviews", "--name", CANDIDATE, "--by", "lead"]
    subprocess.run(  # noqa: S603 - our own command
        command, env=os.environ | {"QA_DATA_DIR": str(folder)}, check=True
    )
