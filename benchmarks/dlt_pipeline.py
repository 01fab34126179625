"""Reads the same with dlt's `rest_api` source; runs in an environment of its own.

It fetches and writes to dlt's files (extract), then types and unnests the rows (normalize). The
first does less than a tap, whose rows are typed; both together do about the same. Nothing is
loaded. It prints the CPU seconds of both, imports included, and how many rows each table has.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

SENT = {"Done", "Executing"}
SENDABLE = {"primary_email", "resend"}


def contacts(include: str) -> list[dict[str, Any]]:
    """Return the resource of contacts."""
    return [
        {
            "name": "contacts",
            "primary_key": "contact_id",
            "endpoint": {
                "path": "contacts",
                "params": {"status": "all", "limit": 500, "include": include},
                "data_selector": "contacts",
            },
        }
    ]


def tracking(_include: str) -> list[dict[str, Any]]:
    """Return the reports, and the resources that lead to them."""
    return [
        {
            "name": "campaigns",
            "selected": False,
            "endpoint": {"path": "emails", "params": {"limit": 500}, "data_selector": "campaigns"},
            "processing_steps": [{"filter": lambda row: row["current_status"] in SENT}],
        },
        {
            "name": "activities",
            "selected": False,
            "endpoint": {
                "path": "emails/{resources.campaigns.campaign_id}",
                "data_selector": "campaign_activities",
                "paginator": "single_page",
            },
            "processing_steps": [{"filter": lambda row: row["role"] in SENDABLE}],
        },
        *(
            {
                "name": f"email_{kind}",
                "endpoint": {
                    "path": "reports/email_reports/{resources.activities.campaign_activity_id}"
                    f"/tracking/{kind}",
                    "params": {"limit": 500},
                    "data_selector": "tracking_activities",
                },
            }
            for kind in ("sends", "opens", "clicks")
        ),
    ]


def spent() -> float:
    """Return the CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(settings: dict[str, Any]) -> None:
    """Read what the settings say, and print what it took."""
    resources = {"contacts": contacts, "tracking": tracking}[settings["what"]]
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{settings['api_url']}/",
                "auth": {"type": "bearer", "token": settings["access_token"]},
                "paginator": {"type": "json_link", "next_url_path": "_links.next.href"},
            },
            "resources": resources(settings["include"]),
        },
        max_table_nesting=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=folder,
            destination=dlt.destinations.filesystem(bucket_url=f"{folder}/loaded"),
        )
        pipeline.extract(source)
        extracted = spent()
        normalized = pipeline.normalize()
        counts = {
            name: count
            for name, count in (normalized.row_counts or {}).items()
            if not name.startswith("_")
        }
        print(json.dumps({"extract": extracted, "both": spent(), "rows": counts}))  # noqa: T201
        pipeline.drop()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
