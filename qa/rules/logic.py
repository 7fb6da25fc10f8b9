"""Conditions: operators combined with all / any / not / at_least, compiled to one judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from qa.errors import PackError
from qa.rules import quiet, scoping
from qa.rules.base import (
    HIT,
    MISS,
    MISSED,
    NOT_APPLICABLE,
    NOT_MET,
    Judge,
    Judgement,
    alternatives,
    hit,
    miss,
    searched_by,
    together,
)
from qa.rules.bench import Bench
from qa.rules.mistakes import NOT_A_FLAG, first_mistake, flag_for_number, nearest
from qa.rules.quiet import Glance
from qa.rules.registry import operators
from qa.rules.silence import of_all, of_gate, of_not, of_operator, of_some, silent, unless_silent

Path = tuple[str | int, ...]


class LocatedError(PackError):
    """A mistake at ``path`` inside a pack; the loader turns the path into line and column."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path = path


def compile_condition(node: Any, bench: Bench, path: Path = ()) -> Judge:
    """Compile a condition of a pack to a judge; LocatedError names the place of the first mistake."""
    if not isinstance(node, dict) or len(node) != 1:
        raise LocatedError(path, "a condition is a mapping with exactly one key: an operator, all, any, not, …")
    ((name, body),) = node.items()
    here = (*path, name)
    if name in _LOGIC:
        return _LOGIC[name](body, bench, here)
    kind = operators().get(name)
    if kind is None:
        raise LocatedError(here, f"unknown operator {name!r}{nearest(str(name), sorted({*operators(), *_LOGIC}))}")
    if (flag := flag_for_number(kind, body)) is not None:
        raise LocatedError((*here, flag), NOT_A_FLAG)
    try:
        operator = kind.model_validate(body)
        bench.waiting = None
        judge = unless_silent(operator.compile(bench), of_operator(operator, bench), bench)
        return _seen(judge, scoping.of_operator(operator, bench), bench)
    except ValidationError as problem:
        path, reason = first_mistake(problem, kind)
        raise LocatedError((*here, *path), reason) from None
    except LocatedError:
        raise
    except PackError as problem:
        raise LocatedError(here, str(problem)) from None


def _list(body: Any, bench: Bench, path: Path) -> list[Judge]:
    if not isinstance(body, list) or not body:
        raise LocatedError(path, "needs a list of one or more conditions")
    return [compile_condition(node, bench, (*path, i)) for i, node in enumerate(body)]


def _all(body: Any, bench: Bench, path: Path) -> Judge:
    judges = _list(body, bench, path)

    def judge(view: Any) -> Judgement:
        answers = []
        unknown = None
        for part in judges:
            answer = part(view)
            if answer.state is MISS:
                return answer
            if answer.state is NOT_APPLICABLE:
                unknown = unknown or answer
            answers.append(answer)
        return unknown or together(answers)

    told = unless_silent(judge, of_all([bench.silences.get(part) for part in judges]), bench)
    return _seen(told, quiet.of_all([_glance(part, bench) for part in judges]), bench)


def _any(body: Any, bench: Bench, path: Path) -> Judge:
    return _at_least_of(_list(body, bench, path), 1, bench)


def _at_least(body: Any, bench: Bench, path: Path) -> Judge:
    if not isinstance(body, dict) or set(body) != {"n", "of"}:
        raise LocatedError(path, "needs exactly 'n' and 'of'")
    judges = _list(body["of"], bench, (*path, "of"))
    n = body["n"]
    if type(n) is not int or not 1 <= n <= len(judges):
        raise LocatedError((*path, "n"), f"must be a whole number from 1 to {len(judges)}")
    return _at_least_of(judges, n, bench)


def _at_least_of(judges: Sequence[Judge], n: int, bench: Bench) -> Judge:
    """At least ``n`` of them; an unknown one matters only where it could make up the number."""
    cited = bench.cited

    def judge(view: Any) -> Judgement:
        answers = [part(view) for part in judges]
        hits = [answer for answer in answers if answer.state is HIT]
        if len(hits) >= n:
            return alternatives(hits) if n == 1 else together(hits)
        unknown = [answer for answer in answers if answer.state is NOT_APPLICABLE]
        if len(hits) + len(unknown) >= n:
            return unknown[0]
        return miss(searched_by(answers)) if cited else MISSED

    told = unless_silent(judge, of_some([bench.silences.get(part) for part in judges], n), bench)
    return _seen(told, quiet.of_some([_glance(part, bench) for part in judges], n, every=bench.naming), bench)


def _not(body: Any, bench: Bench, path: Path) -> Judge:
    before, bench.cited = bench.cited, True
    inner = compile_condition(body, bench, path)
    bench.cited = before

    def judge(view: Any) -> Judgement:
        answer = inner(view)
        if answer.state is HIT:
            return miss(value=answer.value)
        if answer.state is MISS:
            return hit(searched=answer.searched, value=answer.value)
        return answer

    return _seen(silent(judge, of_not(bench.silences.get(inner)), bench), quiet.of_not(_glance(inner, bench)), bench)


def _seen(judge: Judge, glance: Glance | None, bench: Bench) -> Judge:
    """Return the judge, its glance noted with the bench."""
    if glance is not None:
        bench.glances[judge] = glance
    return judge


def _glance(judge: Judge, bench: Bench) -> Glance:
    return bench.glances.get(judge, quiet.nothing_known)


def _named(body: Any, bench: Bench, path: Path) -> Judge:
    if not isinstance(body, str):
        raise LocatedError(path, "needs the name of a condition under 'let'")
    try:
        return bench.named(body)
    except PackError as problem:
        raise LocatedError(path, str(problem)) from None


def denies_named(node: Any, denied: bool = False) -> bool:
    """Whether a condition denies a named one, and so cites what that one has searched in vain.

    >>> denies_named({"all": [{"named": "x"}, {"not": {"any": [{"named": "y"}]}}]}), denies_named({"named": "x"})
    (True, False)
    """
    if isinstance(node, dict):
        return any(
            (denied and name == "named") or denies_named(body, denied or name == "not") for name, body in node.items()
        )
    return isinstance(node, list) and any(denies_named(part, denied) for part in node)


def remembered(judge: Judge, bench: Bench) -> Judge:
    """Wrap a judge so that a view asks it once, however many scopes refer to it."""

    def once(view: Any) -> Judgement:
        known: Judgement | None = view.judged.get(once)
        if known is None:
            known = view.judged[once] = judge(view)
        return known

    silent(once, bench.silences.get(judge), bench)
    return _seen(once, quiet.of_named(bench.glances.get(judge), once), bench)


def gate(applies: Judge, when: Judge, bench: Bench) -> Judge:
    """Judge ``when`` only where ``applies`` is hit; elsewhere the rule is not applicable."""

    def judge(view: Any) -> Judgement:
        first = applies(view)
        if first.state is HIT:
            return when(view)
        return first if first.state is NOT_APPLICABLE else NOT_MET

    told = silent(judge, of_gate(bench.silences.get(applies)), bench)
    not_met = bench.reasons(NOT_MET.reason)
    return _seen(told, quiet.of_gate(_glance(applies, bench), _glance(when, bench), not_met), bench)


_LOGIC: dict[str, Callable[[Any, Bench, Path], Judge]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "at_least": _at_least,
    "named": _named,
}
