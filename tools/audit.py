"""Ask whether anything in requirements.lock has a known vulnerability: part of `make check`.

Where no database of vulnerabilities can be reached, it says so and finds nothing wrong: a check
that needs the network must not stop whoever works without it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parent.parent / "requirements.lock"
COMMAND = [
    sys.executable,
    *("-m", "pip_audit", "--requirement", str(LOCK), "--no-deps", "--disable-pip"),
    *("--format", "json", "--progress-spinner", "off", "--timeout", "10"),
]


def main() -> int:
    """Print what is known; return 1 if that is anything."""
    ran = subprocess.run(COMMAND, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    audited = [package for package in packages if "skip_reason" not in package]
    found = [line for package in audited for line in lines(package)]
    if not audited:
        say("No database of vulnerabilities can be reached: requirements.lock was not audited.")
    elif not found:
        say(f"No known vulnerability in {len(audited)} of {len(packages)} packages.")
    for line in found:
        say(line)
    return 1 if found else 0


def lines(package: dict[str, Any]) -> list[str]:
    """Return a line for each vulnerability of a package."""
    return [
        f"{package['name']} {package['version']}: {known['id']},"
        f" fixed in {', '.join(known['fix_versions']) or 'no version yet'}"
        for known in package["vulns"]
    ]


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
