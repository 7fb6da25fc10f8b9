"""``qa doctor``: is this installation fit to work, and if not, what to do."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from qa import __version__, tokens
from qa.cli.common import out
from qa.config import Settings, load_settings
from qa.errors import ConfigError, QaError
from qa.policy import Policy, PolicyBook

LIBRARIES = ("sqlalchemy", "alembic", "msgspec", "pydantic", "scikit-learn", "numpy", "google-re2", "ahocorasick-rs")
OPTIONAL = {"rjieba": "tokens come 25 times slower", "psycopg": "PostgreSQL cannot be used"}
TOKEN_PROBES = (
    "您好，请问有什么可以帮您？",
    "订单号 A-1024.5%，尺码XL",
    "亲亲～退货运费由我们承担哦\n谢谢",
    "ＶＸ 一二三 abc",
)
SIMPLIFIED = ("請問發票", "请问发票")
_SECONDS = 20  # for fc-list, which may have to build its cache


class Level(StrEnum):
    """How a check ended; only ``fail`` makes the command exit with 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report; ``advice`` says what to do and is empty when nothing is."""

    name: str
    level: Level
    detail: str
    advice: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Check this installation: versions, settings, database, dictionaries, fonts, write access.

    Exit code 1 when something that is needed fails; warnings leave it at 0.
    """
    checks = diagnose(ctx.find_root().obj, os.environ)
    failed = [check for check in checks if check.level is Level.FAIL]
    if as_json:
        report = {"version": 1, "ok": not failed, "checks": [asdict(check) for check in checks]}
        click.echo(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        _show(checks)
    ctx.exit(1 if failed else 0)


def diagnose(config: Path | None, environ: Mapping[str, str]) -> list[Check]:
    """Run every check and return them in the order they are shown; no check stops another."""
    try:
        settings, first = load_settings(config, environ), []
        first.append(_settings_file(settings))
    except ConfigError as error:
        settings = Settings()
        first = [Check("settings", Level.FAIL, str(error), "correct it; the checks below use the defaults")]
    return [*_python(), *_libraries(), *first, *_guarded(settings)]


def _guarded(settings: Settings) -> Iterator[Check]:
    """Run the checks that depend on settings; whatever one raises is its result."""
    for name, check in _CHECKS.items():
        try:
            yield from check(settings)
        except QaError as error:
            yield Check(name, Level.FAIL, str(error), "see docs/examples/zhijian.toml for what can be set")
        except Exception as error:  # noqa: BLE001 - a doctor reports, whatever is broken
            yield Check(
                name, Level.FAIL, f"{type(error).__name__}: {error}", "reinstall: remove .venv, start ./run again"
            )


def _python() -> Iterator[Check]:
    yield Check("zhijian", Level.OK, __version__)
    yield Check("python", Level.OK, f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _libraries() -> Iterator[Check]:
    found = {name: _version(name) for name in LIBRARIES}
    missing = [name for name, number in found.items() if number is None]
    listing = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    if missing:
        yield Check("libraries", Level.FAIL, f"missing: {', '.join(missing)}", "remove .venv and start ./run again")
    else:
        yield Check("libraries", Level.OK, listing)
    for name, loss in OPTIONAL.items():
        number = _version(name)
        if number is None:
            yield Check(name, Level.WARN, f"not installed: {loss}", f"pip install {name}")
        else:
            yield Check(name, Level.OK, number)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _settings_file(settings: Settings) -> Check:
    where = str(settings.file) if settings.file else "none: defaults and QA_* variables"
    return Check("settings", Level.OK, f"{where}; time zone {settings.timezone}")


def _data_dir(settings: Settings) -> Iterator[Check]:
    """Try to write, in the directory or where it would be made; nothing stays behind."""
    folder = settings.data_dir.absolute()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as probe:
            probe.write(b"x")
    except OSError as error:
        advice = "give this user write access, or set QA_DATA_DIR"
        yield Check("data directory", Level.FAIL, f"{folder}: {error.strerror}", advice)
    else:
        yield Check("data directory", Level.OK, f"{folder} {'is' if existing == folder else 'can be made,'} writable")


def _database(settings: Settings) -> Iterator[Check]:
    from qa.store.migrate import current_revision, head_revision  # noqa: PLC0415 - the doctor starts without it
    from qa.store.session import describe, make_engine  # noqa: PLC0415

    engine = make_engine(settings.database_url)
    try:
        current, head, where = current_revision(engine), head_revision(), describe(engine)
    except QaError as error:
        advice = "start it, or correct database_url; ./run keeps SQLite when none is set"
        yield Check("database", Level.FAIL, str(error), advice)
        return
    finally:
        engine.dispose()
    yield Check("database", Level.OK, where)
    if current is None:
        yield Check("migrations", Level.WARN, "no tables yet", "qa db upgrade, or the first import makes them")
    elif current != head:
        yield Check("migrations", Level.FAIL, f"schema {current}, this program needs {head}", "qa db upgrade")
    else:
        yield Check("migrations", Level.OK, f"schema {head}")


def _dictionary(_settings: Settings) -> Iterator[Check]:
    expected = [tokens.tokenize_with("jieba", probe) for probe in TOKEN_PROBES]
    yield Check("dictionary", Level.OK, f"jieba, sha256 {tokens.dictionary_hash()[:16]}")
    for engine in tokens.engines()[:-1]:
        same = [tokens.tokenize_with(engine, probe) for probe in TOKEN_PROBES] == expected
        if same:
            yield Check("tokens", Level.OK, f"{engine} cuts exactly as jieba does")
        else:
            advice = f"pip uninstall {engine}: scores would depend on the machine"
            yield Check("tokens", Level.FAIL, f"{engine} cuts differently from jieba", advice)


def _traditional(_settings: Settings) -> Iterator[Check]:
    from opencc import OpenCC  # noqa: PLC0415 - reads its dictionaries when made

    given, wanted = SIMPLIFIED
    got = OpenCC("t2s").convert(given)
    if got == wanted:
        yield Check("opencc", Level.OK, f"{given} → {got}")
    else:
        advice = "reinstall opencc-python-reimplemented: traditional characters would evade rules"
        yield Check("opencc", Level.FAIL, f"{given} → {got}, not {wanted}", advice)


def _fonts(_settings: Settings) -> Iterator[Check]:
    advice = "for pictures and prints: apt-get install fonts-noto-cjk"
    program = shutil.which("fc-list")
    if program is None:
        yield Check("fonts", Level.WARN, "fc-list is not here to tell", advice)
        return
    try:
        listing = subprocess.run(  # noqa: S603 - a fixed program, fixed arguments
            [program, ":lang=zh", "family"], capture_output=True, check=False, timeout=_SECONDS, text=True
        ).stdout
    except subprocess.TimeoutExpired:
        yield Check("fonts", Level.WARN, f"fc-list gave no answer within {_SECONDS} s", advice)
        return
    families = sorted({line.split(",")[0] for line in listing.splitlines() if line})
    if families:
        yield Check("fonts", Level.OK, f"{len(families)} with Chinese, such as {families[0]}")
    else:
        yield Check("fonts", Level.WARN, "none with Chinese characters", advice)


def _secrets(settings: Settings) -> Iterator[Check]:
    kept = settings.data_dir / "secret"
    if settings.secret_key is None and kept.is_file():
        yield Check("secret key", Level.OK, str(kept))
    elif settings.secret_key is None:
        advice = "run `qa init`, or set QA_SECRET_KEY to 32 random characters or more"
        yield Check("secret key", Level.WARN, "not set; pages cannot be served without one", advice)
    elif len(set(settings.secret_key.get_secret_value())) < _DISTINCT:
        yield Check("secret key", Level.WARN, "easy to guess", "use random characters")
    else:
        yield Check("secret key", Level.OK, "set")


def _policy(settings: Settings) -> Iterator[Check]:
    book = PolicyBook.from_mapping(settings.policy_mapping(), where=str(settings.file or "settings"))
    periods = len(book.periods)
    yield Check("policy", Level.OK, f"house, {len(book.merchants)} merchants of their own, {periods} periods")
    if book.house.get("salt", Policy().salt) == Policy().salt:
        advice = 'put salt = "…" of your own under [policy]: whoever knows it can foresee the draw'
        yield Check("salt", Level.WARN, "the default one, which everybody knows", advice)
    else:
        yield Check("salt", Level.OK, "your own")


_DISTINCT = 8  # different characters; 32 random hex digits have about 14 of 16

_CHECKS: Mapping[str, Callable[[Settings], Iterator[Check]]] = {
    "data directory": _data_dir,
    "database": _database,
    "dictionary": _dictionary,
    "opencc": _traditional,
    "fonts": _fonts,
    "secrets": _secrets,
    "policy": _policy,
}

_STYLE = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


def _show(checks: list[Check]) -> None:
    console = out()
    width = max(len(check.name) for check in checks)
    for check in checks:
        console.print(f"{check.level:4}", style=_STYLE[check.level], end="")
        console.print(f"  {check.name:<{width}}  {check.detail}")
        if check.advice:
            console.print(f"{'':{width + 8}}→ {check.advice}")
    counts = {level: sum(check.level is level for check in checks) for level in Level}
    console.print(f"{counts[Level.OK]} ok, {counts[Level.WARN]} warnings, {counts[Level.FAIL]} failures")
