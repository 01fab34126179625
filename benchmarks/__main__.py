"""Prints the names of the benchmarks, for `make bench`."""

from __future__ import annotations

from benchmarks.figures import benchmarks

if __name__ == "__main__":
    print(*benchmarks())  # noqa: T201 - a command's output
