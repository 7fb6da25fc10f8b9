"""Settings: one TOML file, and ``QA_*`` environment variables which win over it.

    [file]                       [environment]
    database_url = "…"           QA_DATABASE_URL    default: a SQLite file in the data directory
    data_dir = "var"             QA_DATA_DIR        default: ./var
    secret_key = "…"             QA_SECRET_KEY      32 characters or more
    timezone = "Asia/Shanghai"   QA_TIMEZONE
    workers = 4                  QA_WORKERS         default: as many as the work repays
    dask_scheduler = "tcp://…"   QA_DASK_SCHEDULER  the cluster of qa nightly --backend dask
    scorecard = "card.yaml"      QA_SCORECARD       default: the house scorecard
    model = "current"            QA_MODEL           a version of the classifier, or off
    public_url = "https://…"     QA_PUBLIC_URL      where browsers find the workbench; default: this machine only
    trusted_proxies = 1          QA_TRUSTED_PROXIES reverse proxies in front of the workbench, default 0
    session_hours = 12           QA_SESSION_HOURS   how long somebody stays logged in at most
    idle_minutes = 120           QA_IDLE_MINUTES    … and without a click
    retention_days = 730         QA_RETENTION_DAYS  days for which texts of chats are kept; default: for ever
    metrics_token = "…"          QA_METRICS_TOKEN   whom /metrics is given to, 32 characters or more; default: nobody
    log_json = true              QA_LOG_JSON        the log as one JSON object a line
    [packs] [policy] [merchants.NAME] [[periods]] [retention]   only in the file

Paths in the file are relative to the file, paths in the environment to the current folder. A pack is a file, or a
shipped one by its name: ``acme = "preset:finance"`` (docs/presets.md).
"""

from __future__ import annotations

import difflib
import re
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

_SCALARS = (
    "database_url", "data_dir", "secret_key", "timezone", "workers", "scorecard", "model",
    "public_url", "trusted_proxies", "session_hours", "idle_minutes", "retention_days",
    "metrics_token", "log_json", "dask_scheduler",
)  # fmt: skip
_PATHS = ("data_dir", "scorecard")
_KNOWN = {f"QA_{name.upper()}": name for name in _SCALARS}
_NOT_OURS = ("QA_TEST_", "QA_SHARED", "QA_CONFIG")

_ORIGIN = re.compile(r"https?://([\w-]+(\.[\w-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?/?", re.ASCII | re.IGNORECASE)

_Table = dict[str, Any]
Days = Annotated[int, Field(ge=1, le=36_500)]


class Settings(BaseModel):
    """Everything that can be set, checked. ``None`` means: not set, and the place that needs it says what then."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Path("var")
    database_url: Annotated[str, Field(repr=False, validate_default=True)] = ""
    secret_key: SecretStr | None = None
    timezone: str = "Asia/Shanghai"
    workers: Annotated[int, Field(ge=1, le=512)] | None = None
    dask_scheduler: str | None = None
    """Address of the Dask scheduler for nights on a cluster: ``tcp://HOST:PORT`` or ``tls://HOST:PORT``."""
    scorecard: Path | None = None
    model: Annotated[str, Field(min_length=1)] = "current"
    """The version that gives opinions at night: ``current``, the name of one, or ``off``."""
    public_url: str | None = None
    """Scheme, host and port under which browsers reach the workbench, without a slash at the end."""
    trusted_proxies: Annotated[int, Field(ge=0, le=8)] = 0
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    idle_minutes: Annotated[int, Field(ge=5, le=1440)] = 120
    retention_days: Days | None = None
    """Days for which the text of a chat is kept; None: for ever. ``retention`` has merchants with another term."""
    retention: dict[str, Days] = {}
    metrics_token: SecretStr | None = None
    """What Prometheus shows to be given the figures of ``/metrics``; None: nobody is given them."""
    log_json: bool = False
    """Whether the log is one JSON object a line."""
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

    @field_validator("secret_key", "metrics_token")
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

    @field_validator("public_url")
    @classmethod
    def _only_an_origin(cls, url: str | None) -> str | None:
        if url is not None and not _ORIGIN.fullmatch(url):
            raise ValueError("must be http:// or https://, a host, and a port where it is not the usual one; no path")
        return url and url.rstrip("/").lower()

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
    """Return a path of the file, relative to its folder; anything that is no text is left for the checks.

    ``preset:NAME`` names a shipped rule pack, which lies in no folder; a file of that name wins.
    """
    if not isinstance(value, str):
        return value
    path = file.parent / Path(value).expanduser()
    return Path(value) if value.startswith("preset:") and not path.exists() else path


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
