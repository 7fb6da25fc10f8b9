"""Conditions: operators combined with all / any / not / at_least, compiled to one judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from qa.errors import PackError
from qa.rules.base import Judge, Judgement, State, alternatives, hit, miss, not_applicable, together
from qa.rules.bench import Bench
from qa.rules.mistakes import first_mistake
from qa.rules.registry import operators

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
    operator = operators().get(name)
    if operator is None:
        known = ", ".join(sorted({*operators(), *_LOGIC}))
        raise LocatedError(here, f"unknown operator {name!r} (known: {known})")
    try:
        return operator.model_validate(body).compile(bench)
    except ValidationError as problem:
        path, reason = first_mistake(problem, operator)
        raise LocatedError((*here, *path), reason) from None
    except LocatedError:
        raise
    except PackError as problem:
        raise LocatedError(here, str(problem)) from None


def rests_on_words(node: Any) -> bool:
    """Whether a (checked) condition can only be hit where one of its own phrases or patterns occurs.

    >>> rests_on_words({"any": [{"regex": {"pattern": "x"}}, {"keywords": {"any": ["x"]}}]})
    True
    >>> rests_on_words({"keywords": {"none": ["x"]}}), rests_on_words({"not": {"regex": {"pattern": "x"}}})
    (False, False)
    """
    ((name, body),) = node.items()
    if name == "any":
        return all(rests_on_words(part) for part in body)
    if name == "all":
        return any(rests_on_words(part) for part in body)
    if name == "keywords":
        return not ({"none", "none_list"} & body.keys())
    return bool(name == "regex")


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
            if answer.state is State.MISS:
                return answer
            if answer.state is State.NOT_APPLICABLE:
                unknown = unknown or answer
            answers.append(answer)
        return unknown or together(answers)

    return judge


def _any(body: Any, bench: Bench, path: Path) -> Judge:
    return _counting(_list(body, bench, path), 1)


def _at_least(body: Any, bench: Bench, path: Path) -> Judge:
    if not isinstance(body, dict) or set(body) != {"n", "of"}:
        raise LocatedError(path, "needs exactly 'n' and 'of'")
    judges = _list(body["of"], bench, (*path, "of"))
    n = body["n"]
    if type(n) is not int or not 1 <= n <= len(judges):
        raise LocatedError((*path, "n"), f"must be a whole number from 1 to {len(judges)}")
    return _counting(judges, n)


def _counting(judges: Sequence[Judge], n: int) -> Judge:
    """At least ``n`` of them; an unknown one matters only where it could make up the number."""

    def judge(view: Any) -> Judgement:
        answers = [part(view) for part in judges]
        hits = [answer for answer in answers if answer.state is State.HIT]
        if len(hits) >= n:
            return alternatives(hits) if n == 1 else together(hits)
        unknown = [answer for answer in answers if answer.state is State.NOT_APPLICABLE]
        if len(hits) + len(unknown) >= n:
            return unknown[0]
        return miss(tuple(sorted({turn for answer in answers for turn in answer.searched})))

    return judge


def _not(body: Any, bench: Bench, path: Path) -> Judge:
    inner = compile_condition(body, bench, path)

    def judge(view: Any) -> Judgement:
        answer = inner(view)
        if answer.state is State.HIT:
            return miss(value=answer.value)
        if answer.state is State.MISS:
            return hit(searched=answer.searched, value=answer.value)
        return answer

    return judge


def _named(body: Any, bench: Bench, path: Path) -> Judge:
    if not isinstance(body, str):
        raise LocatedError(path, "needs the name of a condition under 'let'")
    try:
        return bench.named(body)
    except PackError as problem:
        raise LocatedError(path, str(problem)) from None


def remembered(judge: Judge) -> Judge:
    """Wrap a judge so that a view asks it once, however many scopes refer to it."""

    def once(view: Any) -> Judgement:
        known: Judgement | None = view.judged.get(once)
        if known is None:
            known = view.judged[once] = judge(view)
        return known

    return once


def gate(applies: Judge, when: Judge) -> Judge:
    """Judge ``when`` only where ``applies`` is hit; elsewhere the rule is not applicable."""

    def judge(view: Any) -> Judgement:
        first = applies(view)
        if first.state is State.HIT:
            return when(view)
        return first if first.state is State.NOT_APPLICABLE else not_applicable("condition 'applies' not met")

    return judge


_LOGIC: dict[str, Callable[[Any, Bench, Path], Judge]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "at_least": _at_least,
    "named": _named,
}
