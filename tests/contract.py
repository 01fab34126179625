"""Where the vendor's contract is: its Swagger file, which is not part of this project.

It is read from `../shared/reference`, or from where `CONSTANTCONTACT_SWAGGER` says.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SWAGGER = Path(
    os.environ.get("CONSTANTCONTACT_SWAGGER")
    or ROOT.parent / "shared" / "reference" / "swagger-3.0.178.yml"
)

needs_the_contract = pytest.mark.skipif(
    not SWAGGER.exists(), reason=f"the vendor's contract is not at {SWAGGER}"
)
