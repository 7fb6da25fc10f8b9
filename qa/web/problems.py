"""Mistakes that the domain refuses, in the language of the page.

The domain says them in English, with what they are about inside: the command line and the log show that. Here the
texts that a person at the workbench can cause are known by their form; a test causes them. What has no form here, such
as the fault of a file, keeps its English behind words of the language.
"""

from __future__ import annotations

import re

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from qa.errors import NotFoundError, QaError, SourceError
from qa.models.opinions import ModelError
from qa.people import AccountError
from qa.queueing import QuotaError
from qa.signing_in import LinkSpentError
from qa.training import BusyError
from qa.versions import MovedOnError
from qa.web.i18n import DEFAULT, language


class ToldError(QaError):
    """A mistake that a view finds itself; its text is in the language of the page already."""

    def __init__(self, text: str, status: int = QaError.status) -> None:
        super().__init__(text)
        self.status = status


Form = tuple[type[QaError], str, LazyString]

_FORMS: tuple[Form, ...] = (
    # accounts
    (AccountError, "an agent sees the own chats: .*",
     _l("An agent sees the own chats: give the agent's id and at least one merchant.")),
    (AccountError, "a merchant's viewer needs .*", _l("A merchant's viewer needs at least one merchant.")),
    (AccountError, "an admin is for the whole installation: .*",
     _l("An admin is for the whole installation: no merchants and no team.")),
    (AccountError, "an agent's id is for the role agent, .*", _l("An agent's id is for the role agent only.")),
    (AccountError, "a merchant, team or agent's id is empty", _l("A merchant, team or agent's id is empty.")),
    (AccountError, r"(?P<typed>.*) cannot be a login name: .* at most (?P<most>\d+)",
     _l("%(typed)s cannot be a login name: letters, digits and . @ + - _, at most %(most)s.")),
    (AccountError, "there is an account (?P<name>.*) already", _l("There is an account %(name)s already.")),
    (AccountError, "(?P<name>.*) is the only admin: .*", _l("%(name)s is the only admin: add another one first.")),
    (AccountError, "account (?P<name>.*) is disabled: .*", _l("The account %(name)s is disabled.")),
    (NotFoundError, "there is no account (?P<name>.*)", _l("There is no account %(name)s.")),
    (LinkSpentError, ".*", _l("This link has been used or is too old: ask for a new one.")),
    # models
    (QaError, r"a reason is needed: .* at most (?P<most>\d+) characters",
     _l("A reason is needed: one line of text, at most %(most)s characters.")),
    (MovedOnError, ".* is current by now, .*", _l("Another version is in force by now; look again.")),
    (ModelError, "(?P<version>.*) is current already", _l("%(version)s is in force already.")),
    (ModelError, "a promotion that is forced needs a reason", _l("A promotion against the figures needs a reason.")),
    (ModelError, "(?P<version>.*) is not promoted: (?P<why>.*)",
     _l("%(version)s is not put in force, the figures speak against it: %(why)s")),
    (ModelError, "there is no promotion to undo: (?P<version>.*) is current",
     _l("There is no promotion to undo: %(version)s is in force.")),
    (ModelError, r"name (?P<name>.*): must be lower-case letters, .* at most (?P<most>\d+)",
     _l("%(name)s cannot be a name: lower-case letters, digits and single hyphens between them, at most %(most)s.")),
    (BusyError, ".*", _l("A training run is going on: wait for its end.")),
    # rules
    (QaError, "the text has (?P<count>.*) characters, more than (?P<most>.*)",
     _l("The text has %(count)s characters, more than %(most)s.")),
    (QaError, "there is no message in the text", _l("There is no message in the text.")),
    (NotFoundError, "no rule (?P<rule>'.*') in .*", _l("This standard has no rule %(rule)s.")),
    (QaError, r"line (?P<line>\d+): not a message such as .*",
     _l("Line %(line)s is no message: a time, who speaks, a colon, the text.")),
    (QaError, r"line (?P<line>\d+): (?P<what>.*)", _l("Line %(line)s cannot be read: %(what)s")),
    # queue, audit
    (QuotaError, "a quota is a number from 0 to (?P<most>.*)",
     _l("A quota is a whole number from 0 to %(most)s.")),
    (NotFoundError, "there is no such reviewer", _l("There is no such reviewer within your reach.")),
    (NotFoundError, "you have no such filter", _l("You have no such filter.")),
    (QaError, "(?P<known>.*) is no link of the log: .*",
     _l("%(known)s is no link of the log: NUMBER:HASH, as the command qa audit verify prints it.")),
)  # fmt: skip
_KNOWN = tuple((kind, re.compile(form, re.DOTALL), text) for kind, form, text in _FORMS)


def said(problem: QaError) -> str:
    """Return what is wrong, in the language of the page."""
    if isinstance(problem, ToldError) or language() != DEFAULT:
        return str(problem)
    english = str(problem)
    for kind, form, text in _KNOWN:
        found = form.fullmatch(english) if isinstance(problem, kind) else None
        if found is not None:
            return str(text) % found.groupdict()
    return _otherwise(problem, english)


def _otherwise(problem: QaError, english: str) -> str:
    if isinstance(problem, NotFoundError):
        return str(_("There is no such thing, or it is out of your reach."))
    if isinstance(problem, ModelError):
        return str(_("The model refuses: %(detail)s", detail=english))
    if isinstance(problem, SourceError):
        return str(_("The text cannot be read: %(detail)s", detail=english))
    return str(_("It cannot be done: %(detail)s", detail=english))
