"""Loads a Singer file with dlt: run by `rivals` in an environment of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import dlt
import orjson

SINGER_FILE, STREAM, SOCKET, USER, DATABASE, FOLDER, *KEY = sys.argv[1:]
PAGE = 1000


def records() -> Iterator[list[dict[str, object]]]:
    """Yield the records of the file, a page at a time."""
    page = []
    with Path(SINGER_FILE).open("rb") as lines:
        for line in lines:
            message = orjson.loads(line)
            if message["type"] == "RECORD":
                page.append(message["record"])
            if len(page) == PAGE:
                yield page
                page = []
    yield page


destination = dlt.destinations.postgres(
    credentials={
        "host": quote(SOCKET, safe=""),
        "username": USER,
        "password": "none",
        "database": DATABASE,
    }
)
dlt.pipeline(
    pipeline_name="rival",
    pipelines_dir=FOLDER,
    destination=destination,
    dataset_name="loaded",
).run(
    dlt.resource(
        records, name=STREAM, write_disposition="merge", primary_key=KEY, max_table_nesting=0
    )
)
