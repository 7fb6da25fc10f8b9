"""Settings: one TOML file, and ``QA_*`` environment variables which win over it.

    [file]                       [environment]
    database_url = "…"           QA_DATABASE_URL    default: a SQLite file in the data directory
    data_dir = "var"             QA_DATA_DIR        default: ./var
    secret_key = "…"             QA_SECRET_KEY      32 characters or more
    timezone = "Asia/Shanghai"   QA_TIMEZONE
    workers = 4                  QA_WORKERS         default: as many as the work repays
    scorecard = "card.yaml"      QA_SCORECARD       default: the house scorecard
    [packs] [policy] [merchants.NAME] [[periods]]   only in the file

Paths in the file are relative to the file, paths in the environment to the current folder.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from qa.errors import ConfigError

CONFIG_NAME = "zhijian.toml"
DATABASE_NAME = "zhijian.sqlite3"
SECRET_KEY_LENGTH = 32
"""Characters a secret key has at least: 32 hex digits are 128 bits."""

_SCALARS = ("database_url", "data_dir", "secret_key", "timezone", "workers", "scorecard")
_PATHS = ("data_dir", "scorecard")
_KNOWN = {f"QA_{name.upper()}": name for name in _SCALARS}
_NOT_OURS = ("QA_TEST_", "QA_SHARED", "QA_CONFIG")

_Table = dict[str, Any]


class Settings(BaseModel):
    """Everything that can be set, checked. ``None`` means: not set, and the place that needs it says what then."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Path("var")
    database_url: Annotated[str, Field(repr=False, validate_default=True)] = ""
    secret_key: SecretStr | None = None
    timezone: str = "Asia/Shanghai"
    workers: Annotated[int, Field(ge=1, le=512)] | None = None
    scorecard: Path | None = None
    packs: dict[str, Path] = {}
    policy: _Table = {}
    merchants: dict[str, _Table] = {}
    periods: list[_Table] = []
    file: Path | None = None
    """The file these settings came from, if any."""

    @field_validator("database_url")
    @classmethod
    def _default_file(cls, url: str, info: ValidationInfo) -> str:
        """An empty URL is our file in the data directory; any other is checked where it is opened."""
        return url or f"sqlite:///{info.data.get('data_dir', Path('var')) / DATABASE_NAME}"

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < SECRET_KEY_LENGTH:
            raise ValueError(
                f"is too short: {SECRET_KEY_LENGTH} characters or more, "
                "for example from: python3 -c 'import secrets; print(secrets.token_hex(32))'"
            )
        return key

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # unknown, a path, a folder of zones
            hint = _did_you_mean(name, available_timezones())
            raise ValueError(f"{name!r} is no time zone of the IANA list{hint}") from None
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which a local day begins and ends."""
        return ZoneInfo(self.timezone)

    def policy_mapping(self) -> dict[str, Any]:
        """Return what ``PolicyBook.from_mapping`` reads: the house's fields, with merchants and periods inside."""
        return {**self.policy, "merchants": self.merchants, "periods": self.periods}


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read ``path``, else ``QA_CONFIG``, else ``zhijian.toml`` of the data directory if there; then the environment.

    Raises ``ConfigError`` naming the file or variable, the key and the reason.
    """
    from_environment = _environment(environ)
    file = _find(path, environ)
    from_file = _read(file) if file else {}
    try:
        return Settings.model_validate({**from_file, **from_environment, "file": file})
    except ValidationError as error:
        raise ConfigError("\n".join(_describe(error, file, from_environment))) from None


def _find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the settings file to read; one that was asked for must be there."""
    named = path or (Path(environ["QA_CONFIG"]) if environ.get("QA_CONFIG") else None)
    if named is None:
        usual = Path(environ.get("QA_DATA_DIR") or "var") / CONFIG_NAME
        return usual if usual.is_file() else None
    if not named.is_file():
        raise ConfigError(f"{named}: no such settings file ({'--config' if path else 'QA_CONFIG'} names it)")
    return named


def _read(file: Path) -> _Table:
    """Parse the file and make its paths relative to where it stands."""
    try:
        table = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: not readable as TOML: {error}") from None
    unknown = sorted(table.keys() - (Settings.model_fields.keys() - {"file"}))
    if unknown:
        raise ConfigError(f"{file}: {unknown[0]}: no such setting{_did_you_mean(unknown[0], Settings.model_fields)}")
    for name in _PATHS:
        table |= {name: _beside(file, table[name])} if name in table else {}
    if isinstance(table.get("packs"), dict):
        table["packs"] = {merchant: _beside(file, pack) for merchant, pack in table["packs"].items()}
    return table


def _beside(file: Path, value: Any) -> Any:
    """Return a path of the file, relative to its folder; anything that is no text is left for the checks."""
    return file.parent / Path(value).expanduser() if isinstance(value, str) else value


def _environment(environ: Mapping[str, str]) -> _Table:
    """Return what ``QA_*`` sets; an empty variable sets nothing, an unknown one is a mistake worth stopping for."""
    values: _Table = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith("QA_") or variable.startswith(_NOT_OURS):
            continue
        if variable not in _KNOWN:
            raise ConfigError(f"{variable}: no such setting{_did_you_mean(variable, _KNOWN)}")
        if value:
            values[_KNOWN[variable]] = value
    return values


def _describe(error: ValidationError, file: Path | None, from_environment: _Table) -> list[str]:
    """Return one line a problem: where it was set, which key, what is wrong."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        where = [str(part) for part in problem["loc"]]
        key = ".".join(where)
        place = f"QA_{key.upper()}" if key in from_environment else f"{file}: {key}"
        lines.append(f"{place}: {problem['msg'].removeprefix('Value error, ')}")
    return lines


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean X?)`` when there is an X close enough, else nothing.

    >>> _did_you_mean("QA_TIMEZON", ["QA_TIMEZONE", "QA_WORKERS"])
    ' (did you mean QA_TIMEZONE?)'
    """
    close = difflib.get_close_matches(word, [*known], n=1, cutoff=0.7)
    return f" (did you mean {close[0]}?)" if close else ""
