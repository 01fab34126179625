"""What can go wrong between a client and the API, on purpose."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from constantcontact_sandbox.answers import (
    RefusedError,
    Response,
    forbidden,
    quota_exceeded,
    throttled,
    unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal[
    "throttled",
    "quota_exceeded",
    "unauthorized",
    "forbidden",
    "empty_403",
    "status_500",
    "status_502",
    "status_503",
    "status_504",
    "html_200",
    "html_404",
    "reset",
    "timeout",
    "slow",
    "truncated_json",
    "drop_after_headers",
    "malformed_json",
    "repeated",
    "redirect",
    "edited",
]

_OUTAGE = "<html><head><title>Sorry!</title></head><body>We'll be right back.</body></html>"
_REFUSALS: dict[Kind, Callable[[], RefusedError]] = {
    "throttled": throttled,
    "quota_exceeded": quota_exceeded,
    "unauthorized": unauthorized,
    "forbidden": forbidden,
}
_PAGES: dict[Kind, int] = {
    "html_200": HTTPStatus.OK,
    "html_404": HTTPStatus.NOT_FOUND,
    "status_500": HTTPStatus.INTERNAL_SERVER_ERROR,
    "status_502": HTTPStatus.BAD_GATEWAY,
    "status_503": HTTPStatus.SERVICE_UNAVAILABLE,
    "status_504": HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass
class Fault:
    """Something that goes wrong with the next calls of a path.

    Most kinds take the place of the answer. `slow`, `truncated_json`, `malformed_json`,
    `drop_after_headers` and `edited` spoil an answer that was given: whatever the call did has
    been done, a refresh token rotated for instance. `repeated` gives the first answer again and
    again, its next link included. `redirect` leads to another host. `reset` cuts the connection
    before anything is done; `timeout` does likewise after some silence.

    Attributes:
        path: a regular expression that finds the path, such as `^/contacts$`.
        kind: what goes wrong.
        times: with how many calls.
        after: how many matching calls are let through first.
        seconds: how long `slow` and `timeout` last.
        edit: what `edited` and `repeated` do to the JSON of an answer.
        met: how many calls it has gone wrong with so far.
    """

    path: str
    kind: Kind
    times: int = 1
    after: int = 0
    seconds: float = 1.0
    edit: Callable[[Any], object] = id
    met: int = field(default=0, init=False)
    _passed: int = field(default=0, init=False, repr=False)
    _first: Response | None = field(default=None, init=False, repr=False)

    def strikes(self, path: str) -> bool:
        """Say whether this call is one of those that go wrong, and count it."""
        if self.met >= self.times or re.search(self.path, path) is None:
            return False
        if self._passed < self.after:
            self._passed += 1
            return False
        self.met += 1
        return True

    def spoil(self, answer: Callable[[], Response]) -> Response:
        """Return what arrives in place of the answer, which is worked out only if it matters."""
        if self.kind in _REFUSALS:
            return _REFUSALS[self.kind]().response
        if self.kind in _PAGES:
            return Response.of_html(_PAGES[self.kind], _OUTAGE)
        if self.kind == "empty_403":
            return Response(HTTPStatus.FORBIDDEN, b"")
        if self.kind in ("reset", "timeout"):
            delay = self.seconds if self.kind == "timeout" else 0.0
            return Response(0, b"", delay=delay, cut="at once")
        if self.kind == "redirect":
            return Response.redirect("https://elsewhere.example.com/v3/")
        return self._spoilt(answer())

    def _spoilt(self, response: Response) -> Response:
        """Spoil an answer that was given."""
        if self.kind == "repeated":
            self._first = self._first or self._edited(response)
            return replace(self._first, headers=dict(self._first.headers))
        if self.kind == "edited":
            return self._edited(response)
        if self.kind == "slow":
            response.delay += self.seconds
        elif self.kind == "malformed_json":
            response.body = response.body.replace(b":", b"=", 1)
        elif self.kind == "truncated_json":
            response.body = response.body[: len(response.body) // 2]
        else:
            response.cut = "in the middle"
        return response

    def _edited(self, response: Response) -> Response:
        body = json.loads(response.body)
        self.edit(body)
        return replace(response, body=json.dumps(body).encode())
