"""People of the load benchmark: each does in a loop what reviewers do, by plain HTTP, and notes what came of it."""

from __future__ import annotations

import http.client
import random
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

PASSWORD = "seven green bicycles"  # noqa: S105 - of accounts that live as long as the benchmark
_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')
_FIELD = re.compile(r'<input type="hidden" name="(token|state|queue)" value="([^"]*)"')
_FINDING = re.compile(r'data-finding="(\d+)"')
_CHAT = re.compile(r'data-open href="(/chats/[^"]+)"')
_AGAIN, _TIMEOUT_S = 5, 60

FILTERS = (
    "reason=rule_failed", "reason=low_score", "severity=major", "state=unclaimed", "state=mine", "state=done",
    "high=60", "state=all", "reason=red_line&severity=critical", "after=-40.0_0",
)  # fmt: skip
SEARCHES = ("发货", "退款", "优惠", "快递 什么时候", "订单", "抱歉")


@dataclass
class Sheet:
    """What everybody noted. Appending to a list is atomic, so nobody waits for anybody."""

    times: dict[str, list[float]] = field(default_factory=dict)
    """Page → seconds of each answer, refusals included."""
    errors: list[str] = field(default_factory=list)
    """Answers of 500 and above, and connections that broke."""
    conflicts: list[str] = field(default_factory=list)
    """Answers of 409: somebody was faster."""
    odd: list[str] = field(default_factory=list)
    """Other answers that nobody expected."""
    sent: list[str] = field(default_factory=list)
    """The token of every verdict that was sent."""
    acknowledged: list[str] = field(default_factory=list)
    """Those of them that the server said are stored."""
    began: float = 0.0
    ended: float = 0.0

    @property
    def requests(self) -> int:
        """How many answers there were."""
        return sum(map(len, self.times.values()))


class Budget:
    """So many requests for all together."""

    def __init__(self, requests: int) -> None:
        self._left = requests
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether there is one more."""
        with self._lock:
            self._left -= 1
            return self._left >= 0


class SpentError(Exception):
    """The requests are used up."""


class Person:
    """Somebody with a browser: cookies, a form token, one connection."""

    def __init__(self, address: str, name: str, sheet: Sheet, budget: Budget, think_s: float) -> None:
        where = urlsplit(address)
        self._wire = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT_S)
        self._cookies: dict[str, str] = {}
        self._csrf = ""
        self._sheet, self._budget, self._think_s = sheet, budget, think_s
        self._name = name
        self._dice = random.Random(name)

    def log_in(self) -> None:
        """Log in by the form; not counted."""
        self._csrf = _CSRF.findall(self._ask("GET", "/login")[1])[0]
        status, _, _ = self._ask("POST", "/login", {"name": self._name, "password": PASSWORD})
        assert status == http.client.SEE_OTHER, f"{self._name} could not log in: {status}"

    def work(self) -> None:
        """Do what reviewers do until the requests are used up."""
        try:
            while True:
                self._round()
        except SpentError:
            self._wire.close()

    def _round(self) -> None:
        """Look at the list in some ways, open a chat from it, take and review some chats, look how far the day is."""
        self._get("list", "/queue")
        self._get("filter", "/queue?" + self._dice.choice(FILTERS))
        listed = self._get("list", "/queue")
        self._get("search", "/queue?text=" + quote(self._dice.choice(SEARCHES)))
        chats = _CHAT.findall(listed)
        if chats:
            self._get("chat", self._dice.choice(chats).replace("&amp;", "&"))
        chat = self._post("next", "/queue/next", {"queue": ""})
        for turn in range(4):
            if chat is None or not chat.startswith("/chats/"):
                break
            chat = self._review(chat, last=turn == 3)
        self._get("board", "/")

    def _review(self, chat: str, *, last: bool) -> str | None:
        page = self._get("chat", chat)
        fields = dict(_FIELD.findall(page))
        if "token" not in fields:
            self._sheet.odd.append(f"{chat} has no form")
            return None
        said: dict[str, str] = {
            f"verdict-{one}": "confirm" if self._dice.random() < 0.9 else "unsure" for one in _FINDING.findall(page)
        }
        self._sheet.sent.append(fields["token"])
        # the token tells that it is stored: the server answers 303 only behind the commit
        following = self._post(
            "save", chat.partition("?")[0] + "/review",
            {**fields, **said, "sentiment": "neutral", "then": "" if last else "next"},
        )  # fmt: skip
        if following is not None:
            self._sheet.acknowledged.append(fields["token"])
        return None if last else following

    def _get(self, page: str, path: str) -> str:
        text: str = self._counted(page, "GET", path)[1]
        return text

    def _post(self, page: str, path: str, form: Mapping[str, str]) -> str | None:
        """Send a form; returns where the answer sends us, None where it refuses."""
        status, _, target = self._counted(page, "POST", path, form)
        return target if status == http.client.SEE_OTHER else None

    def _counted(self, page: str, method: str, path: str, form: Mapping[str, str] | None = None) -> Any:
        if not self._budget.take():
            raise SpentError
        if self._think_s:
            time.sleep(self._dice.expovariate(1 / self._think_s))
        begun = time.perf_counter()
        try:
            answer = self._ask(method, path, form)
        except (OSError, http.client.HTTPException) as broken:
            self._wire.close()
            answer = (599, "", None)
            self._sheet.errors.append(f"{method} {path}: {broken!r}")
        self._sheet.times[page].append(time.perf_counter() - begun)
        status = answer[0]
        if status == http.client.CONFLICT:
            self._sheet.conflicts.append(page)
        elif http.client.INTERNAL_SERVER_ERROR <= status < 599:
            self._sheet.errors.append(f"{method} {path}: {status}")
        elif status not in {200, 204, 303, 599}:
            self._sheet.odd.append(f"{method} {path}: {status}")
        return answer

    def _ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> tuple[int, str, str | None]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        body = None
        if form is not None:
            body = urlencode({"csrf_token": self._csrf, **form})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._wire.request(method, path, body, headers)
        answer = self._wire.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = line.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        found = _CSRF.search(text, 0, 2_000)
        if found:
            self._csrf = found[1]
        return answer.status, text, answer.headers.get("Location")


def load(address: str, names: list[str], requests: int, think_s: float = 0.0) -> Sheet:
    """Let these people work at once until they have asked so often; ``think_s``: mean pause before each request."""
    pages = ("list", "filter", "search", "next", "chat", "save", "board")
    sheet, budget = Sheet({page: [] for page in pages}), Budget(requests)
    people = [Person(address, name, sheet, budget, think_s) for name in names]
    for person in people:
        person.log_in()
    threads = [threading.Thread(target=person.work, name=name) for person, name in zip(people, names, strict=True)]
    sheet.began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sheet.ended = time.perf_counter()
    return sheet
