"""Which messages a program can end with, or warn of: read from its code.

The first sentence of each is a heading of docs/troubleshooting.md; what a message fills in is
shown as `…`. `python -m tools.messages` prints them all.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from singer_sdk.exceptions import SingerSDKError

from tap_constantcontact.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS: dict[str, tuple[type[Exception], ...]] = {
    "tap_constantcontact": (TapError,),
    "target_relational": (SingerSDKError, click.ClickException),
}
"""The packages, and the errors whose text a person reads."""

PASSED_ON: dict[str, str | None] = {
    "' '.join(wrong)": "_unknown",
    "str(error)": None,
    "line": None,
}
"""Arguments that were put together elsewhere: by which function, or where errors are raised."""


class Message(NamedTuple):
    """The first sentence of a message, without its full stop, and how the program then ends."""

    text: str
    exit_code: int | None
    """None if the program goes on, or if the error decides it each time."""


def messages(package: str) -> set[Message]:
    """Return the messages of a package."""
    return {message for module in modules(package) for message in Reader(module).messages()}


def modules(package: str) -> Iterator[ModuleType]:
    """Yield the modules of a package, itself included; not those that run when imported."""
    top = importlib.import_module(package)
    yield top
    for info in pkgutil.walk_packages(top.__path__, f"{package}."):
        if not info.name.endswith(".__main__"):
            yield importlib.import_module(info.name)


def first_sentence(text: str) -> str:
    """Return what stands before the first full stop.

    >>> first_sentence("There is no setting '…'.… See there.")
    "There is no setting '…'"
    """
    return re.split(r"\.(?=[\s…]|$)", text, maxsplit=1)[0]


class Reader:
    """Reads the messages of one module.

    Args:
        module: The module: what it knows by a name is put into the messages.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._errors = PROGRAMS[module.__name__.partition(".")[0]]

    def messages(self) -> Iterator[Message]:
        """Yield every message of the module."""
        for node in ast.walk(ast.parse(inspect.getsource(self._module))):
            if isinstance(node, ast.Call) and node.args:
                yield from self._said(node)
            elif isinstance(node, ast.ClassDef) and self._is_error(self._known(node.name)):
                yield from self._own(node)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "errors":
                # The SDK's ConfigValidationError brings its messages as a list.
                for element in [*getattr(node.value, "elts", ()), getattr(node.value, "elt", None)]:
                    yield from self._of(element, 1) if element else ()

    def _said(self, call: ast.Call) -> Iterator[Message]:
        said = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        error: Any = self._known(ast.unparse(call.func))
        if said == "warning":
            yield from self._of(call.args[0], None)
        elif said == "_fail":
            code = self._known(ast.unparse(call.args[1]))
            yield from self._of(call.args[0], code if isinstance(code, int) else None)
        elif self._is_error(error) and not self._brings_its_own(error, call):
            yield from self._of(call.args[0], getattr(error, "exit_code", 1))

    def _brings_its_own(self, error: type, call: ast.Call) -> bool:
        """Tell whether the first argument of an error is not its message."""
        ours = error.__module__.partition(".")[0] in PROGRAMS
        in_list = any(keyword.arg == "errors" for keyword in call.keywords)
        return in_list or (ours and "__init__" in vars(error))

    def _own(self, error: ast.ClassDef) -> Iterator[Message]:
        """Yield the messages that an error gives itself, with an exit code of its own."""
        for node in ast.walk(error):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
                yield from self._of(node.args[0], None)

    def _of(self, node: ast.expr, exit_code: int | None) -> Iterator[Message]:
        for text in self._texts(node):
            yield Message(first_sentence(re.sub("…+", "…", text)), exit_code)

    def _texts(self, node: ast.expr) -> Iterator[str]:
        """Yield what an expression may be, `…` for what is filled in.

        Raises:
            ValueError: The code does not tell: see `PASSED_ON`.
        """
        source = ast.unparse(node)
        if source in PASSED_ON:
            yield from self._returned(PASSED_ON[source])
        elif isinstance(node, ast.Call):
            yield from self._returned(ast.unparse(node.func))
        elif isinstance(node, ast.JoinedStr):
            yield "".join(map(self._part, node.values))
        else:
            known = node.value if isinstance(node, ast.Constant) else self._known(source)
            if not isinstance(known, str):
                raise ValueError(f"{self._module.__name__}: what is {source}?")
            yield re.sub(r"%[-.\d]*[sdrf]", "…", known)

    def _returned(self, name: str | None) -> Iterator[str]:
        """Yield what a function of the module's returns."""
        function = self._known(name) if name else None
        if isinstance(function, FunctionType):
            reader = Reader(importlib.import_module(function.__module__))
            for node in ast.walk(ast.parse(inspect.getsource(function))):
                if isinstance(node, ast.Return) and node.value:
                    yield from reader._texts(node.value)

    def _part(self, part: ast.expr) -> str:
        if isinstance(part, ast.Constant):
            return str(part.value)
        known = self._known(ast.unparse(part.value)) if isinstance(part, ast.FormattedValue) else ""
        return str(known) if isinstance(known, (str, int)) else "…"

    def _known(self, name: str) -> object:
        """Return what a dotted name stands for in the module, if anything."""
        thing: object = self._module
        for part in name.split("."):
            thing = getattr(thing, part, None)
        return thing

    def _is_error(self, thing: object) -> bool:
        return isinstance(thing, type) and issubclass(thing, self._errors)


if __name__ == "__main__":
    for program in PROGRAMS:
        print(program)  # noqa: T201 - its purpose
        for message in sorted(messages(program), key=str):
            print(f"{message.exit_code!s:>6}  {message.text}")  # noqa: T201 - likewise
