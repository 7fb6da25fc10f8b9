"""Chats in: files of any known format become checked chats, or rejections that say why.

A format is one module of this package with a subclass of ``base.Source``; it is found by looking.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from qa.errors import SourceError
from qa.sources.base import Accepted, Note, Raw, ReadOptions, Rejected, Source, abridge
from qa.sources.canonical import convert
from qa.sources.fields import Problem
from qa.sources.files import head_of

__all__ = ["Accepted", "Note", "ReadOptions", "Rejected", "read_chats", "source_names"]


def source_names() -> tuple[str, ...]:
    """What ``--format`` understands, sorted."""
    return tuple(sorted(_sources()))


def read_chats(
    path: Path,
    options: ReadOptions,
    format: str | None = None,  # noqa: A002 -- the word users know
) -> Iterator[Accepted | Rejected]:
    """Every candidate of a file, in file order, each as exactly one ``Accepted`` or ``Rejected``.

    The format is that of the name given, else of the file's suffix, else of its first bytes. Raises ``SourceError`` at
    once if the file is missing, no file, or of no known format; when reading begins, if it cannot be opened. Memory
    does not grow with the file.
    """
    if path.is_dir():
        raise SourceError(f"{path}: is a directory; name the files in it")
    if not path.exists():
        raise SourceError(f"{path}: no such file")
    source = _by_name(format) if format is not None else _for_file(path, options)
    return _checked(source, path, options)


def _checked(source: Source, path: Path, options: ReadOptions) -> Iterator[Accepted | Rejected]:
    file, merchant, zone, now = str(path), options.merchant, options.zone, options.now
    for item in source.read(path, options):
        if type(item) is Rejected:
            yield item
            continue
        assert isinstance(item, Raw)
        chat, problems, odd = convert(item.data, merchant=merchant, zone=zone, now=now)
        if chat is None:
            yield _rejected(file, item, problems)
        else:
            notes = item.notes + tuple(Note(file, item.line, field, reason) for field, reason in odd)
            yield Accepted(chat, item.line, notes)


def _rejected(file: str, raw: Raw, problems: tuple[Problem, ...]) -> Rejected:
    """The first problem, and where the others are."""
    field, reason = problems[0]
    if len(problems) > 1:
        others = ", ".join(problem.field for problem in problems[1:6])
        reason += f" (and {len(problems) - 1} more: {others}{' …' if len(problems) > 6 else ''})"  # noqa: PLR2004 -- 1 + 5
    return Rejected(file, _line_of(raw, field), field, reason, abridge(raw.original))


def _line_of(raw: Raw, field: str) -> int:
    """The line of the message at fault where messages have lines of their own, else that of the record."""
    head, _, rest = field.partition("[")
    if head != "messages" or not raw.lines:
        return raw.line
    return raw.lines[int(rest.partition("]")[0])]


@cache
def _sources() -> dict[str, Source]:
    """Every source by name. Two with one name or suffix are a mistake in the package, and stop it loudly."""
    found: dict[str, Source] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Source) and value is not Source:
                _register(found, value)
    return found


def _register(found: dict[str, Source], kind: type[Source]) -> None:
    if type(found.get(kind.name)) is kind:  # imported by a second module
        return
    if kind.name in found:
        raise TypeError(f"two sources are named {kind.name!r}")
    for other in found.values():
        if shared := set(other.suffixes) & set(kind.suffixes):
            raise TypeError(f"sources {other.name!r} and {kind.name!r} both claim {', '.join(sorted(shared))}")
    found[kind.name] = kind()


def _by_name(name: str) -> Source:
    try:
        return _sources()[name]
    except KeyError:
        raise SourceError(f"unknown source {name!r}; known are {', '.join(source_names())}") from None


def _for_file(path: Path, options: ReadOptions) -> Source:
    name = path.name.lower().removesuffix(".gz")
    for source in _sources().values():
        if name.endswith(source.suffixes):
            return source
    head = head_of(path, options)
    for source in _sources().values():
        if source.sniff(head):
            return source
    known = ", ".join(source_names())
    raise SourceError(f"{path}: neither its name nor its beginning tells the format; name one (--format): {known}")
