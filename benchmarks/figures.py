"""What a benchmark has found: figures against their bars, kept for docs/benchmarks.md."""

from __future__ import annotations

import ast
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Args:
        what: What was measured, and against what.
        bar: What is to be reached, in words.
        reached: What was, in words; a ratio of one run wherever time is measured.
        holds: Whether that reaches the bar.
    """

    what: str
    bar: str
    reached: str
    holds: bool


def publish(benchmark: str, figures: Iterable[Figure], notes: str = "") -> None:
    """Print the figures of a benchmark and keep them.

    Args:
        benchmark: The name of its module.
        figures: What it found.
        notes: What was compared, how, and with which versions: a paragraph of Markdown.
    """
    found = list(figures)
    RESULTS.mkdir(exist_ok=True)
    kept = {"notes": notes, "figures": [asdict(figure) for figure in found]}
    (RESULTS / f"{benchmark}.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(table(found))  # noqa: T201 - a command's output


def kept(benchmark: str) -> tuple[str, list[Figure]]:
    """Return the notes and the figures that a benchmark left last."""
    found = json.loads((RESULTS / f"{benchmark}.json").read_text(encoding="utf-8"))
    return found["notes"], [Figure(**figure) for figure in found["figures"]]


def benchmarks() -> list[str]:
    """Return the names of the benchmarks: the modules that publish something."""
    return sorted(
        module.stem
        for module in Path(__file__).parent.glob("*.py")
        if module != Path(__file__) and "publish(" in module.read_text(encoding="utf-8")
    )


def report() -> str:
    """Return what all benchmarks have found, as a part of docs/benchmarks.md.

    A benchmark that has left nothing yet is left out. The heading of each is the first line of
    its module.
    """
    parts = []
    for name in benchmarks():
        if not (RESULTS / f"{name}.json").exists():
            continue
        source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        said = (ast.get_docstring(ast.parse(source)) or name).splitlines()[0].rstrip(".")
        notes, figures = kept(name)
        parts += [f"## {said}", table(figures), notes, f"`python -m benchmarks.{name}`"]
    return "\n\n".join(part for part in parts if part)


def table(figures: Sequence[Figure]) -> str:
    """Return figures as a Markdown table."""
    lines = ["| what | bar | reached |", "|---|---|---|"]
    lines += [
        f"| {figure.what} | {figure.bar} | {'' if figure.holds else '**not reached:** '}"
        f"{figure.reached} |"
        for figure in figures
    ]
    return "\n".join(lines)
