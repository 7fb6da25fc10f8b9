"""Bring the translation catalogs up to date with code and templates.

    python assets/catalogs.py          extract, merge into the .po files, compile the .mo files; say what is missing

Afterwards translate what is listed in qa/web/translations/*/LC_MESSAGES/messages.po and run it again. A text that only
resembles a translated one is not taken over ("fuzzy"): a wrong text is worse than a missing one, which a test finds.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

WEB = Path(__file__).resolve().parent.parent / "qa" / "web"
TRANSLATIONS = WEB / "translations"
LOCALES = ("zh_Hans_CN",)
"""English needs none: it is what stands in the code."""
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
KEYWORDS = {"_": None, "_l": None, "_n": (1, 2), "gettext": None, "ngettext": (1, 2)}
_WIDTH = 110
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # the format wants one; the content decides, not the day


def extracted() -> Catalog:
    """Every marked text of code and templates, with the places where it stands."""
    catalog = Catalog()
    found = extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS, comment_tags=("translators:",), strip_comment_tags=True)
    for file, line, message, comments, context in sorted(found, key=lambda one: (one[0], one[1], str(one[2]))):
        catalog.add(message, None, [(file, line)], auto_comments=comments, context=context)
    return catalog


def merged(locale: str) -> Catalog:
    """The catalog of a language with exactly the texts of now; translations are kept."""
    file = po_file(locale)
    old = read_po(io.BytesIO(file.read_bytes()), locale=locale) if file.exists() else Catalog(locale)
    new = Catalog(locale, header_comment="# Texts of the workbench; kept by assets/catalogs.py.", fuzzy=False)
    for message in extracted():
        if message.id:
            known = old.get(message.id, message.context)
            text = known.string if known is not None and not known.fuzzy else None
            places = sorted({file for file, _ in message.locations})
            new.add(message.id, text, [(place, None) for place in places], message.flags - {"fuzzy"})  # type: ignore[list-item, misc]
    return new


def missing(catalog: Catalog) -> list[Message]:
    """Texts without a translation, or with an incomplete plural."""
    strings = [(m, m.string if isinstance(m.string, tuple) else (m.string,)) for m in catalog if m.id]
    return [message for message, texts in strings if not all(texts)]


def as_po(catalog: Catalog) -> bytes:
    """The catalog as text, the same bytes for the same texts: no dates, no line numbers."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=_WIDTH, omit_header=True, sort_output=True, include_lineno=False)
    header = f'{catalog.header_comment}\nmsgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    plural = f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    return (header + plural).encode() + buffer.getvalue().rstrip(b"\n") + b"\n"


def as_mo(catalog: Catalog) -> bytes:
    """The catalog compiled."""
    catalog = read_po(io.BytesIO(as_po(catalog)), locale=catalog.locale)
    catalog.creation_date = catalog.revision_date = _NO_DATE
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def po_file(locale: str) -> Path:
    """Where the texts of a language stand; the compiled ones are beside it."""
    return TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po"


def main() -> int:
    """Write all catalogs; exit with 1 where something is not translated."""
    left = 0
    for locale in LOCALES:
        catalog = merged(locale)
        file = po_file(locale)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(as_po(catalog))
        file.with_suffix(".mo").write_bytes(as_mo(catalog))
        for message in missing(catalog):
            left += 1
            print(f"{locale}: not translated: {message.id!r}")
    print(f"{left} texts left to translate" if left else "all texts are translated")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
