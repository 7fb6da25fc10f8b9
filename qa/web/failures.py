"""Error pages: in the layout, in the user's language, without a traceback; the log has it under the same name."""

from __future__ import annotations

import logging
from typing import NamedTuple

from flask import Flask, Response, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from qa.errors import QaError
from qa.web.problems import said

log = logging.getLogger("qa.web")

SERVER = 500


class Words(NamedTuple):
    """What is said of a kind of error, and what to do."""

    title: LazyString
    advice: LazyString


FAILURES: dict[int, Words] = {
    400: Words(_l("This request cannot be understood"), _l("Go back, check what you entered, and try again.")),
    401: Words(_l("Please sign in"), _l("Your session is over. Sign in again to go on.")),
    403: Words(_l("This is not for your role"), _l("Ask an administrator if you need it for your work.")),
    404: Words(_l("There is nothing here"), _l("The address may be mistyped, or what it named is out of your reach.")),
    405: Words(_l("There is nothing here"), _l("This address does not work that way.")),
    409: Words(
        _l("Somebody was faster"),
        _l("What you worked on has changed since you opened it. Look at it again, then decide."),
    ),
    413: Words(_l("That is too much at once"), _l("Send less, or a smaller file.")),
    429: Words(_l("Too many attempts"), _l("Wait a little, then try again.")),
    500: Words(
        _l("Something went wrong on our side"),
        _l("It has been logged. If it happens again, give the number below to whoever runs Zhijian."),
    ),
    503: Words(
        _l("The database cannot be reached"), _l("Try again in a minute. If it stays so, tell whoever runs Zhijian.")
    ),
}

STALE_FORM = Words(
    _l("This form is too old"),
    _l("You signed in or out since the page was opened. Go back, reload the page, and send it again."),
)


def answer_failures(app: Flask) -> None:
    """Register the pages."""
    app.config["PROPAGATE_EXCEPTIONS"] = False  # not even in tests: they look at the page
    app.register_error_handler(CSRFError, lambda _error: _page(400, STALE_FORM))
    app.register_error_handler(SecurityError, _wrong_host)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(QaError, _ours)
    app.register_error_handler(Exception, _bug)


def _wrong_host(_error: SecurityError) -> ResponseReturnValue:
    """Answer a request that names another host than ours; no page can be made, for it would link to that host."""
    return Response("400: this host name is not served here (public_url says which is)\n", 400, mimetype="text/plain")


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None:
        return error  # a redirect of the router's, or an answer that a view made
    return _page(error.code, FAILURES.get(error.code, FAILURES[400 if error.code < SERVER else SERVER]))


def _ours(error: QaError) -> ResponseReturnValue:
    """Answer a mistake of the user's in words of the page; one of the store is for the operator: it goes to the log."""
    if error.status >= SERVER:
        log.error("%s %s %s: %s", g.get("request_id"), request.method, _where(), error)
        return _page(error.status, FAILURES[error.status])
    return _page(error.status, FAILURES.get(error.status, FAILURES[400]), said(error))


def _bug(error: Exception) -> ResponseReturnValue:
    log.error("%s %s %s", g.get("request_id"), request.method, _where(), exc_info=error)
    return _page(SERVER, FAILURES[SERVER])


def _where() -> str:
    """Return which address was asked for, as it stands in the router: ids and the secrets of links are not logged."""
    return request.url_rule.rule if request.url_rule is not None else "-"


def _page(status: int, words: Words, detail: str | None = None) -> ResponseReturnValue:
    page = "fragments/failure.html" if request.headers.get("HX-Request") == "true" else "failure.html"
    return render_template(page, status=status, words=words, detail=detail, request_id=g.get("request_id")), status
