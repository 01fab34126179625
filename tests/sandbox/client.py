"""Asks a sandbox directly, without a socket in between."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from constantcontact_sandbox import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constantcontact_sandbox import Sandbox

Row = dict[str, Any]
MOST_PAGES = 1000


@dataclass
class Client:
    """A client with an access token, for all scopes unless told otherwise."""

    sandbox: Sandbox
    scopes: tuple[str, ...] = ()
    arrived: float = 0.0

    def answer(self, target: str, **headers: str) -> Response:
        """Ask for a path as it stands, `/v3` included."""
        token = self.sandbox.access_token(*self.scopes)
        headers = {"Authorization": f"Bearer {token}", **headers}
        return self.sandbox.answer(Request.of("GET", target, headers, b"", self.arrived))

    def ask(self, path: str, **parameters: object) -> tuple[int, Any]:
        """Return the status and the body of an answer."""
        query = f"?{urlencode(parameters, doseq=True)}" if parameters else ""
        response = self.answer(f"/v3{path}{query}")
        return response.status, json.loads(response.body)

    def get(self, path: str, **parameters: object) -> Any:
        """Return the body of an answer that is good."""
        status, body = self.ask(path, **parameters)
        assert status == 200, body
        return body

    def pages(self, path: str, key: str, **parameters: object) -> Iterator[list[Row]]:
        """Follow the next links to the end and yield the rows of each page."""
        body = self.get(path, **parameters)
        for _ in range(MOST_PAGES):
            yield body[key]
            href = next_link(body)
            if href is None:
                return
            response = self.answer(href)
            assert response.status == 200, response.body
            body = json.loads(response.body)
        pytest.fail(f"{path} has no end")

    def rows(self, path: str, key: str, **parameters: object) -> list[Row]:
        """Return the rows of all pages."""
        return [row for page in self.pages(path, key, **parameters) for row in page]


def next_link(body: Row) -> str | None:
    """Return where the next page is, whichever way the last one says that there is none."""
    link = ((body.get("_links") or {}).get("next") or {}).get("href")
    assert link is None or isinstance(link, str)
    return link


def cursor_of(href: str, name: str = "cursor") -> str:
    """Return the cursor in a link."""
    return parse_qs(urlsplit(href).query)[name][0]
