"""`tap-constantcontact-plan`: what the next runs will cost, before they are made.

It takes the options of the tap, spends at most 15 calls, and prints for each stream about how many
rows, calls, minutes at the pace and days at the quota reading it takes: in the next run, and in a
typical one after it.
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
    return {
        "streams": [
            {"stream": name, "rows": _whole(rows[name]), **_spent(calls[name], settings)}
            for name in calls
        ],
        **_spent(sum(calls.values()), settings),
    }


def _spent(calls: float, settings: Settings) -> dict[str, Any]:
    """Return what calls take: how many, the minutes at the pace, and the days at the quota."""
    whole = math.ceil(round(calls, 2))
    a_day = settings.limits.daily_quota - settings.limits.quota_reserve
    return {
        "calls": whole,
        "minutes": round(whole / settings.requests_per_second / 60, 1),
        "days": round(whole / a_day, 2) if a_day > 0 else None,
    }


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)


WHAT = ("rows", "calls", "minutes", "days")
"""The figures of each run, and of each stream in it."""


def table(found: dict[str, Any]) -> str:
    """Return the figures as a table for people: of the next run, and of a typical one after it.

    Args:
        found: What `figures` returned.
    """
    runs = (found["run"], found["typical_run"])
    by_name = [{each["stream"]: each for each in run["streams"]} for run in runs]
    none = dict.fromkeys(WHAT)
    lines: list[Sequence[str]] = [("stream", *WHAT, *WHAT)]
    lines += [
        (name, *(text for each in by_name for text in _texts(each.get(name, none))))
        for name in dict.fromkeys([*by_name[0], *by_name[1]])
    ]
    lines.append(("all", *(text for run in runs for text in _texts({"rows": None, **run}))))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    ]
    rule = "-" * len(text[0])
    starts = [widths[0] + 2, sum(widths[: len(WHAT) + 1]) + 2 * (len(WHAT) + 1)]
    above = "".ljust(starts[0]) + "next run".ljust(starts[1] - starts[0]) + "a typical one after it"
    said = [above, text[0], rule, *text[1:-1], rule, text[-1]]
    if not found["complete"]:
        said.append("There are more campaigns than were counted: the run costs more.")
    return "\n".join(line.rstrip() for line in said)


def _texts(figures: dict[str, Any]) -> list[str]:
    return ["" if figures[what] is None else f"{figures[what]:,}" for what in WHAT]


def main() -> None:
    """Run the command."""
    PlanningTap.cli()


if __name__ == "__main__":
    main()
