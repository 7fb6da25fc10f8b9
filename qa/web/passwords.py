"""Passwords: argon2id hashes, and which passwords are refused."""

from __future__ import annotations

import threading
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10
LONGEST = 256
_DISTINCT = 5
_KNOWN = (
    "1234567890", "0123456789", "qwertyuiop", "password", "letmein", "iloveyou", "welcome", "admin", "woaini",
    "5201314", "zhijian", "asdfghjkl", "88888888", "abcd1234", "p@ssw0rd", "passw0rd", "changeme",
)  # fmt: skip
"""Where one of these is most of a password, the rest does not help."""
_REST = 4

# OWASP's second choice: 19 MiB, two passes, one thread; about 25 ms. Not libargon2's 64 MiB in four threads, which
# sixteen people logging in at nine o'clock would multiply
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(4)


class Weakness(StrEnum):
    """Why a password is refused."""

    SHORT = "short"
    LONG = "long"
    UNIFORM = "uniform"
    NAME = "name"
    COMMON = "common"


def weakness(password: str, login_name: str) -> Weakness | None:
    """Return why the password is refused for this account, None where it is good enough.

    >>> weakness("correct horse", "li.wei"), weakness("li.wei2026", "li.wei").value
    (None, 'name')
    """
    folded = password.casefold()
    if len(password) < SHORTEST:
        return Weakness.SHORT
    if len(password) > LONGEST:
        return Weakness.LONG
    if len(set(folded)) < _DISTINCT:
        return Weakness.UNIFORM
    if login_name and login_name in folded and len(folded) - len(login_name) < 2 * _REST:
        return Weakness.NAME
    if any(word in folded and len(folded) - len(word) <= _REST for word in _KNOWN):
        return Weakness.COMMON
    return None


def hash_password(password: str) -> str:
    """Return the argon2id hash with its parameters and a random salt."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """Whether the password has that hash. Takes as long where there is no hash: nobody learns which accounts exist."""
    candidate = password[: LONGEST + 1]
    with _AT_ONCE:
        try:
            return _HASHER.verify(stored or _nobodys(), candidate) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


def better_hash(stored: str, password: str) -> str | None:
    """Return a new hash where the stored one was made with weaker parameters than today's."""
    return hash_password(password) if _HASHER.check_needs_rehash(stored) else None


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody's")
