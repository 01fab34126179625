"""Records a second of CPU: ours, a tap on the SDK's defaults, and dlt's `rest_api` source."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.crowd import crowd
from benchmarks.figures import Figure, publish
from benchmarks.rivals import environment
from benchmarks.served import served
from benchmarks.spending import messages, spent, tap_command
from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.__main__ import START
from tap_constantcontact.settings import SUBRESOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.served import Served

HERE = Path(__file__).parent
CONTACTS = 200_000
AUDIENCE = 10_000
CAMPAIGNS = 12
ROUNDS = 5
"""How often each tap runs, in turn; the least it took counts, as others use the machine, too."""

TRACKING = ("email_sends", "email_opens", "email_clicks")
BARS = {"contacts": 5, "tracking": 4}
STREAMS = {"contacts": ("contacts",), "tracking": TRACKING}
DLT = "dlt==1.31.0"
OURS_ALONE = frozenset({"occurrence", "_extra"})
"""Fields that the SDK's way cannot fill."""


def mail() -> Sandbox:
    """Make an account whose few campaigns went to everybody, were opened and clicked."""
    account = Account.populate(seed=7, contacts=AUDIENCE, campaigns=0, clock=Clock(START))
    audience = [each for each in account.contacts.values() if each.email_address]
    for number in range(CAMPAIGNS):
        sent = START - timedelta(days=60 + number)
        campaign = account.add_campaign(f"Campaign {number}", at=sent - timedelta(days=1))
        link = account.add_link(campaign.primary, "https://bakery.example.com/")
        account.send(campaign, audience, at=sent)
        for place, contact in enumerate(audience):
            later = sent + timedelta(seconds=7.3 * place)
            for again in range(place % 3):
                at = later + timedelta(hours=again)
                account.add_open(campaign.primary, contact, at=at)
            if place % 4 == 0:
                account.add_click(campaign.primary, contact, link, at=later + timedelta(minutes=1))
    switches = Switches.unlimited()
    switches.minute_granular_times = False  # more different times: harder for us
    return Sandbox(account, switches)


def access_token(sandbox: Sandbox) -> str:
    """Return an access token."""
    return sandbox.access_token()


def main() -> None:
    """Compare them, on contacts and on tracking."""
    place = environment(DLT, DLT)
    figures = []
    for what, make in (("contacts", partial(crowd, CONTACTS)), ("tracking", mail)):
        with served(make) as sandbox, tempfile.TemporaryDirectory() as folder:
            figures += compare(what, sandbox, Path(folder), place)
    publish("cpu", figures, notes())


def compare(what: str, sandbox: Served, folder: Path, place: Path) -> list[Figure]:
    """Compare them on the same account; see that they read the same."""
    ours, plain = folder / "ours.jsonl", folder / "plain.jsonl"
    config, catalog = folder / "plain.json", folder / "catalog.json"
    config.write_text(json.dumps(sandbox.settings), encoding="utf-8")
    plain_command = [sys.executable, "-m", "benchmarks.plain_sdk", "--config", str(config)]
    catalog.write_text(json.dumps(chosen(plain_command, STREAMS[what])), encoding="utf-8")
    plain_command += ["--catalog", str(catalog)]
    settings = {
        **sandbox.settings,
        "requests_per_second": 10_000,
        "contact_include": list(SUBRESOURCES),
    }
    our_cpu = plain_cpu = float("inf")
    for _ in range(ROUNDS):
        with tap_command(settings, STREAMS[what]) as tap:
            our_cpu = min(our_cpu, spent(tap, ours).cpu)
        plain_cpu = min(plain_cpu, spent(plain_command, plain).cpu)
    counted = rows(ours)
    if counted != rows(plain):
        raise RuntimeError("The two taps did not write the same rows.")
    count = counted.total()

    told = folder / "dlt.json"
    config.write_text(
        json.dumps(
            {
                "what": what,
                "include": ",".join(SUBRESOURCES),
                "api_url": sandbox.settings["api_url"],
                "access_token": sandbox.do(access_token),
            }
        ),
        encoding="utf-8",
    )
    spent([place / "bin" / "python", HERE / "dlt_pipeline.py", config], told)
    dlt = json.loads(told.read_text(encoding="utf-8").splitlines()[-1])
    if sum(dlt["rows"].values()) != count:
        raise RuntimeError("dlt did not read as many rows.")

    bar, ratio = BARS[what], plain_cpu / our_cpu
    speed = f"{count / our_cpu:,.0f} a second"
    return [
        Figure(
            f"{what}: records a second of CPU, against a tap on the SDK's defaults",
            f"at least {bar} times",
            f"{ratio:.1f} times ({speed} here, {count:,} records)",
            ratio >= bar,
        ),
        *(
            Figure(
                f"{what}: likewise, against dlt's `rest_api` source, {step}",
                "none",
                f"{dlt[key] / our_cpu:.1f} times",
                holds=True,
            )
            for key, step in (("extract", "extract alone"), ("both", "extract and normalize"))
        ),
    ]


def rows(output: Path) -> Counter[int]:
    """Return the rows of an output, by hash, without nulls and what the SDK's way cannot know."""
    return Counter(
        hash(json.dumps([message["stream"], said(message["record"])], sort_keys=True))
        for message in messages(output)
        if message["type"] == "RECORD"
    )


def said(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record says."""
    return {
        name: value
        for name, value in record.items()
        if value is not None and name not in OURS_ALONE
    }


def chosen(command: list[str], streams: tuple[str, ...]) -> dict[str, Any]:
    """Return the catalog of a tap with only these streams selected."""
    discovered = subprocess.run(  # noqa: S603 - our own command
        [*command, "--discover"], check=True, capture_output=True
    )
    catalog: dict[str, Any] = json.loads(discovered.stdout)
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["selected"] = entry["tap_stream_id"] in streams
    return catalog


def notes() -> str:
    """Say how it was measured."""
    return (
        f"CPU is that of the whole process, its start and imports included, the least of {ROUNDS}"
        f" runs in turn, written to files ({CONTACTS:,} contacts;"
        f" {CAMPAIGNS} campaigns to {AUDIENCE:,} people). The sandbox runs in another process,"
        " without limits. The plain tap is `benchmarks/plain_sdk.py`: it wrote the same rows, but"
        f" for nulls and `occurrence`. {DLT.replace('==', ' ')}, singer-sdk"
        f" {metadata.version('singer-sdk')}, Python {platform.python_version()}."
    )


if __name__ == "__main__":
    main()
