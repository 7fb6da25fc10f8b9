"""``qa retention`` and ``qa erase-customer``: taking away what was said, by policy or because a customer asks."""

from __future__ import annotations

from datetime import datetime

import click

from qa.backtest.kept import forget_examples
from qa.cli.common import err, now, out, pass_settings, progress
from qa.cli.owner import user
from qa.config import Settings
from qa.errors import ConfigError
from qa.retention import Done, erase_customer, keep_to, terms
from qa.store.audit import Act
from qa.store.dropping import Dropped
from qa.store.migrate import require_ready
from qa.store.session import opened
from qa.types import MICROSECONDS

_LONGEST = 36_500
_DAY_S = 86_400


@click.command("retention")
@click.option("--days", type=click.IntRange(1, _LONGEST), metavar="N", help="Keep texts so long, whatever is set.")
@click.option("--merchant", metavar="M", help="Only this merchant's chats.")
@click.option("--whole-months", is_flag=True, help="Only months that are over for all merchants in them.")
@click.option("--dry-run", is_flag=True, help="Only count what would be dropped.")
@pass_settings
def retention_command(
    settings: Settings, days: int | None, merchant: str | None, whole_months: bool, dry_run: bool
) -> None:
    """Drop the texts of chats that are older than `retention_days` (QA_RETENTION_DAYS) or the merchant's own term.

    Every character is covered by a star, in all revisions, in evidence and in the search; open items of the queue go,
    and the quotes in the backtests that are kept. Rejects files of imports, which may hold records of any merchant, go
    when they are older than the shortest term.
    Scores, findings, verdicts, figures and cases stay. Nights whose texts are gone cannot be judged again. It may be
    killed and run again; run it daily.

    A month that is over goes as a whole (PostgreSQL drops it in one step), days of a month that is not go one by one;
    with `--whole-months` these are left until their month is over.
    """
    if days is None and settings.retention_days is None and not settings.retention:
        raise ConfigError("no term is set: retention_days (QA_RETENTION_DAYS), [retention] by merchant, or --days N")
    today = datetime.fromtimestamp(now() / MICROSECONDS, settings.zone).date()
    own = {} if days is not None else settings.retention
    with opened(settings.database_url) as engine:
        require_ready(engine)
        asked = terms(engine, today, days or settings.retention_days, own, merchant)
        with progress() as shown:
            act = Act(f"cli:{user()}", now())
            done = keep_to(engine, act, asked, dry_run=dry_run, whole_months=whole_months, progress=shown)
    if any(one.dropped is not None and one.dropped.chats for one in done):
        forget_examples(settings.data_dir)
    for one in done:
        out().print(_told(one))
    if merchant is None:
        _drop_rejects(settings, min(days or settings.retention_days or _LONGEST, *own.values(), _LONGEST), dry_run)


def _drop_rejects(settings: Settings, days: int, dry_run: bool) -> None:
    """Remove the files of records that imports turned away, by when they were written last."""
    before = now() / MICROSECONDS - days * _DAY_S
    old = [file for file in (settings.data_dir / "rejects").glob("*.jsonl") if file.stat().st_mtime < before]
    for file in [] if dry_run else old:
        file.unlink(missing_ok=True)
    if old:
        out().print(f"rejects older than {days} days: {len(old):,} files{' would go' if dry_run else ' removed'}")


def _told(one: Done) -> str:
    before = f"{one.term.merchant}: texts of chats before {one.term.before} ({one.term.days} days)"
    if one.dropped is None:
        return f"{before}: {one.due:,} chats would lose theirs"
    return f"{before}: {_counts(one.dropped)}"


@click.command("erase-customer")
@click.argument("customer", metavar="ID")
@click.option("--merchant", required=True, metavar="M", help="Whose customer it is.")
@click.option("--request", metavar="TEXT", help="Number of the request, for the audit log; nothing personal.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@pass_settings
def erase_command(settings: Settings, customer: str, merchant: str, request: str | None, yes: bool) -> None:
    """Erase what one customer said to a merchant, and who it was; for good.

    Texts of all revisions, the customer's id, evidence, comments of reviewers and the cases made of these chats go;
    scores and counts stay. The audit log keeps how much, never who. Backups and files that were exported earlier are
    yours to look after, and the source must not send the chats again in another version.
    """
    if not yes:
        click.confirm(f"Erase everything that this customer said to {merchant!r}, for good?", abort=True, err=True)
    with opened(settings.database_url) as engine:
        require_ready(engine)
        with progress() as shown:
            done = erase_customer(engine, Act(f"cli:{user()}", now()), merchant, customer, request, shown)
    forget_examples(settings.data_dir)
    out().print(f"erased: {_counts(done)}, {done.cases:,} cases")
    err().print("backups made before still hold it, and so do files that were exported")


def _counts(done: Dropped) -> str:
    return (
        f"{done.chats:,} revisions of chats, {done.findings:,} findings, {done.reviews:,} reviews, "
        f"{done.queued:,} open items of the queue"
    )
