"""The container without an engine: what `podman` does of what docs/operations.md asks of it.

`podman` is a program here that follows the steps of Containerfile in a folder, and runs a command
as a container would: with the image's environment and that of `--env-file`, and nothing that an
earlier container left. It knows no option but those that it heeds, so a misspelt one fails.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dockerfile_parse import DockerfileParser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent


class Step(NamedTuple):
    """An instruction of Containerfile.

    Args:
        what: Which: `RUN`, for instance.
        flags: Its options, such as `from`.
        words: What follows, in words; of `RUN`, `ENV` and `CMD`, it is one.
    """

    what: str
    flags: dict[str, str]
    words: list[str]


def steps(path: Path = ROOT / "Containerfile") -> Iterator[Step]:
    """Yield the instructions of a file of them."""
    with path.open("rb") as file:
        for each in DockerfileParser(fileobj=file).structure:  # type: ignore[arg-type] # its stubs say text
            what, value = each["instruction"], each["value"]
            if what == "COMMENT":
                continue
            flags = dict(re.findall(r"--(\w+)=(\S+)", value)) if what == "COPY" else {}
            words = re.sub(r"--\w+=\S+\s+", "", value) if flags else value
            is_whole = what in {"RUN", "ENV", "CMD"}
            yield Step(what, flags, [words] if is_whole else words.split())


class Image(NamedTuple):
    """What steps have made.

    Args:
        folder: The folder `/project` of the last stage.
        environment: Its environment.
        command: What is run in it, unless something else is asked for.
    """

    folder: str
    environment: dict[str, str]
    command: list[str]

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        """Run a command as a new container; return its exit code."""
        for made in Path(self.folder, ".meltano").iterdir():
            if made.name in INSTALLED:
                continue
            shutil.rmtree(made) if made.is_dir() else made.unlink()
        environment = {**self.environment, **environment}
        program = shutil.which(command[0], path=environment["PATH"])
        assert program, f"There is no {command[0]} in the image."
        run = subprocess.run([program, *command[1:]], cwd=self.folder, env=environment, check=False)
        return run.returncode


INSTALLED = {"extractors", "loaders"}
"""Folders of Meltano's with what it has installed; other images have none."""


class Build:
    """Follows the steps of a file.

    Args:
        folder: Where the stages are made.
        file: The steps.
        source: The folder that they copy from.
        installed: An environment, and a folder of Meltano's, with all that the steps would install;
            None to install it.
    """

    def __init__(
        self, folder: Path, file: Path, source: Path, installed: tuple[Path, Path] | None
    ) -> None:
        self._stages = (folder / str(number) / "project" for number in range(9))
        self._home = folder
        self._source = source
        self._installed = installed
        self._command: list[str] = []
        for step in steps(file):
            getattr(self, f"_{step.what.lower()}", lambda _: None)(step)

    @property
    def image(self) -> Image:
        """What was made."""
        return Image(str(self._folder), self._environment, self._command)

    def _from(self, _: Step) -> None:
        self._before = getattr(self, "_folder", None)
        self._folder = next(self._stages)
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(self._home)}

    def _workdir(self, step: Step) -> None:
        assert step.words == ["/project"]
        self._folder.mkdir(parents=True)

    def _copy(self, step: Step) -> None:
        source = self._before if "from" in step.flags else self._source
        assert source
        for name in step.words[:-1]:
            path = source / name.removeprefix("/project/")
            to = self._folder / path.name
            if path.is_file():
                shutil.copy(path, to)
            elif source == self._source:
                shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                # Environments know where they are: what one stage makes, the next points to.
                to.symlink_to(path)

    def _env(self, step: Step) -> None:
        for name, value in re.findall(r"(\w+)=(\S+)", step.words[0]):
            here = value.replace("/project", str(self._folder))
            self._environment[name] = here.replace("$PATH", self._environment["PATH"])

    def _run(self, step: Step) -> None:
        if self._installed is None:
            # Where the index is not the usual one, the environment says so.
            outside = {**os.environ, **self._environment}
            subprocess.run(step.words[0], shell=True, check=True, cwd=self._folder, env=outside)
            return
        environment, meltano = self._installed
        (self._folder / ".venv").symlink_to(environment)
        for kind in INSTALLED:
            (self._folder / ".meltano" / kind).mkdir(parents=True)
            for plugin in (meltano / kind).iterdir():
                (self._folder / ".meltano" / kind / plugin.name).symlink_to(plugin.resolve())

    def _cmd(self, step: Step) -> None:
        self._command = json.loads(step.words[0])


def install_podman(folder: Path, installed: tuple[Path, Path] | None) -> None:
    """Make a program `podman`.

    Args:
        folder: Where; it keeps its images there, too.
        installed: See `Build`.
    """
    folder.mkdir()
    (folder / "installed.json").write_text(json.dumps(installed and [*map(str, installed)]))
    program = folder / "podman"
    start = f'PYTHONPATH={ROOT} exec {sys.executable} -m tests.container {folder} "$@"'
    program.write_text(f"#!/bin/sh\n{start}\n")
    program.chmod(0o755)


def podman(folder: Path, words: list[str]) -> int:
    """Do what `podman` is asked for; return its exit code."""
    parser = argparse.ArgumentParser("podman", allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build", allow_abbrev=False)
    build.add_argument("--file", type=Path, required=True)
    build.add_argument("--tag", required=True)
    build.add_argument("source", type=Path)
    run = actions.add_parser("run", allow_abbrev=False)
    for switch in ("--rm", "--interactive", "--tty"):
        run.add_argument(switch, action="store_true")
    run.add_argument("--env-file", type=Path, required=True)
    run.add_argument("tag")
    run.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args(words)

    description = folder / f"{asked.tag}.json"
    if asked.action == "build":
        given = json.loads((folder / "installed.json").read_text())
        installed = (Path(given[0]), Path(given[1])) if given else None
        stages = folder / asked.tag
        made = Build(stages, asked.file, asked.source.resolve(), installed).image
        description.write_text(json.dumps(made))
        return 0
    image = Image(*json.loads(description.read_text()))
    lines = asked.env_file.read_text().splitlines()
    # As podman reads it: nothing is unquoted, and nothing is filled in.
    environment = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return image.run(asked.command or image.command, environment)


if __name__ == "__main__":
    sys.exit(podman(Path(sys.argv[1]), sys.argv[2:]))
