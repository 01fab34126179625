"""`tap-constantcontact-plan`: what the next runs will cost, before they are made.

It takes the options of the tap, spends at most 15 calls, and prints for each stream about how many
rows and calls reading it takes.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

from tap_constantcontact.tap import OneLineCommand, TapConstantContact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_constantcontact.settings import Settings
    from tap_constantcontact.survey import Cost, Forecast


class PlanningTap(TapConstantContact):
    """The tap, which says what it would do instead of doing it."""

    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Print the plan."""
        as_json = click.get_current_context().params["as_json"]
        forecast = self.forecast()
        whole = figures(forecast, self.settings)
        click.echo(json.dumps(whole, indent=2) if as_json else table(whole))

    @classmethod
    @override
    def invoke(cls, *, as_json: bool = False, **options: Any) -> None:
        super().invoke(**options)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        kept = {"config", "catalog", "state"}
        return OneLineCommand(
            name="tap-constantcontact-plan",
            callback=command.callback,
            context_settings=command.context_settings,
            params=[
                *(option for option in command.params if option.name in kept),
                click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."),
            ],
            help="Say what the next runs will cost, in calls. It makes at most 15 calls itself.",
            logger=cls.logger,
        )


def figures(forecast: Forecast, settings: Settings) -> dict[str, Any]:
    """Return a forecast as plain figures.

    Args:
        forecast: What was found.
        settings: The pace and the calls of a day.
    """
    return {
        "run": _of_run(forecast.run, settings),
        "typical_run": _of_run(forecast.typical, settings),
        "complete": forecast.listed_all,
    }


def _of_run(costs: Iterable[Cost], settings: Settings) -> dict[str, Any]:
    rows: dict[str, float | None] = {}
    calls: defaultdict[str, float] = defaultdict(float)
    for cost in costs:
        known = rows.get(cost.stream, 0)
        rows[cost.stream] = None if known is None or cost.rows is None else known + cost.rows
        calls[cost.stream] += cost.calls
    whole = math.ceil(sum(calls.values()))
    a_day = settings.limits.daily_quota - settings.limits.quota_reserve
    return {
        "streams": [
            {"stream": name, "rows": _whole(rows[name]), "calls": math.ceil(calls[name])}
            for name in calls
        ],
        "calls": whole,
        "minutes": round(whole / settings.requests_per_second / 60, 1),
        "days": round(whole / a_day, 2) if a_day > 0 else None,
    }


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)


def table(found: dict[str, Any]) -> str:
    """Return the figures as a table for people.

    Args:
        found: What `figures` returned.
    """
    typical = {each["stream"]: each["calls"] for each in found["typical_run"]["streams"]}
    streams = {each["stream"]: each for each in found["run"]["streams"]}
    lines: list[Sequence[str]] = [("stream", "rows", "calls", "then")]
    for name in dict.fromkeys([*streams, *typical]):
        each = streams.get(name, {"rows": None, "calls": 0})
        rows = "" if each["rows"] is None else f"{each['rows']:,}"
        lines.append((name, rows, f"{each['calls']:,}", f"{typical.get(name, 0):,}"))
    runs = (found["run"], found["typical_run"])
    lines += [
        (what, "", *("" if run[what] is None else f"{run[what]:,}" for run in runs))
        for what in ("calls", "minutes", "days")
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    ]
    rule = "-" * len(text[0])
    said = [text[0], rule, *text[1:-3], rule, *text[-3:]]
    if not found["complete"]:
        said.append("There are more campaigns than were counted: the run costs more.")
    return "\n".join(said)


def main() -> None:
    """Run the command."""
    PlanningTap.cli()


if __name__ == "__main__":
    main()
