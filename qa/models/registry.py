"""The registry: versions of the model on disk, which of them is current, and whether each can be trusted.

    <data_dir>/secret                          what signs (or QA_SECRET_KEY)
    <data_dir>/models/2026-11-21-001-name/     the model's files, card.json, manifest.json, manifest.hmac
    <data_dir>/models/current.json             the last act: which version is current, since when, by whom, why
    <data_dir>/models/history.jsonl            all acts, each chained to the one before
    <data_dir>/models/lock                     held while something is written

A version never changes. Every file is read once into memory; signature, names, sizes, hashes, card, libraries and
dictionary are checked before any content is handed on, and nothing is ever unpickled. The registry knows a model only
as named contents and a card.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import msgspec

from qa.models import history as acts
from qa.models.card import CARD_NAME, Card, Environment, Problem, decode_card, encode_card, here, incompatible
from qa.models.folder import locked, read_folder, write_folder
from qa.models.gate import WorseThan, worse_by_cards
from qa.models.history import CURRENT_NAME, HISTORY_NAME, SHIPPED, Act, History, read_history
from qa.models.manifest import MANIFEST_NAME, OUR_FILES, SIGNATURE_NAME, Manifest, differs, entry_of, sealed, unsealed
from qa.models.opinions import ModelError
from qa.types import Instant

T = TypeVar("T")

MODELS_NAME = "models"
LOCK_NAME = "lock"
VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{3}-[a-z0-9]+(-[a-z0-9]+)*")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_NAME = 40
LAST_NUMBER = 999
"""Versions of one day; one more would no longer sort."""

_UNFINISHED = ".unfinished"


class Shipped(NamedTuple):
    """The model that comes with the program: its folder, and the SHA-256 of each of its files, from the code."""

    folder: Path
    sha256: Mapping[str, str]


class Stored(NamedTuple):
    """A version that passed every check; ``files`` are the model's own, without card and manifest."""

    version: str
    card: Card
    files: Mapping[str, bytes]


class Loaded(NamedTuple, Generic[T]):
    """A version and the model made of its files."""

    version: str
    card: Card
    model: T


class By(NamedTuple):
    """Who promotes or rolls back, when, why, and whether even to something worse."""

    user: str
    at: Instant
    why: str | None = None
    forced: bool = False


