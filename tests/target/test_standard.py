"""The SDK's own suite for targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_target_test_class

from target_relational.target import TargetRelational

if TYPE_CHECKING:
    from pathlib import Path

# The suite takes its settings when the module is imported; the fixtures below fill them in.
ON_SQLITE: dict[str, Any] = {}
ON_POSTGRES: dict[str, Any] = {"default_target_schema": "loaded"}
WITH_METADATA: dict[str, Any] = {"add_record_metadata": True}


class TestOnSQLite(get_target_test_class(TargetRelational, config=ON_SQLITE)):  # type: ignore[misc]
    @pytest.fixture(autouse=True)
    def _settings(self, tmp_path: Path) -> None:
        ON_SQLITE["sqlalchemy_url"] = f"sqlite:///{tmp_path}/suite.db"


class TestOnSQLiteWithMetadata(
    get_target_test_class(TargetRelational, config=WITH_METADATA)  # type: ignore[misc]
):
    @pytest.fixture(autouse=True)
    def _settings(self, tmp_path: Path) -> None:
        WITH_METADATA["sqlalchemy_url"] = f"sqlite:///{tmp_path}/suite.db"


class TestOnPostgreSQL(
    get_target_test_class(TargetRelational, config=ON_POSTGRES)  # type: ignore[misc]
):
    @pytest.fixture(autouse=True)
    def _settings(self, postgres_url: str) -> None:
        ON_POSTGRES["sqlalchemy_url"] = postgres_url
