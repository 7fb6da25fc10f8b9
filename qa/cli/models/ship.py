"""``qa models ship``: refit the model that comes with the program, from the authored chats, in this checkout."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec

from qa.cli.common import now, out, progress
from qa.cli.models.reviewed import noting_rules
from qa.learning import with_hits
from qa.models import shipping
from qa.models.card import CARD_NAME, Card
from qa.models.fit import authored_data, fit_candidate

AUTHOR = "zhijian"
_SUMS = re.compile(r"(?<=SHIPPED_SHA256: Mapping\[str, str\] = MappingProxyType\()\s*\{[^}]*\}\s*")


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where refitting gives other files.")
@click.pass_context
def ship(ctx: click.Context, *, check: bool) -> None:
    """Fit the shipped model on training_data/ and write it into the package, its SHA-256 sums into the code.

    The same chats, dictionary, program and libraries give the same files, byte for byte; a run that changes nothing
    keeps the date of the card.
    """
    with progress() as shows:
        candidate = noting_rules(fit_candidate(authored_data(), AUTHOR, _kept_date() or now(), shows, with_hits))
    contents, sums = shipping.packed(candidate.files, candidate.card)
    if sums == dict(shipping.SHIPPED_SHA256):
        out().print(f"nothing to change: {len(contents)} files as they were")
        return
    if contents.keys() - {CARD_NAME} and _other_than_card(sums):
        contents, sums = shipping.packed(candidate.files, msgspec.structs.replace(candidate.card, created_at=now()))
    if check:
        changed = sorted(name for name in sums if shipping.SHIPPED_SHA256.get(name) != sums[name])
        out().print(f"refitting changes {', '.join(changed)}")
        ctx.exit(1)
    shipping.SHIPPED_FOLDER.mkdir(exist_ok=True)
    for name, content in contents.items():
        (shipping.SHIPPED_FOLDER / name).write_bytes(content)
    code = Path(shipping.__file__)
    code.write_text(with_sums(code.read_text("utf-8"), sums), "utf-8")
    size = sum(map(len, contents.values()))
    out().print(f"wrote {len(contents)} files, {size / 1e6:.1f} MB, to {shipping.SHIPPED_FOLDER.name}/")


def with_sums(code: str, sums: dict[str, str]) -> str:
    """Return the source of ``qa.models.shipping`` with other sums.

    >>> with_sums("SHIPPED_SHA256: Mapping[str, str] = MappingProxyType({})", {"a.json": "00ff"}).splitlines()[2]
    '        "a.json": "00ff",'
    """
    lines = "".join(f'        "{name}": "{digest}",\n' for name, digest in sums.items())
    found, times = _SUMS.subn("\n    {\n" + lines + "    }\n", code)
    if times != 1:
        raise ValueError("qa/models/shipping.py: no single place for the sums")
    return found


def _kept_date() -> int | None:
    card = shipping.SHIPPED_FOLDER / CARD_NAME
    return msgspec.json.decode(card.read_bytes(), type=Card).created_at if card.is_file() else None


def _other_than_card(sums: dict[str, str]) -> bool:
    return any(shipping.SHIPPED_SHA256.get(name) != digest for name, digest in sums.items() if name != CARD_NAME)
