"""Filters that people keep, for themselves or for everybody."""

from __future__ import annotations

import re

from sqlalchemy import Engine

from qa.errors import NotFoundError, QaError
from qa.people import User
from qa.store import audit, queue_work
from qa.store.audit import Act
from qa.store.queue_filters import Filters
from qa.store.session import write_tx

LONGEST_NAME = 40
_BLANK = re.compile(r"[\x00-\x20\x7f]+")


class FilterNameError(QaError):
    """A filter needs a name, and a short one."""

    status = 422


def keep(engine: Engine, act: Act, user: User, name: str, filters: Filters, *, shared: bool) -> int:
    """Keep a filter under a name; an own one of that name is replaced. Returns its key.

    Raises:
        FilterNameError: the name is empty or longer than ``LONGEST_NAME`` characters.
    """
    plain = _BLANK.sub(" ", name).strip()
    if not plain or len(plain) > LONGEST_NAME:
        raise FilterNameError(f"a filter needs a name of 1 to {LONGEST_NAME} characters")
    with write_tx(engine) as connection:
        key = queue_work.save_filter(connection, user.id, plain, filters.query, shared=shared)
        audit.append(connection, act, "queue.filter.save", f"filter:{key}", {"name": plain, "shared": shared})
    return key


def forget(engine: Engine, act: Act, user: User, filter_id: int) -> str:
    """Forget one's own filter; returns its name.

    Raises:
        NotFoundError: there is no such filter of this user's.
    """
    with write_tx(engine) as connection:
        name = queue_work.delete_filter(connection, filter_id, user.id)
        if name is None:
            raise NotFoundError("you have no such filter")
        audit.append(connection, act, "queue.filter.delete", f"filter:{filter_id}", {"name": name})
    return name
