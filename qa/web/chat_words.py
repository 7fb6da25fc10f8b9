"""What the words of judging are called on a page: labels, reasons, dimensions, severities, roles."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from qa.rules.pack import Rule
from qa.web.i18n import language

TASKS = {"sentiment": _l("Sentiment"), "resolution": _l("Resolution"), "satisfaction": _l("Satisfaction")}
"""In the order in which a page asks."""
TASK_KEYS = {"sentiment": "s", "resolution": "r", "satisfaction": "t"}
LABELS = {
    "negative": _l("Negative"),
    "neutral": _l("Neutral"),
    "positive": _l("Positive"),
    "unresolved": _l("Unresolved"),
    "partly": _l("Partly"),
    "resolved": _l("Resolved"),
    "dissatisfied": _l("Dissatisfied"),
    "satisfied": _l("Satisfied"),
}
DIMENSIONS = {
    "timeliness": _l("Timeliness"),
    "professionalism": _l("Professionalism"),
    "satisfaction": _l("Satisfaction"),
    "process": _l("Process"),
}
SEVERITIES = {"info": _l("Info"), "minor": _l("Minor"), "major": _l("Major"), "critical": _l("Critical")}
REASONS = {
    "red_line": _l("Red line"),
    "rule_failed": _l("Serious finding"),
    "low_score": _l("Low score"),
    "model_risk": _l("Model sees a risk"),
    "model_unsure": _l("Model unsure"),
    "excellent": _l("Excellent candidate"),
    "audit": _l("Audit, blind"),
    "broken": _l("Could not be inspected"),
}
"""Why a chat is flagged."""
TARGETED = {
    "red_line": _l("red line hit"),
    "csat": _l("low rating"),
    "escalated": _l("escalated"),
    "tier": _l("customer tier"),
    "repeat_contact": _l("came back soon"),
    "unreadable": _l("could not be read"),
}
"""Why a chat was inspected with certainty."""
ROLES = {"customer": _l("Customer"), "agent": _l("Agent"), "bot": _l("Bot"), "system": _l("System")}
KINDS = {
    "image": _l("picture"),
    "file": _l("file"),
    "voice": _l("voice message"),
    "video": _l("video"),
    "sticker": _l("sticker"),
    "link": _l("link"),
    "location": _l("location"),
    "order": _l("order card"),
    "product": _l("product card"),
    "call": _l("phone call"),
    "transfer": _l("handed over"),
    "closed": _l("closed"),
    "notice": _l("system notice"),
}
"""What a message is that is no text; a word of the source's own stands as it is."""
LINES = {"base": _l("Full marks"), "cap": _l("No more than 100"), "red_line": _l("Red line voids the score")}
VERDICTS = {
    "confirm": _l("Confirmed"),
    "overturn": _l("Overturned"),
    "unsure": _l("Not sure"),
    "missed": _l("Missed by the machine"),
}
OVERTURNED_BECAUSE = (
    _l("Out of context"),
    _l("Quoted or negated, not meant"),
    _l("The rule does not fit this case"),
    _l("The agent did it elsewhere"),
    _l("Times or data are wrong"),
)
"""Reasons ready to be chosen by a digit."""
PROBLEMS = {
    "verdict": _l("A verdict is about a finding that this chat does not have."),
    "reason": _l("Say why the finding is overturned: %(about)s"),
    "rule": _l("This rule cannot be missed here: it is not in force, or has fired: %(about)s"),
    "place": _l("The selected place is not in the chat: %(about)s"),
    "label": _l("This is none of the labels: %(about)s"),
    "long": _l("A text is longer than 10,000 characters: %(about)s"),
    "token": _l("The form is incomplete: reload the page."),
}
"""What is wrong with a review that was refused."""

_CIRCLED = 20


def in_language(text: object) -> str:
    """Return a text that is kept in both languages (``qa.rules.pack.Bilingual``) in that of the page."""
    return str(getattr(text, "en" if language() == "en" else "zh"))


def missed_options(rules: Iterable[Rule], ruleset: str) -> Markup:
    """Return the choice of rules that may have been missed. A pack has a hundred, and every chat page shows them."""
    return _NOTHING.join(_option(ruleset, language(), rule.id, _Unhashed(rule)) for rule in rules)


class _Unhashed:
    """Carries a rule past a cache whose key is its name."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unhashed)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=4_096)
def _option(_ruleset: str, _language: str, rule_id: str, carried: _Unhashed) -> Markup:
    rule = carried.rule
    shown = f"{in_language(rule.name)} ({DIMENSIONS[rule.dimension.value]})"
    return _OPTION.format(rule_id, f"{rule.bonus or -rule.deduct:g}", shown)


_NOTHING = Markup()
_OPTION = Markup('<option value="{}" translate="no" data-points="{}">{}</option>')


def circled(number: int) -> str:
    """Return a number as one sign, as it stands behind evidence.

    >>> circled(1), circled(12), circled(31)
    ('①', '⑫', '(31)')
    """
    return chr(0x245F + number) if number <= _CIRCLED else f"({number})"


def targeted(reason: str) -> str:
    """Return why a chat was targeted, in words; a red line's own name is with its finding.

    >>> targeted("something else")
    'something else'
    """
    return str(TARGETED.get(reason.partition(":")[0], reason))
