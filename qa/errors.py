"""Errors a user can cause, each with its process exit code and HTTP status.

Anything that is not a ``QaError`` is a bug of ours and may show a traceback.
"""

from __future__ import annotations


class QaError(Exception):
    """A mistake in input, settings or order of work; its text is shown to the user as it is."""

    exit_code = 2
    status = 400


class ConfigError(QaError):
    """A setting is missing, malformed or contradicts another."""


class SourceError(QaError):
    """A file as a whole cannot be read as chats (missing, unknown format, bad column map)."""


class PackError(QaError):
    """A rule pack, scorecard or word list is wrong; carries ``file:line:column`` in its text."""


class NotFoundError(QaError):
    """What was asked for is not in the store."""

    status = 404


class StoreError(QaError):
    """The database is unreachable, not migrated, or newer than this program."""

    exit_code = 5
    status = 503


class LeaseHeldError(QaError):
    """Another process works on the same night; the text says who and until when."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later
    status = 409


class ClusterError(QaError):
    """The cluster that was to do the work cannot be reached, was lost, or has no worker left: a rerun goes on."""

    exit_code = 69  # EX_UNAVAILABLE of sysexits.h: a service is missing
    status = 503
