"""Who sees what: one table. Masking is for display and export; rules and models always read what was written."""

from __future__ import annotations

from typing import NamedTuple

from qa.people import UserRole
from qa.privacy.kinds import ALL, Kind


class MaskPolicy(NamedTuple):
    """What of personal data a person sees.

    ``shown``: as it was written. ``partly``: a part by which two are told apart (138****8000, 张＊＊). Everything
    else is hidden. ``customer``: whether the source's id of the customer is shown. ``may_reveal``: whether the
    person may ask for a chat as it was written; whoever answers that request writes it into the audit log.
    """

    shown: frozenset[Kind] = frozenset()
    partly: frozenset[Kind] = frozenset()
    customer: bool = False
    may_reveal: bool = False

    @property
    def hidden(self) -> frozenset[Kind]:
        """Kinds of which something is hidden."""
        return ALL - self.shown


_BUSINESS = frozenset({Kind.ORDER, Kind.TRACKING})
"""Numbers of orders and parcels: the merchant's own, needed to find the case, of nobody else's use."""

REVIEWER = MaskPolicy(shown=_BUSINESS, partly=ALL - _BUSINESS - {Kind.URL}, customer=True)
"""A reviewer must see that a number was given, and whether it is the same as before; not which."""

EXPORT = MaskPolicy()
"""Whatever leaves: files, handouts, cases, reports. Everything is hidden."""

POLICY: dict[UserRole, MaskPolicy] = {
    UserRole.SPECIALIST: REVIEWER,
    UserRole.LEAD: REVIEWER._replace(may_reveal=True),
    UserRole.TRAINER: EXPORT,
    UserRole.AGENT: MaskPolicy(shown=_BUSINESS, customer=True),
    UserRole.MERCHANT_VIEWER: MaskPolicy(shown=_BUSINESS, customer=True),
    UserRole.ADMIN: MaskPolicy(may_reveal=True),
}
"""By role. An admin runs the installation and judges no chat: nothing is shown, a reveal is asked for and audited."""
