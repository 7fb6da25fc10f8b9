"""What is different between two packs: rules added, removed, changed field by field; word lists changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from qa.rules.pack import Pack, Rule
from qa.rules.parted import aside, parted


class FieldChange(msgspec.Struct, frozen=True):
    """One field of a rule, dotted below mappings (``message.zh``); None: not set there."""

    field: str
    old: Any
    new: Any

    @property
    def places(self) -> tuple[tuple[str, Any, Any], ...]:
        """Where exactly it differs, with what long texts have in common cut away; None: not there."""
        return tuple((place, *aside(old, new)) for place, old, new in parted(self.old, self.new, self.field))


class RuleChange(msgspec.Struct, frozen=True):
    """A rule that both packs have and that is not the same in both."""

    rule: str
    fields: tuple[FieldChange, ...]


class ListChange(msgspec.Struct, frozen=True):
    """A word list that differs; ``rules``: those that name it, in either pack. A list that is gone lost all its words.

    The same words in another order are no change: a list is a set.
    """

    wordlist: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    rules: tuple[str, ...]


class Side(msgspec.Struct, frozen=True):
    """Which pack it was."""

    pack: str
    version: str
    hash: str
    rules: int


class PackDiff(msgspec.Struct, frozen=True):
    """Everything that is different. ``reordered``: the rules common to both stand in another order."""

    old: Side
    new: Side
    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]
    changed: tuple[RuleChange, ...]
    wordlists: tuple[ListChange, ...]
    reordered: bool

    @property
    def same(self) -> bool:
        """Whether both judge alike: nothing but name or version may differ."""
        return not (self.added or self.removed or self.changed or self.wordlists or self.reordered)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; rules that came or went are given whole."""
        plain: dict[str, Any] = msgspec.to_builtins(self, enc_hook=_rule_as_json)
        return plain


def diff_packs(old: Pack, new: Pack) -> PackDiff:
    """Compare two resolved packs, rule by rule in the order of ``new``."""
    before, after = ({rule.id: rule for rule in pack.rules} for pack in (old, new))
    common_before, common_after = ([i for i in one if i in other] for one, other in ((before, after), (after, before)))
    changed = ((name, tuple(_fields(_plain(before[name]), _plain(after[name]), ""))) for name in common_after)
    return PackDiff(
        old=side(old),
        new=side(new),
        added=tuple(rule for rule in new.rules if rule.id not in before),
        removed=tuple(rule for rule in old.rules if rule.id not in after),
        changed=tuple(RuleChange(name, fields) for name, fields in changed if fields),
        wordlists=tuple(_wordlists(old, new)),
        reordered=common_before != common_after,
    )


def side(pack: Pack) -> Side:
    """Return which pack it is, in short."""
    return Side(pack.id, pack.version, pack.hash, len(pack.rules))


def lists_named(rule: Rule) -> frozenset[str]:
    """Names of the word lists that a rule's conditions use.

    >>> rule = Rule.model_construct(when={"not": {"keywords": {"list": ["greeting"]}}}, applies=None, let={})
    >>> sorted(lists_named(rule))
    ['greeting']
    """
    return frozenset(_named((rule.when, rule.applies, rule.let), inside=False))


def _named(node: Any, *, inside: bool) -> Iterator[str]:
    """Texts below any key ``list``, ``lists``, ``…_list``: the way operators name word lists."""
    if isinstance(node, str):
        if inside:
            yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _named(value, inside=key in {"list", "lists"} or str(key).endswith(("_list", "_lists")))
    elif isinstance(node, list | tuple):
        for part in node:
            yield from _named(part, inside=inside)


def _plain(rule: Rule) -> dict[str, Any]:
    """The fields of a rule; the weight is told where it is not written, for that is what it takes at most."""
    return rule.model_dump(mode="json") | {"max_deduct": rule.weight}


def _fields(old: Any, new: Any, path: str) -> Iterator[FieldChange]:
    """Changed fields; mappings are opened as far as both are mappings with plain texts, conditions stay whole."""
    for key in dict.fromkeys([*old, *new]):
        before, after, name = old.get(key), new.get(key), f"{path}{key}"
        if before == after and (type(before) is type(after) or _numbers(before, after)):
            continue
        if isinstance(before, dict) and isinstance(after, dict) and key not in {"when", "applies"} and not path:
            yield from _fields(before, after, f"{name}.")
        elif orjson.dumps(before, option=orjson.OPT_SORT_KEYS) != orjson.dumps(after, option=orjson.OPT_SORT_KEYS):
            yield FieldChange(name, before, after)


def _numbers(before: Any, after: Any) -> bool:
    """Whether both are numbers: a default 0 is read back from a record as 0.0."""
    return type(before) in (int, float) and type(after) in (int, float)


def _wordlists(old: Pack, new: Pack) -> Iterator[ListChange]:
    users: dict[str, dict[str, None]] = {}
    for pack in (old, new):
        for rule in pack.rules:
            for name in lists_named(rule):
                users.setdefault(name, {})[rule.id] = None
    for name in sorted(old.wordlists.keys() | new.wordlists.keys()):
        before, after = (dict.fromkeys(pack.wordlists.get(name, ())) for pack in (old, new))
        added = tuple(word for word in after if word not in before)
        removed = tuple(word for word in before if word not in after)
        if added or removed:
            yield ListChange(name, added, removed, tuple(users.get(name, ())))


def _rule_as_json(value: Any) -> Any:
    if isinstance(value, Rule):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)
