"""The case library: chats worth showing, masked and frozen, with a note on why; and the star of the month.

A case is made of a chat (``curating``), found and likened (``library``), put together for a lesson (``collecting``)
and handed out as a file (``workbook``; the handout is a page of the web). ``candidates`` says which chats would make
one. Nothing of a case refers to the chat: when that is deleted, the case stays.
"""

from __future__ import annotations

from qa.casebook.candidates import Candidate, Candidates, Sign
from qa.casebook.collecting import Gathered, Item
from qa.casebook.curating import (
    CaseDraft,
    Origin,
    StaleCaseError,
    change,
    create,
    draft_of,
    fold,
    nominate,
    read_origin,
    recut,
    set_state,
)
from qa.casebook.library import Listed, Opened, Similar, look, merchants_of, open_case, similar_to, similar_to_chat
from qa.casebook.stars import ENOUGH, Standing, Stars
from qa.casebook.texts import CaseError, Problem
from qa.casebook.transcript import STAR, CaseLine, CaseNote, Span, quote, spans
from qa.casebook.workbook import HEADINGS, workbook

__all__ = [
    "ENOUGH",
    "HEADINGS",
    "STAR",
    "Candidate",
    "Candidates",
    "CaseDraft",
    "CaseError",
    "CaseLine",
    "CaseNote",
    "Gathered",
    "Item",
    "Listed",
    "Opened",
    "Origin",
    "Problem",
    "Sign",
    "Similar",
    "Span",
    "StaleCaseError",
    "Standing",
    "Stars",
    "change",
    "create",
    "draft_of",
    "fold",
    "look",
    "merchants_of",
    "nominate",
    "open_case",
    "quote",
    "read_origin",
    "recut",
    "set_state",
    "similar_to",
    "similar_to_chat",
    "spans",
    "workbook",
]
