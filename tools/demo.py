"""`make demo`: a made-up account behind the real API, read by Meltano into a SQLite file.

Run again, it lets the account live on for a day and shows that only the changes travel.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import click

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.__main__ import START

ROOT = Path(__file__).parent.parent
DATABASE = ROOT / "output" / "sandbox.db"
DAYS = ROOT / "output" / "sandbox.days"
"""How many days the account has lived through already."""

PACE = 40
"""Requests a second. The real API allows 4; nobody should have to wait for a demo."""

BIN = Path(sys.executable).parent

LOOK = """
select c.name, s.em_sends as sent, count(*) as opens, count(distinct o.contact_id) as people
from email_opens o
join campaign_activities a using (campaign_activity_id)
join campaigns c on c.campaign_id = a.campaign_id
join campaign_stats s on s.campaign_id = c.campaign_id
group by c.campaign_id order by opens desc limit 5
"""
"""A question that people ask: who opens what."""


def main() -> int:
    """Run the demo; return Meltano's exit code."""
    again = DATABASE.exists() and DAYS.exists()
    days = int(DAYS.read_text(encoding="utf-8")) + 1 if again else 0
    account = Account.populate(seed=7, contacts=2_000, campaigns=40, clock=Clock(START))
    switches = Switches(requests_per_second=PACE)
    with Sandbox(account, switches) as sandbox:
        happened = sandbox.live(timedelta(days=days))
        click.secho(
            f"A made-up account of {len(account.contacts):,} contacts is served at"
            f" {sandbox.api_url}, at {PACE} requests a second (the real API allows 4).",
            bold=True,
        )
        if again:
            click.echo(f"It has lived on for a day ({days} by now): {_told(happened)} in all.")
        before = _rows()
        finished = _meltano(sandbox, fresh=not again)
        calls = sum(not call.path.endswith("/token") for call in sandbox.asked)
    if finished:
        click.secho("Meltano did not come to its end: see its messages above.", fg="red")
        return finished
    DAYS.write_text(str(days), encoding="utf-8")
    _show(before, calls)
    return 0


def _meltano(sandbox: Sandbox, *, fresh: bool) -> int:
    """Run the pipeline against the sandbox, whatever a `.env` says."""
    command = [
        str(BIN / "meltano"),
        "--environment=sandbox",
        "run",
        *(["--full-refresh"] if fresh else []),
        "tap-constantcontact",
        "target-sqlite",
    ]
    click.echo(f"$ meltano {' '.join(command[1:])}\n")
    settings = {
        "CLIENT_ID": sandbox.client_id,
        "CLIENT_SECRET": sandbox.client_secret,
        "REFRESH_TOKEN": sandbox.refresh_token,
        "API_URL": sandbox.api_url,
        "AUTH_URL": sandbox.auth_url,
        "REQUESTS_PER_SECOND": str(PACE),
    }
    environment = {f"TAP_CONSTANTCONTACT_{name}": value for name, value in settings.items()}
    return subprocess.run(  # noqa: S603 - our own Meltano
        command, cwd=ROOT, env={**os.environ, **environment}, check=False
    ).returncode


def _told(happened: dict[str, int]) -> str:
    return ", ".join(f"{name} {times} times" for name, times in happened.items())


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("select name from sqlite_master where type = 'table' order by name")
    return [name for (name,) in found]


def _rows() -> dict[str, set[tuple[object, ...]]]:
    """Return the rows of every table, without what the loader notes about them."""
    if not DATABASE.exists():
        return {}
    rows = {}
    with sqlite3.connect(DATABASE) as connection:
        for table in _tables(connection):
            cursor = connection.execute(f'select * from "{table}"')  # noqa: S608 - our own names
            own = [
                number
                for number, (name, *_) in enumerate(cursor.description)
                if not name.startswith("_sdc")
            ]
            rows[table] = {tuple(row[number] for number in own) for row in cursor}
    return rows


def _show(before: dict[str, set[tuple[object, ...]]], calls: int) -> None:
    """Say what is in the database now, and what to do with it."""
    click.secho(f"\n{calls} requests were made. The tables:\n", bold=True)
    click.echo(f"  {'table':<26}{'rows':>8}{'new or changed':>17}")
    for table, rows in _rows().items():
        changed = len(rows - before.get(table, set()))
        click.echo(f"  {table:<26}{len(rows):>8,}{changed:>17,}")
    click.secho("\nThe e-mails that were opened most:\n", bold=True)
    with sqlite3.connect(DATABASE) as connection:
        for name, sent, opens, people in connection.execute(LOOK):
            click.echo(f"  {name[:40]:<42}{opens:>5,} opens by {people:,} of {sent:,} people")
    click.secho("\nAll of it is in output/sandbox.db, for any tool that reads SQLite:", bold=True)
    click.echo("  sqlite3 output/sandbox.db 'select email_address__address from contacts limit 5'")
    click.echo("  make demo     the account lives on for a day, and only the changes travel")
    click.echo("  README.md     “Your own account” says how to do this with a real one")


if __name__ == "__main__":
    sys.exit(main())
