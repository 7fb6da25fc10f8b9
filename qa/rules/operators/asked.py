"""Questions that get a question for an answer."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from qa.rules.asking import ends_asking
from qa.rules.base import Judge, Judgement, Operator, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.finder import Finder, Words, listed
from qa.rules.view import View
from qa.text import Level
from qa.types import Role


class CounterQuestion(Operator):
    """The agent answered ``at_least`` so many questions of the customer only with questions; each such turn is quoted.

    A customer's turn asks when one of its sentences does, the agent's when the last one does: by its mark, its particle
    (吗, 呢) or its words (怎么, 能不能). The answer is what the agent writes until the customer's next turn, holding
    phrases aside; it must all ask. Answers with a word of ``except`` or ``except_list`` — asking for the order number,
    say — do not count. Not applicable without a question of the customer's that was answered.

    Example: ``{counter_question: {at_least: 2, except: [订单号, 尺码], except_list: [needs]}}``
    """

    name: ClassVar[str] = "counter_question"

    at_least: int = Field(default=1, ge=1)
    except_: Words = Field(default=(), alias="except")
    except_list: tuple[str, ...] = ()

    def compile(self, bench: Bench) -> Judge:
        """Return the judge."""
        words = [*self.except_, *listed(bench, self.except_list)]
        sensible = Finder(Level.FOLD, bench.phrases(Level.FOLD, words), negated=True, quoted=True) if words else None

        def judge(view: View) -> Judgement:
            answers = _answers(view)
            if not answers:
                return not_applicable("no answered question")
            turns = tuple(turn for answer in answers for turn in answer)
            found = [answer for answer in answers if all(ends_asking(view.text(t)) for t in answer)]
            if found and sensible is not None:
                excused = {place[0] for place in sensible(view, turns)}
                found = [answer for answer in found if excused.isdisjoint(answer)]
            value = float(len(found))
            if len(found) < self.at_least:
                return miss(turns, value)
            return hit(tuple((t, 0, len(view.text(t))) for answer in found for t in answer), value=value)

        return judge


def _answers(view: View) -> list[list[int]]:
    """The agent's turns, holding phrases aside, behind each of the customer's turns that ask."""
    holding = view.context.ledger.holding
    answers: list[list[int]] = []
    asked = False
    current: list[int] = []
    for turn in view.turns:
        message = view.chat.messages[turn]
        if message.role is Role.CUSTOMER:
            if current:
                answers.append(current)
                asked = False
            asked, current = asked or view.asks(turn), []
        elif message.role is Role.AGENT and asked and not holding(message.text):
            current.append(turn)
    return [*answers, current] if current else answers
