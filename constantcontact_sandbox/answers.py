"""A request, its answer, and the bodies with which the API refuses one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

API_PREFIX = "/v3"

#: Where an answer ends before its time: nothing of it arrives, or only a part.
Cut = Literal["", "at once", "in the middle"]


@dataclass(frozen=True)
class Request:
    """What a client asks.

    Attributes:
        method: GET or POST.
        url_path: the path as it was asked for.
        query: each parameter's values.
        headers: by their names in lower case.
        body: what came with it.
        arrived: when, by the machine's monotonic clock.
    """

    method: str
    url_path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    arrived: float = 0.0

    @classmethod
    def of(
        cls,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        arrived: float = 0.0,
    ) -> Request:
        """Read a request's target: its path and its parameters."""
        parts = urlsplit(target)
        lowered = {name.lower(): value for name, value in headers.items()}
        return cls(method, parts.path, parse_qs(parts.query), lowered, body, arrived)

    @property
    def is_api_call(self) -> bool:
        """Whether the V3 API is asked, not the sign-in pages."""
        return self.url_path.startswith(f"{API_PREFIX}/")

    @property
    def path(self) -> str:
        """The path as the API's documentation writes it: `/contacts`, without `/v3`."""
        return self.url_path[len(API_PREFIX) :] if self.is_api_call else self.url_path

    def form(self) -> dict[str, str]:
        """Return the parameters of a form, from the body or, as older samples do, the query."""
        fields = {**self.query, **parse_qs(self.body.decode("utf-8", "replace"))}
        return {name: values[-1] for name, values in fields.items()}


@dataclass
class Response:
    """What the client gets: the status, the body, and whether it arrives whole and in time."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: Cut = ""

    def __post_init__(self) -> None:
        """Keep the status as the number it is."""
        self.status = int(self.status)

    @classmethod
    def of_json(cls, status: int, payload: object) -> Response:
        """Answer in JSON."""
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        return cls(status, text.encode(), {"Content-Type": "application/json"})

    @classmethod
    def of_html(cls, status: int, page: str) -> Response:
        """Answer with a page for a person."""
        return cls(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def redirect(cls, location: str) -> Response:
        """Send the browser elsewhere."""
        return cls(HTTPStatus.FOUND, b"", {"Location": location})


class RefusedError(Exception):
    """The API does not do what was asked; it says why in its answer."""

    def __init__(self, status: int, payload: object) -> None:
        super().__init__(f"{status} {payload}")
        self.status = status
        self.payload = payload

    @property
    def response(self) -> Response:
        """The answer that says so."""
        return Response.of_json(self.status, self.payload)


def _error(key: str, message: str) -> dict[str, str]:
    return {"error_key": key, "error_message": message}


def processing() -> RefusedError:
    """Nothing is wrong, but nothing is ready: the same request gets the answer later."""
    return RefusedError(HTTPStatus.ACCEPTED, {"status": "processing"})


def unauthorized() -> RefusedError:
    """No access token, an unknown one, or one that has expired."""
    return RefusedError(HTTPStatus.UNAUTHORIZED, _error("unauthorized", "Unauthorized"))


def forbidden() -> RefusedError:
    """The token lacks a scope, or its user a privilege."""
    message = "Request forbidden due to insufficient user privileges."
    return RefusedError(HTTPStatus.FORBIDDEN, _error("access_denied", message))


def throttled() -> RefusedError:
    """Too many calls in a second."""
    return RefusedError(HTTPStatus.TOO_MANY_REQUESTS, _error("throttled", "Too Many Requests"))


def quota_exceeded() -> RefusedError:
    """Too many calls in a day."""
    return RefusedError(HTTPStatus.TOO_MANY_REQUESTS, _error("quota_exceeded", "Limit Exceeded"))


def no_such_resource() -> RefusedError:
    """There is nothing under that path."""
    return RefusedError(
        HTTPStatus.NOT_FOUND, _error("http.status.not_found", "Resource not found.")
    )


def method_not_allowed() -> RefusedError:
    """The path exists; the sandbox reads only."""
    return RefusedError(
        HTTPStatus.METHOD_NOT_ALLOWED,
        _error("http.status.method_not_allowed", "Method not allowed."),
    )


@dataclass(frozen=True)
class Service:
    """One of the services behind the API, by how it words its refusals.

    Attributes:
        prefix: what its error keys begin with.
        lists_not_found: whether a 404 is a list of errors, or one error.
    """

    prefix: str
    lists_not_found: bool

    def invalid(self, message: str) -> RefusedError:
        """A parameter has a value that it cannot have."""
        key = f"{self.prefix}.validation.error"
        return RefusedError(HTTPStatus.BAD_REQUEST, [_error(key, message)])

    def malformed(self, name: str) -> RefusedError:
        """An id in the path is none."""
        key = f"{self.prefix}.not_found"
        return RefusedError(
            HTTPStatus.BAD_REQUEST, [_error(key, f"{name} is in an invalid format.")]
        )

    def not_found(self, message: str, *, key: str = "") -> RefusedError:
        """There is no such thing, or it does not show."""
        error = _error(key or f"{self.prefix}.not_found", message)
        return RefusedError(HTTPStatus.NOT_FOUND, [error] if self.lists_not_found else error)


ACCOUNT = Service("account.api", lists_not_found=True)
CONTACTS = Service("contacts.api", lists_not_found=True)
SEGMENTS = Service("segments.api", lists_not_found=True)
EMAILS = Service("emails.api", lists_not_found=True)
EVENTS = Service("events.api", lists_not_found=True)
AUTOMATIONS = Service("automations.api", lists_not_found=True)
SOCIAL = Service("social.api", lists_not_found=True)
REPORTS = Service("reportingsvc", lists_not_found=False)
