"""The menu: what a person may reach from every page. An entry shows where the permission table lets the role in."""

from __future__ import annotations

from typing import NamedTuple

from flask import request
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from qa.people import User
from qa.web.permissions import may


class Entry(NamedTuple):
    """One line of the menu, and one card on the home page (where it has an ``about``).

    ``key`` is pressed after ``g`` to go there. Pages of the same blueprint light up this entry.
    """

    endpoint: str
    icon: str
    label: LazyString
    key: str
    about: LazyString | None = None


class Section(NamedTuple):
    """Entries that belong together; the first section has no heading."""

    label: LazyString | None
    entries: tuple[Entry, ...]


MENU: tuple[Section, ...] = (
    Section(None, (Entry("home.index", "house", _l("Home"), "h"),)),
    Section(
        _l("Daily work"),
        (
            Entry(
                "queue.index", "inbox", _l("Review queue"), "q",
                _l("Flagged chats by risk: filter, claim, review; nobody gets the same chat."),
            ),
        ),
    ),
    Section(
        _l("Learning"),
        (
            Entry(
                "cases.index", "bookmarks", _l("Case library"), "c",
                _l("Excellent chats and typical problems with a note on why, searchable, masked, ready to hand out."),
            ),
            Entry(
                "stars.index", "trophy", _l("Service star"), "t",
                _l("Whose chats of a month were best, as far as the sample can tell them apart."),
            ),
        ),
    ),
    Section(
        _l("Quality"),
        (
            Entry("chats.index", "chat-dots", _l("Inspected chats"), "i"),
            Entry(
                "nights.index", "moon-stars", _l("Nights"), "n",
                _l("What each night drew, inspected and found, with intervals and the nights before."),
            ),
            Entry(
                "rules.index", "list-check", _l("Rules"), "r",
                _l("Standards and their rules, how well each does, and a place to try one."),
            ),
            Entry(
                "models.index", "cpu", _l("Models"), "m",
                _l("Versions of the model, training, comparison, promotion and rollback."),
            ),
        ),
    ),
    Section(
        _l("Installation"),
        (
            Entry("users.index", "people", _l("Users"), "u", _l("Accounts, their roles and how far they see.")),
            Entry("audit.index", "shield-check", _l("Audit log"), "l", _l("Who did what, and whether the log holds.")),
            Entry(
                "about.settings_in_force", "sliders", _l("Settings in force"), "s",
                _l("What this installation runs with: database, time zone, rule packs, sampling policy."),
            ),
            Entry("about.show", "info-circle", _l("About"), "a", _l("Version, and the licences of what is inside.")),
        ),
    ),
)  # fmt: skip


def menu_of(user: User | None) -> list[Section]:
    """Return what this user may reach; empty sections are left out."""
    if user is None:
        return []
    shown = [Section(s.label, tuple(entry for entry in s.entries if may(user, entry.endpoint))) for s in MENU]
    return [section for section in shown if section.entries]


def is_current(entry: Entry) -> bool:
    """Whether this page is the entry's own, or (where no entry is) of its blueprint."""
    here = request.endpoint or ""
    listed = {e.endpoint for section in MENU for e in section.entries}
    return entry.endpoint == here or (here not in listed and entry.endpoint.split(".")[0] == here.split(".")[0])