class Registry:
    """The versions of one installation. ``secret`` is asked for only when something is signed or checked."""

    def __init__(
        self,
        data_dir: Path,
        secret: Callable[[], bytes],
        shipped: Shipped | None = None,
        environment: Callable[[], Environment] = here,
    ) -> None:
        self.folder = data_dir / MODELS_NAME
        self._ask, self._shipped, self._environment = secret, shipped, environment

    @cached_property
    def _secret(self) -> bytes:
        return self._ask()

    @cached_property
    def _here(self) -> Environment:
        return self._environment()

    # --- looking ---

    def versions(self) -> list[str]:
        """Return the names of the versions there are, oldest first; whether they can be trusted is for ``read``."""
        return [SHIPPED] * (self._shipped is not None) + [name for name in self._names() if VERSION.fullmatch(name)]

    def history(self) -> History:
        """Return all promotions and rollbacks; ``ModelError`` where the record of them cannot be trusted."""
        there = (self.folder / name for name in (CURRENT_NAME, HISTORY_NAME))
        if not any(path.exists() or path.is_symlink() for path in there):
            return History()  # and no secret is made for it
        try:
            return read_history(self.folder, self._secret)
        except ModelError as error:
            inside = str(error).startswith((CURRENT_NAME, HISTORY_NAME))
            raise ModelError(f"{MODELS_NAME}/{error}" if inside else str(error)) from None

    def current(self) -> str:
        """Return the version that judges; the shipped one where none was promoted."""
        return self.history().current

    def read(self, version: str | None = None) -> Stored:
        """Return a version (None: the current one), checked. ``ModelError`` names each file and what is wrong."""
        stored, problems = self._inspect(self.current() if version is None else version)
        if stored is None:
            raise ModelError("; ".join(map(str, problems)))
        return stored

    def place(self, version: str) -> Path:
        """Return the folder in which a version's files are."""
        return self._shipped.folder if version == SHIPPED and self._shipped else self.folder / version

    def load(self, build: Callable[[Mapping[str, bytes]], T], version: str | None = None) -> Loaded[T]:
        """Return a version as a model: its files, once they are checked, go to ``build`` (``Model.from_files``)."""
        stored = self.read(version)
        try:
            model = build(stored.files)
        except ModelError as error:
            raise ModelError(f"{_label(stored.version)}: {error}") from None
        return Loaded(stored.version, stored.card, model)

    def verify(self, version: str | None = None) -> list[Problem]:
        """Return everything that is wrong with a version, or (None) with all of them, the history, and the folder."""
        if version is not None:
            return self._inspect(version)[1]
        problems = [problem for name in self.versions() for problem in self._inspect(name)[1]]
        return [*problems, *self._history_problems(), *self._strangers()]

    # --- changing ---

    def add(self, files: Mapping[str, bytes], card: Card, name: str, day: str) -> Stored:
        """Write a new version and return it; its name is the day, the next number of that day, and ``name``.

        ``day`` is ``YYYY-MM-DD``; name and parent of ``card`` are filled in. A kill leaves nothing or all of it.
        """
        check_name(name)
        if CARD_NAME in files:
            raise ModelError(f"{CARD_NAME!r} cannot be the name of a model's file")
        with self._writing():
            history = self.history()
            version = f"{day}-{self._next_number(day, history):03d}-{name}"
            assert VERSION.fullmatch(version), version
            card = msgspec.structs.replace(card, name=version, parent=history.current)
            contents = {**files, CARD_NAME: encode_card(card)}
            contents |= sealed(version, contents, self._secret)
            for left in self.folder.glob(f"{_UNFINISHED}-*"):  # of a process that was killed: we hold the lock
                shutil.rmtree(left)
            write_folder(self.folder, contents, version, f"{_UNFINISHED}-{version}")
        return Stored(version, card, dict(files))

    def promote(self, version: str, by: By, worse_than: WorseThan = worse_by_cards) -> Act:
        """Make a version current; ``ModelError`` if it cannot be trusted, or is worse and ``by`` does not force it."""
        with self._writing():
            candidate = self.read(version)
            history = self.history()
            if version == history.current:
                raise ModelError(f"{version} is current already")
            if by.forced and not (by.why or "").strip():
                raise ModelError("a promotion that is forced needs a reason")
            reasons = self._against(history.current, candidate.card, worse_than)
            if reasons and not by.forced:
                raise ModelError(f"{version} is not promoted: {'; '.join(reasons)}")
            return self._record(history, version, by._replace(forced=bool(reasons)), "promote")

    def rollback(self, by: By) -> Act:
        """Make current again what was current before the last promotion that still holds."""
        with self._writing():
            history = self.history()
            before = history.before
            if before is None:
                raise ModelError(f"there is no promotion to undo: {history.current} is current")
            self.read(before)
            return self._record(history, before, by._replace(forced=False), "rollback")

    # --- how ---

    def _record(self, history: History, version: str, by: By, act: acts.Kind) -> Act:
        one = Act(
            number=len(history.acts) + 1,
            act=act,
            version=version,
            before=history.current,
            by=by.user,
            at=by.at,
            why=by.why,
            forced=by.forced,
            previous=history.head,
        )
        acts.record(self.folder, history, one, self._secret)
        return one

    def _against(self, current: str, candidate: Card, worse_than: WorseThan) -> tuple[str, ...]:
        if current == SHIPPED and self._shipped is None:
            return ()  # nothing is in use that it could be worse than
        try:
            now = self.read(current).card
        except ModelError as error:
            return (f"the current version cannot be compared with: {error}",)
        return worse_than(now, candidate)

    def _next_number(self, day: str, history: History) -> int:
        """One more than any version of the day had, even one that was removed after it had been current."""
        known = {*self.versions(), *(act.version for act in history.acts), *(act.before for act in history.acts)}
        last = max((int(name.split("-")[3]) for name in known if name.startswith(f"{day}-")), default=0)
        if last >= LAST_NUMBER:
            raise ModelError(f"{day}: there are {last} versions of this day already")
        return last + 1

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder / LOCK_NAME):
                yield
        except OSError as error:
            raise ModelError(f"{self.folder}: cannot be written: {error.strerror or error}") from None

    def _inspect(self, version: str) -> tuple[Stored | None, list[Problem]]:
        """Return a version if nothing is wrong with it, and what is."""
        if version == SHIPPED:
            found, problems = self._shipped_files()
        elif VERSION.fullmatch(version):
            found, problems = self._signed_files(version)
        else:
            return None, [Problem(version, "is no name of a version")]
        if problems:
            return None, problems
        label = f"{_label(version)}/{CARD_NAME}"
        try:
            card = decode_card(found.get(CARD_NAME, b""))
        except ModelError as error:
            return None, [Problem(label, str(error))]
        reasons = incompatible(card, self._here)
        if card.name != version:
            reasons.append(f"is the card of {card.name!r}")
        if reasons:
            return None, [Problem(label, reason) for reason in reasons]
        return Stored(version, card, {name: found[name] for name in found if name not in (CARD_NAME, *OUR_FILES)}), []

    def _signed_files(self, version: str) -> tuple[dict[str, bytes], list[Problem]]:
        label = _label(version)
        if not (self.folder / version).is_dir():
            known = self.versions()
            return {}, [Problem(label, f"there is no such version (there are: {', '.join(known) or 'none'})")]
        found, problems = read_folder(self.folder / version, label)
        missing = [name for name in OUR_FILES if name not in found]
        if missing:
            return {}, problems or [Problem(f"{label}/{name}", "is missing") for name in missing]
        try:
            secret = self._secret
        except ModelError as error:
            return {}, [_problem(error)]
        try:
            manifest = unsealed(found[MANIFEST_NAME], found[SIGNATURE_NAME], version, secret)
        except ModelError as error:
            return {}, [_problem(error, f"{label}/")]
        return found, problems + _compared(manifest, found, label, {problem.where for problem in problems})

    def _shipped_files(self) -> tuple[dict[str, bytes], list[Problem]]:
        if self._shipped is None:
            return {}, [Problem(SHIPPED, "no model comes with this program")]
        found, problems = read_folder(self._shipped.folder, SHIPPED)
        code = {name for name in found if name.endswith((".py", ".pyc"))}
        problems = [problem for problem in problems if not problem.where.endswith("/__pycache__")]
        for name in sorted(self._shipped.sha256.keys() | found.keys() - code):
            expected = self._shipped.sha256.get(name)
            if expected is None:
                problems.append(Problem(f"{SHIPPED}/{name}", "is not one of the model's files"))
            elif name not in found:
                problems.append(Problem(f"{SHIPPED}/{name}", "is missing"))
            elif entry_of(found[name]).sha256 != expected:
                problems.append(Problem(f"{SHIPPED}/{name}", "was changed: its SHA-256 is not that of the program"))
        return {name: found[name] for name in found if name in self._shipped.sha256}, problems

    def _history_problems(self) -> list[Problem]:
        try:
            history = self.history()
        except ModelError as error:
            return [_problem(error)]
        if history.current in self.versions():
            return []
        return [Problem(f"{MODELS_NAME}/{CURRENT_NAME}", f"names {history.current}, which is not there")]

    def _strangers(self) -> list[Problem]:
        """What lies in the folder and is none of ours; what a killed process left is ours."""
        ours = (CURRENT_NAME, HISTORY_NAME, LOCK_NAME)
        left = (f"{_UNFINISHED}-", f".{CURRENT_NAME}")
        return [
            Problem(f"{MODELS_NAME}/{name}", "is no version and none of the registry's files")
            for name in self._names()
            if name not in ours and not VERSION.fullmatch(name) and not name.startswith(left)
        ]

    def _names(self) -> list[str]:
        """Return what is in the folder, sorted; nothing where there is none."""
        try:
            return sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ModelError(f"{self.folder}: cannot be read: {error.strerror}") from None


def check_name(name: str) -> None:
    """Raise ``ModelError`` for a name that cannot be the end of a version's.

    >>> check_name("reviews-2")
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        allowed = f"lower-case letters, digits and single hyphens between them, at most {LONGEST_NAME}"
        raise ModelError(f"name {name!r}: must be {allowed}")


def _problem(error: ModelError, prefix: str = "") -> Problem:
    """Take a message of the form ``where: what`` apart."""
    where, _, what = str(error).partition(": ")
    return Problem(f"{prefix}{where}", what)


def _label(version: str) -> str:
    return version if version == SHIPPED else f"{MODELS_NAME}/{version}"


def _compared(manifest: Manifest, found: Mapping[str, bytes], label: str, told: set[str]) -> list[Problem]:
    """Compare what the manifest lists with what was read."""
    problems = []
    for name in sorted({*manifest.files, *found} - {*OUR_FILES}):
        where = f"{label}/{name}"
        if where in told:
            continue
        if name not in manifest.files:
            problems.append(Problem(where, f"does not belong there: {MANIFEST_NAME} does not list it"))
        elif name not in found:
            problems.append(Problem(where, "is missing"))
        elif what := differs(manifest.files[name], found[name]):
            problems.append(Problem(where, what))
    return problems
