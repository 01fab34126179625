"""Other loaders, each in an environment of its own that the first run makes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".venvs"
MELTANOLABS = "meltanolabs-target-postgres==0.8.1"
DLT = "dlt[postgres]==1.31.0"
SCHEMA = "loaded"
"""Where all of them load."""

TUNED = {
    "use_copy": True,
    "validate_records": False,
    "add_record_metadata": False,
    "activate_version": False,
}
"""The fastest that target-postgres can be told to be."""


@dataclass(frozen=True)
class Rival:
    """A command that loads a Singer file into PostgreSQL."""

    name: str
    command: list[str]
    reads_stdin: bool = True


def ours(database: str, folder: Path, **settings: Any) -> Rival:  # noqa: ANN401 - any setting
    """This project's loader.

    Args:
        database: The address of the database.
        folder: A place for the file of settings.
        settings: Its settings, apart from the address.
    """
    settings = {"sqlalchemy_url": database, "default_target_schema": SCHEMA, **settings}
    return Rival(
        "target-relational",
        [sys.executable, "-m", "target_relational", *_configured(folder, settings)],
    )


def target_postgres(url: sa.URL, folder: Path, **settings: Any) -> Rival:  # noqa: ANN401 - likewise
    """MeltanoLabs' loader."""
    address = url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    program = environment("target-postgres", MELTANOLABS) / "bin" / "target-postgres"
    settings = {"sqlalchemy_url": address, "default_target_schema": SCHEMA, **settings}
    return Rival("target-postgres", [str(program), *_configured(folder, settings)])


def dlt(url: sa.URL, folder: Path, file: Path, stream: str, key: list[str]) -> Rival:
    """The pipeline that dlt's documentation shows, with the disposition `merge`."""
    python = environment("dlt", DLT, "orjson") / "bin" / "python"
    script = str(HERE / "dlt_merge.py")
    place = [str(url.query["host"]), str(url.username), str(url.database)]
    # It remembers what it has loaded, and would go on from there.
    remembered = tempfile.mkdtemp(dir=folder)
    arguments = [str(file), stream, *place, remembered, *key]
    return Rival("dlt", [str(python), script, *arguments], reads_stdin=False)


def _configured(folder: Path, settings: dict[str, Any]) -> list[str]:
    file = folder / "settings.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    return ["--config", str(file)]


def environment(name: str, *packages: str) -> Path:
    """An environment with some packages, made when it is not there."""
    place = ENVIRONMENTS / name
    if not (place / "complete").exists():
        python = place / "bin" / "python"
        uv = str(Path(sys.executable).with_name("uv"))
        _run(uv, "venv", "--quiet", "--clear", str(place))
        _run(uv, "pip", "install", "--quiet", "--python", str(python), *packages)
        (place / "complete").touch()
    return place


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - our own words
