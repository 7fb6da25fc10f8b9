"""Packs by what they were published as: a version, ``pack@version``, or how the hash of the standard begins.

By its hash a standard is found too that was never published, only used: the workbench and ``qa show`` name it.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from qa.cli.rules.packs import is_at_hand, judging_standard, named_pack, no_such_pack
from qa.config import Settings
from qa.errors import ConfigError, StoreError
from qa.rules.inspector import Standard
from qa.rules.pack import Pack
from qa.store.migrate import require_ready
from qa.store.publications import kept_standards, published_as
from qa.store.session import opened, read_tx


def any_standard(engine: Engine, settings: Settings, pack: str) -> Standard:
    """The standard that is meant: a pack with today's scorecard, or what was published, with the scorecard of then.

    PackError for a name that is nothing of these, ConfigError for one that means several.
    """
    if is_at_hand(pack):
        return judging_standard(Path(pack), settings.scorecard)
    with read_tx(engine) as connection:
        found = {digest: content for digest, (_, content) in published_as(connection, pack).items()}
        found = found or kept_standards(connection, pack)
    if not found:
        raise no_such_pack(pack, ", nor a version or hash that was published (`qa rules history`)")
    standards = {digest: Standard.model_validate(content) for digest, content in found.items()}
    if len(standards) > 1:
        told = (f"{one.pack.id}@{one.pack.version} ({digest[:12]})" for digest, one in standards.items())
        raise ConfigError(f"{pack!r} means several published standards: {', '.join(told)}; name one by its hash")
    [standard] = standards.values()
    return standard


def any_pack(settings: Settings, pack: str) -> Pack:
    """The pack that is meant; the store is opened only for what is neither a file nor a shipped pack."""
    if is_at_hand(pack):
        return named_pack(Path(pack)).pack
    with opened(settings.database_url) as engine:
        try:
            require_ready(engine)
        except StoreError:  # nothing can have been published
            raise no_such_pack(pack) from None
        return any_standard(engine, settings, pack).pack
