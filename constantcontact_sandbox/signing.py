"""The pages that a person sees while signing in: plain forms with buttons."""

from __future__ import annotations

import html
from http import HTTPStatus
from typing import TYPE_CHECKING

from constantcontact_sandbox.answers import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox: sign in</title></head>
<body style="font-family: sans-serif; max-width: 32em; margin: 4em auto">
<h1>{title}</h1>
{body}
</body></html>
"""
_DECISION = """<p>An application wants to use this sandbox account:</p><ul>{scopes}</ul>
<form method="post" action="{action}">{fields}
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button></form>"""
_USER_CODE = """<p>Enter the code that the other device shows.</p>
<form method="get" action="{action}"><input name="user_code" autofocus>
<button>Next</button></form>"""


def decision(action: str, scopes: Iterable[str], asked: Mapping[str, str]) -> Response:
    """Show Allow and Deny.

    Args:
        action: where the decision goes.
        scopes: what the application wants.
        asked: what the form brings back beside the decision.
    """
    body = _DECISION.format(
        action=html.escape(action),
        scopes="".join(f"<li>{html.escape(each)}</li>" for each in scopes),
        fields="".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in asked.items()
        ),
    )
    return _page(HTTPStatus.OK, "Constant Contact sandbox", body)


def user_code(action: str) -> Response:
    """Ask for the code of a device."""
    return _page(HTTPStatus.OK, "Constant Contact sandbox", _USER_CODE.format(action=action))


def message(status: int, title: str, text: str) -> Response:
    """Say one thing."""
    return _page(status, title, f"<p>{html.escape(text)}</p>")


def _page(status: int, title: str, body: str) -> Response:
    return Response.of_html(status, _PAGE.format(title=title, body=body))
