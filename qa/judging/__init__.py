"""Judging one inspected chat: what its page shows, and what a reviewer says of it.

``open_page`` reads everything, ``preview`` says what the score would be, ``submit`` adds a review. Verdicts are only
ever added; the machine's claims stay what they were.
"""

from __future__ import annotations

from qa.judging.page import Page, Viewer, open_page, place_of, preview
from qa.judging.submit import Draft, Given, Missing, ReviewError, StaleError, Submitted, reveal, submit, written

__all__ = [
    "Draft",
    "Given",
    "Missing",
    "Page",
    "ReviewError",
    "StaleError",
    "Submitted",
    "Viewer",
    "open_page",
    "place_of",
    "preview",
    "reveal",
    "submit",
    "written",
]
