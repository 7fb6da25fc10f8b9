"""The connection to somebody's Dask cluster; every question to it has a time by which it must be answered.

Dask is imported when a cluster is asked for: without it everything else works. No cluster is ever started here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from qa import __version__
from qa.errors import ClusterError, ConfigError
from qa.nightly.facts import differences, of_program
from qa.nightly.hands import host_of, who

ANSWER_S = 20.0
"""Seconds within which a scheduler that lives answers."""
TELL_S = 3.0

_ADDRESS = re.compile(r"(tcp|tls)://([\w.-]+|\[[0-9a-fA-F:]+\]):[1-9][0-9]{0,4}")
PROBE = (
    "(__import__('socket').gethostname(), __import__('qa').__version__"
    " if __import__('importlib.util').util.find_spec('qa') else None)"
)
"""What is asked first, for Python's own ``eval``: who does not know our functions cannot be sent one, it would end."""

_LOGGERS = ("distributed", "distributed.client", "distributed.core", "distributed.comm", "distributed.batched")


def check_address(address: str) -> str:
    """Return the address of a scheduler.

    Raises:
        ConfigError: it is none.

    >>> check_address("tcp://10.0.0.5:8786")
    'tcp://10.0.0.5:8786'
    """
    if not _ADDRESS.fullmatch(address):
        raise ConfigError(f"scheduler {address!r}: write tcp://HOST:PORT, or tls://HOST:PORT")
    return address


class Gone(NamedTuple):
    """In place of an answer: why there is none."""

    why: str


class Heard(NamedTuple):
    """An answer, and whose."""

    ticket: int
    worker: str
    answer: Any


