"""Publishing a standard: from a draft in a file to a record that says what was valid, since when, and who said so.

Publishing changes no score: an inspection names the standard that judged it, for ever.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine

from qa.errors import PackError, QaError
from qa.rules.engine import compile_pack
from qa.rules.examples import check_examples
from qa.rules.inspector import Scorecard, Standard
from qa.rules.pack import Located
from qa.store import nights
from qa.store.publications import Publication, add_publication, latest_publication, published_versions
from qa.store.session import write_tx
from qa.types import Instant


class Published(NamedTuple):
    """The publication in force. ``recorded`` False: this very standard was the last one already."""

    publication: Publication
    standard: Standard
    recorded: bool


class Act(NamedTuple):
    """Who publishes, when, for whom (``merchant`` None: every merchant without a pack of its own), and why."""

    by: str
    at: Instant
    merchant: str | None = None
    note: str | None = None


def publish(engine: Engine, located: Located, scorecard: Scorecard, act: Act) -> Published:
    """Record a pack, with all that it inherits, and the scorecard as the standard from now on.

    Raises:
        PackError: a rule cannot be compiled, or an example does not do what it should.
        QaError: the same version of the pack was published with other content.
    """
    _check(located)
    standard = Standard(pack=located.pack, scorecard=scorecard)
    pack = standard.pack
    with write_tx(engine) as connection:
        last = latest_publication(connection, act.merchant)
        if last is not None and last.ruleset == standard.hash:
            return Published(last, standard, recorded=False)
        for earlier, content in published_versions(connection, pack.id, pack.version):
            if content["pack"] != pack.as_json():
                raise QaError(
                    f"version {pack.version!r} of {pack.id!r} was published by {earlier.published_by} with other"
                    f" content (rule set {earlier.ruleset[:12]}): give the changed pack a new version"
                )
        nights.keep_ruleset(connection, standard.hash, pack.id, pack.version, standard.as_json(), act.at)
        add_publication(connection, standard.hash, act.merchant, act.at, act.by, act.note)
        done = latest_publication(connection, act.merchant)
        assert done is not None, "just added"
    return Published(done, standard, recorded=True)


def _check(located: Located) -> None:
    compile_pack(located, only=[rule.id for rule in located.pack.rules])
    wrong = list(check_examples(located))
    if wrong:
        first = wrong[0]
        more = f" (and {len(wrong) - 1} more: qa rules test)" if len(wrong) > 1 else ""
        raise PackError(f"{first.where}: rule {first.rule}: expected {first.expected}, got {first.got}{more}")
