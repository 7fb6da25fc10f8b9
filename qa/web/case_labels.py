"""What the words of the case library are called on a page."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from qa.casebook import HEADINGS, CaseError

KINDS = {"excellent": _l("Excellent"), "typical": _l("Typical problem")}
STATES = {"published": _l("Published"), "draft": _l("Drafts"), "withdrawn": _l("Withdrawn")}
STATE_TAGS = {"published": _l("Published"), "draft": _l("Draft"), "withdrawn": _l("Withdrawn")}
STAR = {
    "situation": _l("Situation"),
    "task": _l("Task"),
    "action": _l("Action"),
    "result": _l("Result"),
}
STAR_HINTS = {
    "situation": _l("What had happened, and how the customer felt"),
    "task": _l("What had to be done"),
    "action": _l("What the agent did, in which words"),
    "result": _l("What came of it for the customer and the shop"),
}
FILTERS = {
    "kind": _l("Kind"),
    "tag": _l("Tag"),
    "scenario": _l("Scenario"),
    "question_type": _l("Question type"),
    "merchant": _l("Merchant"),
    "since": _l("From day"),
    "until": _l("To day"),
    "text": _l("Text"),
}
"""What filters are called, in the order in which they stand."""
SIGNS = {
    "marked_excellent": _l("Marked excellent"),
    "marked_typical": _l("Marked as a typical problem"),
    "nominated": _l("Nominated"),
    "confirmed": _l("Finding confirmed"),
    "praise": _l("Praised by a rule"),
    "rating": _l("Rated well by the customer"),
    "resolved": _l("Resolved"),
    "satisfied": _l("Customer satisfied"),
    "score": _l("High score"),
}
SOURCES = {
    "all": _l("All"),
    "people": _l("Chosen by people"),
    "praise": _l("High score, praise"),
    "problem": _l("Confirmed problems"),
}
_PROBLEMS = {
    "title": _l("A case needs a title."),
    "long": _l("This text is too long: %(about)s"),
    "tags": _l("At most %(about)s tags."),
    "note": _l("A note is about a message that this case does not have: %(about)s"),
    "kind": _l("This is no kind of case: %(about)s"),
    "blind": _l("This chat waits for a blind review; a case can be made of it afterwards."),
    "name": _l("A collection needs a name."),
    "fold": _l("A case can be folded into another one of the same merchant only: %(about)s"),
    "merchant": _l("This collection is not for that merchant: %(about)s"),
}
_COLUMNS = {
    "cases": _l("Cases"),
    "notes": _l("Notes"),
    "transcripts": _l("Transcripts"),
    "number": _l("No."),
    "title": _l("Title"),
    "kind": _l("Kind"),
    "tags": _l("Tags"),
    "scenario": _l("Scenario"),
    "question_type": _l("Question type"),
    "merchant": _l("Merchant"),
    "day": _l("Day"),
    "score": _l("Score"),
    "turn": _l("Message"),
    "quote": _l("Sentence"),
    "judgement": _l("Judgement"),
    "note": _l("Why"),
    "role": _l("Who"),
    "after": _l("After (s)"),
    "text": _l("Text"),
    "good": _l("Done well"),
    "bad": _l("Went wrong"),
    "customer": _l("Customer"),
    "agent": _l("Agent"),
    "bot": _l("Bot"),
    "system": _l("System"),
}


def headings() -> dict[str, str]:
    """Return the headings of a workbook in the language of the page."""
    known = {**_COLUMNS, **STAR, **KINDS}
    return {name: str(known[name]) for name in HEADINGS}


def problem(error: CaseError) -> str:
    """Return what is wrong, in words of the language."""
    return str(_PROBLEMS[error.problem.value]) % {"about": error.about}


def stale(by: str) -> str:
    """Return that somebody changed the case in between."""
    return str(_("%(name)s has changed this case since you opened it. Your text is here; nothing was saved.", name=by))
