"""What reading will cost, in calls, before it is asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tap_constantcontact.streams.contacts import MOST_LISTS, Contacts, joined
from tap_constantcontact.streams.email_reports import EmailReport, counters
from tap_constantcontact.streams.stats import CampaignActivityStats

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sized

    from tap_constantcontact.ledger import Campaign
    from tap_constantcontact.streams.email_reports import DerivedReport

DETAILS = 4
"""Details that a campaign has, as long as its activities are not known: what the e-mail and its web
page are, when it was sent, and whether it is to be sent again."""

EVERYBODY = ""
"""The batch of no lists: contacts are asked for whatever they are on."""


def pages(rows: float, size: int) -> int:
    """Return the calls that read some rows: none if the counter says that there are none.

    >>> pages(0, 500), pages(1, 500), pages(501, 500)
    (0, 1, 2)
    """
    return math.ceil(rows / size)


def list_batches(lists: Collection[str]) -> list[str]:
    """Return batches of lists, as many in each as one call takes: `EVERYBODY` if there are none.

    They are in the order of their ids, whatever that of the settings: the state numbers them.

    >>> list_batches(["b", "a"]), list_batches([])
    (['a,b'], [''])
    """
    return joined(sorted(lists), MOST_LISTS) or [EVERYBODY]


def batches_of_pass(
    lists: Collection[str], members: Mapping[str, int] | None, total: int
) -> list[str]:
    """Return the batches of lists by which the wanted contacts are read in the fewest calls.

    Who is on lists of several batches is read with each of them. So where lists have much in
    common, reading everybody takes fewer calls than reading batch after batch.

    Args:
        lists: The lists whose contacts are wanted; none for all contacts.
        members: How many contacts each list has; None if that is not known.
        total: How many contacts there are.

    Returns:
        The batches; `EVERYBODY` alone where that takes fewer calls, as far as is known.
    """
    batches = list_batches(lists)
    if len(batches) == 1:
        return batches
    if members is None:
        return [EVERYBODY]
    # Who is on two lists of a batch is counted twice; and a call tells that nobody is on them.
    sizes = [min(sum(members.get(key, 0) for key in each.split(",")), total) for each in batches]
    calls, of_all = (
        sum(max(pages(size, Contacts.page_size), 1) for size in some) for some in (sizes, [total])
    )
    return [EVERYBODY] if calls > of_all else batches


def report_calls(stream: EmailReport | DerivedReport, counter: int, known: int = 0) -> int:
    """Return the calls that read a report.

    Args:
        stream: The report's stream.
        counter: How many rows it has, by its counter.
        known: How many of them need not be read again.
    """
    if isinstance(stream, EmailReport):
        return pages(max(counter - known, 1), stream.page_size) if counter else 0
    return 1


def unread(
    campaign: Campaign,
    totals: Mapping[str, int | None],
    stream: EmailReport | DerivedReport,
) -> tuple[int, int] | None:
    """Return what there is to read of the reports of a campaign.

    Args:
        campaign: What is known of it.
        totals: Its counters.
        stream: The stream of the reports.

    Returns:
        How many rows they have by their counters, and how many of these need not be read again;
        None if nothing is left to read.
    """
    reports = [activity.report(stream.name) for activity in campaign.reported.values()]
    counter = sum(totals[name] or 0 for name in counters(stream))
    if reports and counter == sum(report.counter or 0 for report in reports):
        return None
    return counter, sum(report.below for report in reports)


def campaign_calls(
    campaign: Campaign,
    totals: Mapping[str, int | None] | None,
    streams: Iterable[EmailReport | DerivedReport],
    *,
    details: Sized | None,
) -> float:
    """Return the calls that read what is due of a campaign.

    Args:
        campaign: What is known of it.
        totals: Its counters, if it was sent and they moved.
        streams: The reports that follow them.
        details: What is to be asked of its activities, as far as they are known; None if nothing.
    """
    calls = 1.0 * campaign.lookup_due
    if details is not None:
        calls += len(details) if campaign.activities else DETAILS
    if totals is None:
        return calls
    calls += max(len(campaign.reported), 1) / CampaignActivityStats.ids_a_call
    left = ((stream, unread(campaign, totals, stream)) for stream in streams)
    return calls + sum(report_calls(stream, *rows) for stream, rows in left if rows)
