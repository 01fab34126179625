"""The pipe of the README, typed as it stands."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tests.pipeline.project import INSTALLED, ROOT
from tests.pipeline.truth import differences

if TYPE_CHECKING:
    from constantcontact_sandbox import Sandbox
    from tests.pipeline.project import Project


@INSTALLED
def test_the_pipe_goes_on_from_its_state_into_the_file_that_its_settings_name(
    project: Project, sandbox: Sandbox
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", readme)
    first, again = [block for block in blocks if "--config target_config/" in block]
    shutil.copytree(ROOT / "target_config", project.folder / "target_config")
    database = f"sqlite:///{project.folder / 'output/constantcontact.db'}"

    calls = []
    for typed in (first, again):
        before = len(sandbox.asked)
        code, said = project.shell(["bash", "-euo", "pipefail", "-c", typed]).end()
        assert code == 0, said[-4000:]
        assert differences(sandbox.account, database) == []
        calls.append(len(sandbox.asked) - before)
    assert calls[1] < calls[0] / 2
