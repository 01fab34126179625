"""Who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ROOMS: dict[str, set[str]] = {
    "decoding": set(),
    "errors": {"decoding"},
    "times": {"errors"},
    "alone": {"errors"},
    "pacer": {"store"},
    "interruption": {"errors"},
    "allowance": {"errors", "pacer", "store", "units"},
    "settings": {"allowance", "errors", "times"},
    "store": {"errors"},
    "auth": {"errors", "settings", "store"},
    "transport": {"allowance", "errors", "settings", "auth", "pacer", "units"},
    "units": {"decoding"},
    "streams": {"errors", "times", "units"},
    "fetcher": {"errors", "interruption", "units", "transport"},
    "ledger": {"errors", "times"},
    "planner": {"ledger", "settings", "streams", "times", "units"},
    "survey": {"fetcher", "ledger", "planner", "settings", "streams", "units"},
    "writer": {"units"},
    "catalogs": {"errors", "streams"},
    "emitter": {"streams", "units", "writer"},
    "run": {
        "allowance",
        "errors",
        "emitter",
        "fetcher",
        "interruption",
        "ledger",
        "planner",
        "streams",
        "times",
        "traces",
        "units",
    },
    "traces": {"store"},
}
"""What each room of the tap may know of the others; `tap`, `login`, `plan` and `status` wire
them all."""

WIRING = {"__init__", "__main__", "tap", "login", "plan", "status"}


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, whether at run time or for its types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def room(path: Path) -> str:
    """Return the room that a file of the tap belongs to."""
    return path.relative_to(ROOT / "tap_constantcontact").parts[0].removesuffix(".py")


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", files("tap_constantcontact"), ids=lambda path: path.name)
def test_a_room_of_the_tap_knows_only_what_it_may(path: Path) -> None:
    if room(path) in WIRING:
        return
    known = {
        module.split(".")[1]
        for module in imports(path)
        if module.startswith("tap_constantcontact.")
    }

    assert known - {room(path)} <= ROOMS[room(path)]


def test_only_the_transport_speaks_http() -> None:
    libraries = {"requests", "urllib3"}
    speakers = {room(path) for path in files("tap_constantcontact") if libraries & imports(path)}

    assert speakers == {"transport"}


@pytest.mark.parametrize(
    ("package", "strangers"),
    [
        ("constantcontact_sandbox", ("tap_constantcontact", "target_relational", "singer_sdk")),
        ("target_relational", ("tap_constantcontact", "constantcontact_sandbox")),
        ("tap_constantcontact", ("target_relational", "constantcontact_sandbox")),
    ],
)
def test_packages_do_not_know_each_other(package: str, strangers: tuple[str, ...]) -> None:
    known = {module.split(".")[0] for path in files(package) for module in imports(path)}

    assert not known & set(strangers)
