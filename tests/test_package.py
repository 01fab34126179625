"""What is handed out: the wheel, the source archive, and what is known of what they need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools import audit

ROOT = Path(__file__).parent.parent
PACKAGES = {"tap_constantcontact", "target_relational", "constantcontact_sandbox"}


def build(folder: Path, at: float) -> dict[str, Path]:
    """Build wheel and source archive from a fresh copy whose files are of some time."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
            os.utime(folder / name, (at, at))
    subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=folder, check=True, timeout=60)
    return {path.suffix: path for path in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(tmp_path_factory.mktemp("built"), at=1.6e9)


def test_both_are_built_again_to_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    again = build(tmp_path, at=1.7e9)

    for suffix in (".whl", ".gz"):
        assert built[suffix].read_bytes() == again[suffix].read_bytes()


def test_the_wheel_holds_the_packages_with_their_types_and_nothing_else(
    built: dict[str, Path],
) -> None:
    with zipfile.ZipFile(built[".whl"]) as wheel:
        names = wheel.namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert {Path(name).suffix for name in names if ".dist-info/" not in name} <= {".py", ".typed"}


def test_the_source_archive_holds_what_tests_need_and_no_secret(built: dict[str, Path]) -> None:
    with tarfile.open(built[".gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"README.md", "LICENSE", "Makefile", "requirements.lock", "tests/conftest.py"} <= names
    assert not [name for name in names if Path(name).name in {".env", ".git"}]
    assert not [name for name in names if name.endswith((".pyc", ".db", ".pem"))]


# The audit


def audited(monkeypatch: pytest.MonkeyPatch, said: str) -> int:
    monkeypatch.setattr(
        "subprocess.run", lambda *_, **__: SimpleNamespace(stdout=said, returncode=1)
    )
    return audit.main()


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages})


def test_a_known_vulnerability_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vulnerable = {
        "name": "requests",
        "version": "1.0",
        "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}],
    }
    fine = {"name": "idna", "version": "3", "vulns": []}

    assert audited(monkeypatch, report(vulnerable, fine)) == 1
    assert capsys.readouterr().out == "requests 1.0: CVE-1, fixed in 1.1\n"
    assert audited(monkeypatch, report(fine)) == 0
    assert capsys.readouterr().out == "No known vulnerability in 1 of 1 packages.\n"


@pytest.mark.parametrize(
    "said", ["", "no network", report(), report({"name": "idna", "skip_reason": "not found"})]
)
def test_without_a_database_the_audit_says_so_and_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    assert audited(monkeypatch, said) == 0
    assert "was not audited" in capsys.readouterr().out
