"""A call of one endpoint, as the routes see it: who asks for what, and with which parameters."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox import moments, pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.answers import Service
    from constantcontact_sandbox.switches import LastPage, Switches

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_uuid(text: str) -> bool:
    """Say whether the text has the form of a UUID."""
    return _UUID.fullmatch(text) is not None


@dataclass(frozen=True)
class Route:
    """An endpoint: where it is, what one must hold to ask it, and how it answers.

    Attributes:
        path: with the names of its ids in braces.
        answer: what gives the payload, or raises a refusal.
        service: who words its refusals.
        scope: what the token must hold.
        privilege: what the user must hold; some depend on a switch.
        cursor: what its cursor is called in the query; empty without pages.
        back: what the cursor to the page before is called; empty without a way back.
        status: of an answer that is good.
    """

    path: str
    answer: Callable[[Call], Any]
    service: Service
    scope: str | None
    privilege: Callable[[Switches], str] | str | None
    cursor: str = ""
    back: str = ""
    status: int = HTTPStatus.OK

    def match(self, path: str) -> dict[str, str] | None:
        """Return the ids in the path, or None if it is another path."""
        mine, theirs = self.path.split("/"), path.split("/")
        if len(mine) != len(theirs):
            return None
        ids: dict[str, str] = {}
        for expected, found in zip(mine, theirs, strict=True):
            if expected.startswith("{"):
                ids[expected[1:-1]] = found
            elif expected != found:
                return None
        return ids

    def needs(self, switches: Switches) -> str | None:
        """Return the privilege the user must hold."""
        return self.privilege(switches) if callable(self.privilege) else self.privilege


@dataclass
class Call:
    """One call of an endpoint.

    Attributes:
        route: the endpoint.
        path: what was asked for.
        ids: the ids in the path.
        query: the parameters; a cursor's, if there is one.
        from_cursor: whether they come from a cursor.
        account: what is asked about.
        switches: how the API behaves.
        now: the moment of the call.
        ending: how a last page says so.
    """

    route: Route
    path: str
    ids: Mapping[str, str]
    query: Mapping[str, list[str]]
    account: Account
    switches: Switches
    now: datetime
    ending: Callable[[], LastPage]
    from_cursor: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Let a cursor speak for all other parameters; there may be one at a time."""
        given = {
            name: cursor
            for name in (self.route.cursor, self.route.back)
            if name and (cursor := self.text(name)) is not None
        }
        for name, cursor in given.items():
            try:
                self.query = pages.decode(cursor)
            except ValueError:
                raise self.invalid(name) from None
            self.from_cursor = True
        if len(given) > 1:
            raise self.invalid(self.route.back)

    def invalid(self, name: str) -> Exception:
        """Refuse the call because of a parameter's value."""
        return self.route.service.invalid(f"{name} does not have a valid value")

    def text(self, name: str) -> str | None:
        """Return a parameter's value, the last if there are several."""
        values = self.query.get(name)
        return values[-1] if values else None

    def words(self, name: str, *, known: frozenset[str] | None = None) -> list[str]:
        """Return the values of a parameter: repeated, or separated by commas."""
        words = [word for value in self.query.get(name, ()) for word in value.split(",") if word]
        if known is not None and not known.issuperset(words):
            raise self.invalid(name)
        return words

    def ids_asked(self, name: str, *, at_most: int) -> frozenset[str]:
        """Return the ids that a parameter lists."""
        ids = self.words(name)
        if len(ids) > at_most or not all(map(is_uuid, ids)):
            raise self.invalid(name)
        return frozenset(each.lower() for each in ids)

    def flag(self, name: str) -> bool:
        """Return whether a parameter says true."""
        value = (self.text(name) or "false").lower()
        if value not in ("true", "false"):
            raise self.invalid(name)
        return value == "true"

    def one_of(self, name: str, known: frozenset[str]) -> str | None:
        """Return a parameter's value, which must be a known one."""
        value = self.text(name)
        if value is not None and value not in known:
            raise self.invalid(name)
        return value

    def moment(self, name: str) -> datetime | None:
        """Return the moment that a parameter says."""
        text = self.text(name)
        try:
            return None if text is None else moments.parse(text)
        except ValueError:
            raise self.invalid(name) from None

    def limit(self, default: int, maximum: int, name: str = "limit") -> int:
        """Return how many rows a page may have."""
        text = self.text(name) or str(default)
        if not text.isdecimal() or not 1 <= int(text) <= maximum:
            raise self.invalid(name)
        return int(text)

    def uuid(self, name: str) -> str:
        """Return an id of the path, which must be a UUID."""
        value = self.ids[name]
        if not is_uuid(value):
            raise self.route.service.malformed(name)
        return value.lower()

    def between(
        self, after: str, before: str, moment_of: Callable[[Any], datetime | None]
    ) -> Callable[[Any], bool] | None:
        """Return what tells whether a row's moment lies between two bounds, if any is asked for."""
        since, until = self.moment(after), self.moment(before)
        if since is None and until is None:
            return None
        inclusive = self.switches.inclusive_bounds
        above, below = (operator.ge, operator.le) if inclusive else (operator.gt, operator.lt)

        def lies_between(row: object) -> bool:
            moment = moment_of(row)
            return (
                moment is not None
                and (since is None or bool(above(moment, since)))
                and (until is None or bool(below(moment, until)))
            )

        return lies_between
