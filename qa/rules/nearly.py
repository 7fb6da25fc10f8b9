"""What a condition that found nothing would have found, had it not been told to pass it over.

“The words are there, why does the rule not fire?” – because they are denied, quoted, too few, somebody else's …:
the condition is asked again with everything loosened, and then with as little of that as still finds something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from qa.errors import PackError
from qa.rules.base import SIDES, Judge, Judgement, State
from qa.rules.bench import Bench
from qa.rules.logic import compile_condition, remembered
from qa.rules.pack import Pack, Rule
from qa.rules.registry import operators
from qa.rules.view import Context, View
from qa.types import Chat

Body = dict[str, Any]
Ask = Callable[[Mapping[str, Any]], Judgement]
"""Judges the chat at hand by a condition."""

_SCOPE = ("from", "to", *SIDES, "hit", "reach", "first", "last")
_FAR = 1_000_000
_LIMITS: dict[str, dict[str, Any]] = {
    "near": {"chars": _FAR, "within": _FAR},
    "similar": {"similarity": 30},
    "length": {"over": 0, "under": _FAR},
    "repeated": {"times": 2, "similarity": 50, "within": _FAR},
}
"""Operator → its limits at their loosest."""
_SEARCHING = frozenset(
    {"answer", "entity", "keywords", "length", "near", "points", "regex", "repeated", "short_replies", "similar"}
)
REMARKS = {
    "disguise": "in disguise (match: squash finds it)",
    "role": "by somebody else (role)",
    "scope": "outside the turns in scope",
    "order": "in another order (ordered)",
    "asked": "left out by asked",
    "lacks": "beside a word of lacks",
    "said": "said before by the one unless_said_by names",
    "except": "within a longer phrase of except",
    "quoted": "quoted or reported (quoted: true counts it)",
    "negated": "denied or warned of (negated: true counts it)",
    "at_least": "too few (at_least, different)",
    "limit": "beyond the limit",
}
"""Why something was passed over; what is named first is the first to be given up as the reason."""
ON_THE_SPOT = tuple(remark for remark in REMARKS if remark not in {"role", "scope", "limit"})
"""Those of them that speak of words in the turns that were searched."""
_DROPPED = {
    "scope": _SCOPE,
    "asked": ("asked",),
    "lacks": ("lacks", "lacks_list"),
    "said": ("unless_said_by",),
    "except": ("except", "except_list"),
    "order": ("ordered",),
}


class Nearly(NamedTuple):
    """What would have been found, and why it was not (``REMARKS``). ``missing``: what of several is not there."""

    judgement: Judgement | None
    remarks: tuple[str, ...]
    missing: tuple[str, ...] = ()


class Closer:
    """Looks closer at conditions of one rule; what it asks is compiled when it is first asked, and kept."""

    def __init__(self, pack: Pack, rule: Rule) -> None:
        """Take a rule that ``compile_pack`` accepts."""
        self._pack, self._rule = pack, rule
        self._known: dict[str, Callable[[Chat, Context], Judgement]] = {}

    def __call__(
        self, chat: Chat, context: Context, node: Mapping[str, Any], remarks: Sequence[str] = tuple(REMARKS)
    ) -> Nearly | None:
        """Return what a condition that found nothing in a chat passed over, for one of these reasons."""

        def ask(other: Mapping[str, Any]) -> Judgement:
            judge = self._known.get(repr(other))
            if judge is None:
                judge = self._known[repr(other)] = _compiled(self._pack, self._rule, other)
            return judge(chat, context)

        return nearly(node, ask, remarks)


def nearly(node: Mapping[str, Any], ask: Ask, remarks: Sequence[str] = tuple(REMARKS)) -> Nearly | None:
    """Return what a condition that found nothing passed over; None: nothing, or it is of a kind that searches nothing.

    Of words that must be absent it is what speaks for their presence.
    ``remarks`` are the reasons looked for, in the order of ``REMARKS``.
    """
    ((name, body),) = node.items()
    if name not in _SEARCHING or body.get("turns") == "every":
        return None
    body = _positive(dict(body))
    missing = tuple(_missing(name, body, ask))
    if missing:
        return Nearly(None, (), missing)
    loose = [remark for remark in remarks if _loosened(name, body, [remark]) != body]
    try:
        found = _hit(name, body, loose, ask)
    except PackError:  # of a word without letters nothing is left once it is squashed
        loose = [remark for remark in loose if remark != "disguise"]
        found = _hit(name, body, loose, ask)
    if found is None:
        return None
    for remark in tuple(loose):
        fewer = [one for one in loose if one != remark]
        without = _hit(name, body, fewer, ask)
        if without is not None:
            loose, found = fewer, without
    return Nearly(found, tuple(loose))


def _compiled(pack: Pack, rule: Rule, node: Mapping[str, Any]) -> Callable[[Chat, Context], Judgement]:
    bench = Bench(lambda name: pack.wordlists[name])
    named: dict[str, Judge] = {}
    bench.rule(named)
    for name, condition in rule.let.items() if _needs_names(node) else ():
        named[name] = remembered(compile_condition(condition, bench), bench)
    judge = compile_condition(dict(node), bench)
    index = bench.freeze()
    return lambda chat, context: judge(View(chat, index, context))


def _needs_names(node: Mapping[str, Any]) -> bool:
    return any(name in body for body in node.values() for name in (*SIDES, "on"))


def _hit(name: str, body: Body, remarks: Sequence[str], ask: Ask) -> Judgement | None:
    found = ask({name: _loosened(name, body, remarks)})
    return found if found.state is State.HIT and found.places else None


def _loosened(name: str, body: Body, remarks: Sequence[str]) -> Body:
    """Return a condition's parameters without what these remarks are about."""
    fields = {field.alias or key for key, field in operators()[name].model_fields.items()}
    made = dict(body)
    if "disguise" in remarks and "match" in fields:
        made["match"] = "squash"
    if "role" in remarks and "role" in fields:
        made["role"] = "any"
    gone = {key for remark in remarks for key in _DROPPED.get(remark, ())}
    made = {key: value for key, value in made.items() if key not in gone}
    for remark in ("quoted", "negated"):
        if remark in remarks and remark in fields:
            made[remark] = True
    if "at_least" in remarks:
        made = {key: value for key, value in made.items() if key not in ("at_least", "different")}
    if "limit" in remarks:
        made |= {key: value for key, value in _LIMITS.get(name, {}).items() if key in made}
    return made


def _positive(body: Body) -> Body:
    """Words that must be absent, as words that are sought."""
    return {{"none": "any", "none_list": "list"}.get(key, key): value for key, value in body.items()}


def _missing(name: str, body: Body, ask: Ask) -> Iterator[str]:
    """What is not there of things of which several must be, if something is."""
    wanted = list(_wanted(name, body))
    rest = {key: body[key] for key in ("role", *_SCOPE, "match", "negated", "quoted", "asked") if key in body}
    excepted = {key: body[key] for key in ("except", "except_list") if key in body}
    found = [ask({"keywords": {**rest, **excepted, **words}}).state is State.HIT for _, words in wanted]
    if any(found):
        yield from (said for (said, _), there in zip(wanted, found, strict=True) if not there)


def _wanted(name: str, body: Body) -> Iterator[tuple[str, Body]]:
    if name == "keywords":
        yield from ((word, {"any": [word]}) for word in body.get("all", ()))
        yield from ((one, {"list": [one]}) for one in body.get("all_list", ()))
        yield from ((" / ".join(group), {"any": group}) for group in body.get("groups", ()))
    elif name == "points":
        for point in body["points"]:
            yield (point, {"list": [point]}) if isinstance(point, str) else (" / ".join(point), {"any": point})