class Cluster:
    """A scheduler that was reached."""

    def __init__(self, client: Any, address: str) -> None:  # Dask has types for a part of itself
        self._client, self.address = client, address
        self.name = str(client.id)
        """Of this connection; no other one has it."""
        self._numbers = itertools.count()
        self._out: dict[int, tuple[str, Future[Any]]] = {}
        self._ready: queue.SimpleQueue[int] = queue.SimpleQueue()

    def workers(self) -> set[str]:
        """Return the addresses of the workers that the scheduler knows; a hung one is among them for minutes."""
        return set(self._ask(self._client.scheduler.ncores))

    def alive(self) -> None:
        """Raise ClusterError when the connection to the scheduler is lost; asks nobody."""
        if self._client.status != "running":
            raise self.lost("the connection is closed")

    def give(self, worker: str, function: Callable[..., Any], *arguments: Any) -> int:
        """Give this one worker a task and return its ticket; nobody else takes it over, and Dask does not try again."""
        self.alive()
        ticket = next(self._numbers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            future = self._client.submit(
                function, *arguments, key=f"zhijian-{self.name}-{ticket}", workers=[worker],
                allow_other_workers=False, pure=False, retries=0,
            )  # fmt: skip
        fetched = asyncio.run_coroutine_threadsafe(_answer(future), self._client.loop.asyncio_loop)
        self._out[ticket] = worker, fetched
        fetched.add_done_callback(lambda _done: self._ready.put(ticket))
        return ticket

    def hear(self, seconds: float) -> list[Heard]:
        """Wait so long for an answer; return all that are there."""
        self.alive()
        found: list[Heard] = []
        with suppress(queue.Empty):
            while True:
                ticket = self._ready.get_nowait() if found else self._ready.get(timeout=seconds)
                if ticket in self._out:
                    worker, fetched = self._out.pop(ticket)
                    found.append(Heard(ticket, worker, self._answer(fetched)))
        return found

    def forget(self, worker: str) -> None:
        """Give up all that a worker was given; Dask takes it back where it can."""
        for ticket in [ticket for ticket, (whose, _) in self._out.items() if whose == worker]:
            self._out.pop(ticket)[1].cancel()

    def tell(self, workers: list[str], function: Callable[..., Any], *arguments: Any) -> None:
        """Have something done by workers, beside their tasks; who does not hear it in time does not matter."""
        with suppress(Exception):
            self._client.run(function, *arguments, workers=workers, on_error="ignore", callback_timeout=TELL_S)

    def _answer(self, fetched: Future[Any]) -> Any:
        """What a task gave; Gone where its worker could not tell."""
        from distributed import KilledWorker  # noqa: PLC0415 - an extra

        try:
            return fetched.result(timeout=0)
        except (KilledWorker, CancelledError, asyncio.CancelledError, ImportError, OSError, TimeoutError) as problem:
            self.alive()  # all tasks end so when it is the scheduler that is gone
            return Gone(f"{type(problem).__name__}: {problem}".splitlines()[0])

    def check_scheduler(self) -> None:
        """Make sure that the scheduler runs this program.

        Raises:
            ConfigError: it does not; the text says in what it differs.
        """
        probed = strange(self._ask(self._client.run_on_scheduler, eval, PROBE))
        if probed is not None:
            raise ConfigError(f"scheduler {self.address} {probed}")
        theirs = self._ask(self._client.run_on_scheduler, who)
        host = host_of(theirs)
        found = differences(of_program(), {name: value for name, value in theirs.items() if name != "host"})
        if found:
            raise ConfigError("\n".join(f"scheduler {self.address} ({host}): {line}" for line in found))

    def lost(self, why: str) -> ClusterError:
        """Return the error of a scheduler that is gone."""
        return ClusterError(
            f"the scheduler at {self.address} is lost ({why}): the night stops here. Nothing is lost of it; "
            "start it again, on the cluster or with --backend joblib, and it goes on where it stopped"
        )

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        self.alive()
        try:
            if getattr(question, "__self__", None) is self._client:
                return question(*arguments, callback_timeout=ANSWER_S)
            return self._client.sync(question, *arguments, callback_timeout=ANSWER_S)
        except (OSError, TimeoutError) as problem:
            raise self.lost(str(problem) or f"no answer within {ANSWER_S:.0f} s") from None


def strange(probed: tuple[str, str | None]) -> str | None:
    """Return how a process answered ``PROBE`` that does not have our program; None: it has.

    >>> strange(("host-1", None))
    '(host-1): cannot import qa: install the same Zhijian there'
    """
    host, version = probed
    if version is None:
        return f"({host}): cannot import qa: install the same Zhijian there"
    return None if version == __version__ else f"({host}): qa version: {__version__} here, {version} there"


async def _answer(future: Any) -> Any:
    return await future


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a scheduler.

    Raises:
        ConfigError: Dask is not installed, or the address is none.
        ClusterError: nobody answers there.
    """
    check_address(address)
    try:
        from distributed import Client  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise ConfigError("--backend dask needs Dask: install zhijian[dask]") from None
    _check_encryption(address)
    for name in _LOGGERS:  # what is worth telling is told by us
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # versions are compared below, by us
        try:
            client: Any = Client(address, timeout=ANSWER_S, set_as_default=False, name="zhijian")  # type: ignore[no-untyped-call]
        except (OSError, TimeoutError, ValueError) as problem:
            first = (str(problem) or type(problem).__name__).splitlines()[0]
            raise ClusterError(f"no Dask scheduler answers at {address}: {first}") from None
    try:
        yield Cluster(client, address)
    finally:
        with suppress(Exception):  # it may be gone, and nothing of ours depends on it any more
            client.close(timeout=5)


def _check_encryption(address: str) -> None:
    """Raise ConfigError where Dask's own settings do not fit the address; its client would crash, and late."""
    from distributed.security import Security  # noqa: PLC0415 - an extra

    try:
        given = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as problem:
        raise ConfigError(f"the certificates of Dask's settings cannot be used: {problem}") from None
    if address.startswith("tls:") and given.get("ssl_context") is None:
        raise ConfigError(
            f"scheduler {address}: tls needs certificates in Dask's settings: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "…__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY"
        )
    if address.startswith("tcp:") and given.get("require_encryption"):
        raise ConfigError(f"scheduler {address}: Dask's settings require encryption: write tls://HOST:PORT")
