"""A sandbox in a process of its own, so that only the tap's own work is measured."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tests.running import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from typing import Concatenate

    from constantcontact_sandbox import Asked, Sandbox

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """A sandbox that is served elsewhere.

    Args:
        settings: What a tap needs to sign in: addresses, application, refresh token.
        connection: The way to its process.
    """

    settings: dict[str, Any]
    connection: Connection

    def do(
        self, what: Callable[Concatenate[Sandbox, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what a function of a module makes of the sandbox, called in its process."""
        self.connection.send((what, args, kwargs))
        made: T = self.connection.recv()
        return made


@contextlib.contextmanager
def served(make: Callable[P, Sandbox], *args: P.args, **kwargs: P.kwargs) -> Iterator[Served]:
    """Serve the sandbox that a function of a module makes."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, make, args, kwargs), daemon=True)
    process.start()
    theirs.close()  # or nobody would notice its end
    try:
        yield Served(ours.recv(), ours)
    finally:
        ours.close()
        process.join()


def _serve(
    connection: Connection,
    make: Callable[..., Sandbox],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    with make(*args, **kwargs) as sandbox:
        connection.send(sign_in(sandbox))
        with contextlib.suppress(EOFError):
            while True:
                what, positional, named = connection.recv()
                connection.send(what(sandbox, *positional, **named))


def calls(sandbox: Sandbox) -> list[Asked]:
    """Return the calls of the API since the last time, without those for tokens; forget them."""
    asked = [call for call in sandbox.asked if not call.path.startswith("/oauth")]
    sandbox.asked.clear()
    return asked


def endpoints(asked: list[Asked]) -> Counter[str]:
    """Return how often each kind of path was asked for: without the ids in it."""
    return Counter(
        "/".join("{}" if any(letter.isdigit() for letter in part) else part for part in parts)
        for parts in (call.path.split("/") for call in asked)
    )
