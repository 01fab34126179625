"""A sandbox with any number of contacts: one page of real ones, again and again with other ids.

It is served as fast as bytes can be copied, and takes no memory that grows with the number.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.__main__ import START
from constantcontact_sandbox.answers import API_PREFIX, Response

if TYPE_CHECKING:
    from constantcontact_sandbox.answers import Request
    from constantcontact_sandbox.api import Api

PAGE = 500
NODE = b'-02420a320002"'
"""How each id of the sandbox ends."""


class Crowd:
    """Stands before the API of an account that has one page of contacts, and shows many pages.

    Args:
        api: The account's API.
        contacts: How many contacts to show, in whole pages.
    """

    def __init__(self, api: Api, contacts: int) -> None:
        self._api = api
        self._pages = contacts // PAGE
        self._page = b""

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        if request.path != "/contacts" or request.query.get("status") == ["deleted"]:
            return self._api(request)
        number = int(request.query.get("cursor", ["1"])[0])
        if number == 1:
            answer = self._api(request)
            if answer.status != HTTPStatus.OK:
                return answer
            self._page = answer.body
        body = self._page.replace(NODE, b'-%012x"' % number)
        if number < self._pages:
            link = f'{{"next":{{"href":"{API_PREFIX}/contacts?cursor={number + 1}"}}}}'
            body = body[:-1] + b',"_links":' + link.encode() + b"}"
        return Response(HTTPStatus.OK, body, {"Content-Type": "application/json"})


def crowd(contacts: int) -> Sandbox:
    """Make a sandbox with so many contacts."""
    account = Account.populate(seed=7, contacts=PAGE, campaigns=0, clock=Clock(START))
    sandbox = Sandbox(account, Switches.unlimited())
    sandbox.api = Crowd(sandbox.api, contacts)  # type: ignore[assignment]
    return sandbox
