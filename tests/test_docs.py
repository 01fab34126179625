"""Whether the documents say what the code does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tap_constantcontact.settings import ENV_PREFIX, JSONSCHEMA
from tap_constantcontact.streams import STREAMS
from target_relational.target import TargetRelational
from tools.messages import PROGRAMS, Message, first_sentence, messages

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("target_*/*.md")])
PACKAGES = ("tap_constantcontact", "target_relational", "constantcontact_sandbox")
OWN_SETTINGS = JSONSCHEMA["properties"]
LOADERS = ("target-sqlite", "target-postgres")
"""The plugins that are our loader."""

MACHINES_AND_INDEXES = re.compile(
    r"(?<![\w.~$}\-])/(?:home|root|Users|work|opt|mnt)/\w"
    r"|[-](?:extra-)?index-url|[-]find-links|[-]trusted-host"
    r"|https?://[\w.:-]+/(?:\w+/)*simple\b"
)
"""Paths of somebody's machine, and where packages came from."""

MAKE = re.compile(r"(?:^|`)make ([a-z ]+?)(?=`|$| [A-Z\"])", re.MULTILINE)
"""A command of make, and what it makes."""


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tracked() -> list[Path]:
    """Return the files that are, or would be, under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def headings(path: str, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", text(path), flags=re.MULTILINE)


def section(path: str, heading: str) -> str:
    """Return what stands under a heading, on one line."""
    after = text(path).split(f" {heading}\n", 1)[1]
    return " ".join(re.split(r"^#", after, maxsplit=1, flags=re.MULTILINE)[0].split())


@cache
def plugin(name: str) -> dict[str, Any]:
    plugins = yaml.safe_load(text("meltano.yml"))["plugins"]
    found: dict[str, Any] = next(
        plugin for kind in plugins.values() for plugin in kind if plugin["name"] == name
    )
    return found


def as_variable(plugin_name: str, setting: str) -> str:
    return f"{plugin_name}_{setting}".replace("-", "_").upper()


def variables(path: str) -> list[str]:
    """Return the variables that a file of them sets, those in comments too."""
    return re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", text(path), flags=re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Return how links name the headings of a document."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in found}


# The generated parts, and the lists that say the same thing twice


def test_the_generated_parts_are_up_to_date() -> None:
    generated = ["README.md", *sorted(str(path) for path in ROOT.glob("docs/*.md"))]
    command = [sys.executable, "-m", "cogapp", "--check", "--diff", *generated]
    checked = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_readme_lists_every_stream_and_every_setting() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", text("README.md"), flags=re.MULTILINE)

    assert listed == [*(stream.name for stream in STREAMS), *OWN_SETTINGS]


def test_meltano_knows_every_setting_of_the_tap() -> None:
    known = [setting["name"] for setting in plugin("tap-constantcontact")["settings"]]

    assert sorted(known) == sorted(OWN_SETTINGS)


def test_meltano_hides_every_secret() -> None:
    hidden = {
        setting["name"]
        for setting in plugin("tap-constantcontact")["settings"]
        if setting.get("sensitive")
    }

    assert hidden == {name for name, schema in OWN_SETTINGS.items() if schema.get("secret")}


def test_meltano_selects_every_stream_that_is_not_off() -> None:
    selected = plugin("tap-constantcontact")["select"]

    assert selected == [f"{stream.name}.*" for stream in STREAMS if stream.selected_by_default]


@pytest.mark.parametrize("loader", LOADERS)
def test_meltano_gives_the_loader_only_settings_that_it_has(loader: str) -> None:
    given = {setting["name"] for setting in plugin(loader)["settings"]}

    assert given <= TargetRelational.config_jsonschema["properties"].keys()


# .env.example


def known_variables() -> dict[str, bool]:
    """Return the variables that stand for a setting, and whether it is a secret."""
    known = {
        f"{ENV_PREFIX}{name.upper()}": bool(schema.get("secret"))
        for name, schema in OWN_SETTINGS.items()
    }
    for loader in (*LOADERS, "target-postgres-meltanolabs"):
        for setting in plugin(loader)["settings"]:
            known[as_variable(loader, setting["name"])] = setting.get("sensitive", False)
    return known


def test_each_variable_of_the_example_is_a_setting() -> None:
    assert set(variables(".env.example")) <= known_variables().keys()


def test_each_setting_of_the_tap_is_in_the_example() -> None:
    named = {f"{ENV_PREFIX}{name.upper()}" for name in OWN_SETTINGS}

    assert named <= set(variables(".env.example"))


def test_each_secret_is_in_the_example_without_a_value() -> None:
    secrets = {name for name, secret in known_variables().items() if secret}
    empty = set(re.findall(r"^(?:# )?(\w+)=$", text(".env.example"), flags=re.MULTILINE))

    assert secrets <= empty


# The notes on the API


def test_each_heading_of_the_api_notes_that_the_code_names_exists() -> None:
    named = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            words = " ".join(path.read_text(encoding="utf-8").replace("#", " ").split())
            for quoted in re.findall(r'docs/api-notes\.md, ((?:"[^"]+"(?:,? and |, )?)+)', words):
                named |= set(re.findall(r'"([^"]+)"', quoted))

    assert named
    assert named <= set(headings("docs/api-notes.md", 3))


def test_each_heading_of_the_api_notes_says_why_it_matters() -> None:
    found = headings("docs/api-notes.md", 3)

    assert [
        name for name in found if "**Why it matters:**" not in section("docs/api-notes.md", name)
    ] == []


# Troubleshooting


@cache
def known_messages() -> frozenset[Message]:
    return frozenset().union(*(messages(package) for package in PROGRAMS))


def test_each_message_has_its_heading_and_each_heading_its_message() -> None:
    found = headings("docs/troubleshooting.md", 3)

    assert sorted(found) == sorted({message.text for message in known_messages()})


def test_each_heading_names_the_exit_code_of_its_message() -> None:
    wrong = []
    for message in known_messages():
        under = section("docs/troubleshooting.md", message.text)
        said = re.findall(r"Exit code (\d+)", under)
        if message.exit_code is None:
            right = bool(said) or "The run goes on" in under
        else:
            right = said == [str(message.exit_code)]
        wrong += [] if right else [message]

    assert wrong == []


def test_a_message_is_known_by_its_first_sentence() -> None:
    assert first_sentence("It is … (…): stop. Then …") == "It is … (…): stop"
    assert first_sentence("There is no setting ….…") == "There is no setting …"
    assert first_sentence("write it as folder/file.db.") == "write it as folder/file.db"


# All documents


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_between_documents_leads_somewhere(document: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        address, _, fragment = unquote(target).partition("#")
        if "://" in address:
            continue
        found = document.parent / address if address else document
        if not found.exists() or (fragment and fragment not in anchors(found)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_file_that_a_document_names_exists(document: Path) -> None:
    folders = "|".join((*PACKAGES, "docs", "tests", "tools", "target_config"))
    named = re.findall(
        rf"(?<![\w/.])((?:{folders})/[\w./-]*\w|(?:{folders})/)",
        document.read_text(encoding="utf-8"),
    )

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_each_command_of_make_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), flags=re.MULTILINE))
    named = {
        word
        for document in DOCUMENTS
        for words in MAKE.findall(document.read_text(encoding="utf-8"))
        for word in words.split()
    }

    assert named
    assert named <= targets


def test_each_console_script_that_the_readme_runs_exists() -> None:
    scripts = set(re.findall(r'^([\w-]+) = "[\w.]+:', text("pyproject.toml"), flags=re.MULTILINE))
    run = set(re.findall(r"\.venv/bin/([\w-]+)", text("README.md")))

    assert run <= scripts | {"meltano"}


def test_each_decision_has_a_number_of_its_own() -> None:
    names = sorted(path.name for path in (ROOT / "docs/decisions").glob("*.md"))

    assert [name[:4] for name in names] == [f"{at:04}" for at in range(1, len(names) + 1)]
    for name in names:
        assert text(f"docs/decisions/{name}").startswith(f"# {int(name[:4])}. ")


def test_no_file_holds_a_path_of_a_machine_or_says_where_packages_came_from() -> None:
    found = []
    for path in tracked():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(lines, start=1)
            if MACHINES_AND_INDEXES.search(line)
        ]

    assert found == []


def test_the_code_names_only_documents_that_exist() -> None:
    named = set()
    for path in tracked():
        if path.suffix in {".py", ".toml", ".yml"} and path != Path(__file__):
            named |= set(re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8")))

    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert silent == []
