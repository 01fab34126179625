"""The state comes back as it was written, and only when it is worth a message."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meltano.core.utils import merge

from tap_constantcontact.errors import StateError
from tap_constantcontact.ledger import (
    DETAILS,
    REPORTS,
    STATE_SECONDS,
    Activity,
    Campaign,
    Crowd,
    Ledger,
    Listing,
    Outcome,
    Pass,
    Report,
    Settling,
    Shortfall,
    Window,
)
from tap_constantcontact.times import hour_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS = timedelta(hours=48)
SETTLING = Settling(3, DAYS)

moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
minutes = moments.map(lambda when: when.replace(second=0, microsecond=0))
shortfalls = st.builds(
    Shortfall,
    counter=st.integers(0, 9),
    tried=st.integers(0, 9),
    since=moments,
    tries=st.integers(0, 3),
)
gaps = st.fixed_dictionaries({"gap": st.integers(1, 9), "since": moments})
floors = st.fixed_dictionaries({"floor": moments.map(hour_of), "below": st.integers(0, 9)})
untold = st.fixed_dictionaries({"untold": st.tuples(st.integers(0, 9), st.none() | moments)})
reports = st.builds(
    lambda counter, short, *more: Report(
        counter=counter, short=short, **{key: value for each in more for key, value in each.items()}
    ),
    st.none() | st.integers(0, 10**6),
    st.none() | shortfalls,
    st.just({}) | gaps,
    st.just({}) | floors,
    st.just({}) | untold,
    st.just({}) | st.just({"seen": "q83vEjRW"}),
).filter(lambda report: report != Report())
activities = st.builds(
    Activity,
    reports=st.dictionaries(st.sampled_from(["email_opens", "email_links"]), reports),
    is_resend=st.booleans(),
)
campaigns = st.builds(
    Campaign,
    status=st.sampled_from(["Draft", "Done"]),
    # Of what changed long ago, some is left out.
    updated=moments.filter(lambda when: when >= NOON),
    sent=st.none() | minutes,
    is_trial=st.booleans(),
    lookup_due=st.booleans(),
    due=st.sampled_from([{"campaign_activities"}, set(DETAILS)]),
    looked=st.none() | moments,
    shown=st.dictionaries(
        st.sampled_from(["campaign_activity_schedules", "campaign_activity_ab_tests"]),
        st.lists(st.sampled_from(["", "2026-06-01T12:00:00Z"]), min_size=1),
    ),
    activities=st.dictionaries(
        st.sampled_from(["a1", "a2"]), activities | st.just(Activity(reports=None))
    ),
    refused=st.booleans(),
    seen=st.sampled_from(["", "q83vEjRW"]),
    abuse=st.integers(0, 9),
    excess=st.integers(0, 9),
    expected=st.integers(0, 9),
    since=st.none() | moments,
    short=st.none() | shortfalls,
)
passes = st.builds(
    Pass, began=moments, done=st.lists(st.sampled_from([[], [(None, NOON), (NOON + DAYS, None)]]))
)
crowds = st.builds(
    Crowd,
    read_whole=st.none() | moments,
    begun=st.none() | passes,
    due=st.none() | moments,
    counts=st.just({}) | st.just({"lists": {"l1": 7}, "statuses": {"deleted": 0}}),
    counted=st.none() | moments,
    choice=st.sampled_from(["", "q83vEjRW"]),
    sms_channel=st.none() | st.booleans(),
    columns=st.just({}) | st.just({"f1": ("cf_bread", "string", "", False)}),
)


@given(
    st.dictionaries(st.sampled_from(["c1", "c2", "c3"]), campaigns),
    st.none() | st.builds(Listing, st.just(NOON), st.none() | moments, st.none() | moments),
    st.none() | moments,
    crowds,
)
def test_a_state_comes_back_as_it_was_written(
    known: dict[str, Campaign],
    listing: Listing | None,
    until: datetime | None,
    crowd: Crowd,
) -> None:
    ledger = Ledger({})
    ledger.campaigns.update(known)
    ledger.listing, ledger.crowd = listing, crowd
    if until:
        ledger.advance("contacts", "updated_at", until)

    again = Ledger(json.loads(json.dumps(ledger.state())))

    assert again.state() == ledger.state()
    assert again.campaigns == known
    assert (again.listing, again.crowd) == (listing, crowd)
    assert again.bookmark("contacts") == until


def test_whom_streams_are_to_be_asked_about_comes_back_as_it_was_written() -> None:
    ledger = Ledger({})
    ledger.news["contact_activity_details"] = {"p2", "p1"}
    ledger.forbidden["contact_activity_details"] = True

    state = json.loads(json.dumps(ledger.state()))
    again = Ledger(state)
    assert state["ledger"]["news"] == [{"contact_activity_details": ["p1", "p2"]}]
    assert state["ledger"]["forbidden"] == [{"contact_activity_details": True}]
    assert (again.news, again.forbidden) == (ledger.news, ledger.forbidden)
    # An older state that is laid under this one says nothing any more.
    again.forbidden.clear()
    assert again.state()["ledger"]["forbidden"] == [{}]


def test_what_is_known_of_landing_pages_lists_and_texts_comes_back_as_it_was_written() -> None:
    ledger = Ledger({})
    ledger.landing_pages["p1"] = {"landing_page_opens": NOON}
    ledger.lists["social_hashtag_groups"] = "q83vEjRW"
    ledger.texts["c1"] = NOON

    state = json.loads(json.dumps(ledger.state()))
    again = Ledger(state)
    assert state["ledger"]["landing_pages"] == {
        "p1": [{"landing_page_opens": "2026-06-01T12:00:00Z"}]
    }
    assert state["ledger"]["texts"] == [{"c1": "2026-06-01T12:00:00Z"}]
    assert (again.landing_pages, again.lists) == (ledger.landing_pages, ledger.lists)
    assert again.texts == ledger.texts


@pytest.mark.parametrize(
    ("report", "cold", "kept"),
    [
        (Report(), False, None),
        (Report(counter=12), False, 12),
        (Report(counter=12, floor=NOON, below=7), False, [12, 48, 7]),
        (Report(counter=12, floor=NOON, below=7), True, 12),
        (Report(counter=912, floor=NOON, below=700), True, [912, 48, 700]),
        (Report(counter=2, seen="q83vEjRW"), False, {"counter": 2, "seen": "q83vEjRW"}),
        (Report(counter=2, seen="q83vEjRW"), True, 2),
        (Report(counter=12, floor=NOON - 2 * DAYS, below=0), False, [12, -48]),
        (
            Report(
                counter=3,
                floor=NOON,
                below=2,
                gap=1,
                since=NOON,
                short=Shortfall(counter=5, tried=6, since=NOON, tries=1),
            ),
            True,
            {
                "counter": 3,
                "floor": "2026-06-01T12:00:00Z",
                "below": 2,
                "gap": 1,
                "since": "2026-06-01T12:00:00Z",
                "short": {"counter": 5, "tried": 6, "since": "2026-06-01T12:00:00Z", "tries": 1},
            },
        ),
    ],
)
def test_a_report_remembers_what_it_needs_and_no_more(report: Report, cold: Any, kept: Any) -> None:
    start = NOON - DAYS
    assert report.dump(start, cold=cold) == kept
    assert Report.load(kept, start).dump(start, cold=cold) == kept


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128)))


OFF = frozenset({"email_unique_opens", "email_did_not_opens"})
"""The reports that are off by default, since others say it, too."""


def _read(chance: random.Random, sent: datetime, mails: int, *, off: frozenset[str]) -> Activity:
    """Return an activity of which all reports were read but for some."""
    opens = int(mails * chance.uniform(0.1, 0.9))
    clicks = opens // chance.randint(4, 20)
    counters = (mails, opens, clicks, mails // 90, mails // 400, mails // 5_000, clicks)
    reports = {name: Report(counter) for name, counter in zip(REPORTS, counters, strict=False)}
    for name, counter in (("email_opens", opens), ("email_clicks", clicks)):
        floor = hour_of(sent) + timedelta(hours=chance.randrange(90 * 24))
        reports[name] = Report(counter, floor=floor, below=counter * 49 // 50)
    reports["email_unique_opens"] = Report(opens)
    reports["email_did_not_opens"] = Report(
        mails + opens, floor=hour_of(sent) + timedelta(hours=chance.randrange(120 * 24))
    )
    return Activity({name: report for name, report in reports.items() if name not in off})


def _account(*, sent_known: int = 500, off: frozenset[str] = OFF) -> Ledger:
    """Return what is known of 5,000 campaigns of five years, each to up to 50,000 contacts.

    One of five was sent again to those who did not open it.

    Args:
        sent_known: Of how many campaigns the API said when they were sent, the newest first: the
            summaries tell it of 500 at a time.
        off: The reports that are not read.
    """
    ledger = Ledger({})
    ledger.listing = Listing(NOON)
    ledger.keep_up_with(frozenset(DETAILS) - {"campaign_activity_previews"})
    chance = random.Random(1)
    for number in range(5_000):
        sent = NOON - timedelta(minutes=number * 5 * 365 * 24 * 60 // 5_000)
        audience = min(int(chance.lognormvariate(8, 1.2)), 50_000)
        activities = {
            _uuid(chance): _read(chance, sent, audience, off=off),
            _uuid(chance): Activity(None),
        }
        if number % 5 == 0:
            resend = _read(chance, sent, audience // 2, off=off)
            resend.is_resend = True
            activities[_uuid(chance)] = resend
        is_open = sent > NOON - timedelta(days=10)
        ledger.campaigns[_uuid(chance)] = Campaign(
            "Done",
            updated=sent + timedelta(seconds=chance.randrange(600)),
            sent=sent if number < sent_known else None,
            lookup_due=False,
            due=set(),
            looked=NOON if is_open else None,
            activities=activities,
            seen="q83vEjRW",
            abuse=audience // 10_000,
        )
    return ledger


def _size(ledger: Ledger) -> int:
    return len(json.dumps(ledger.state(), separators=(",", ":")))


@pytest.mark.parametrize("sent_known", [5_000, 500])
def test_the_state_of_5000_campaigns_takes_less_than_a_megabyte(sent_known: int) -> None:
    assert 800_000 < _size(_account(sent_known=sent_known)) <= 900_000


def test_the_state_of_5000_campaigns_with_every_report_takes_at_most_a_megabyte() -> None:
    assert _size(_account(off=frozenset())) <= 1_000_000


def test_5000_campaigns_of_which_nothing_was_read_yet_take_less_than_settled_ones() -> None:
    """As a first run leaves them that ends before it comes to any."""
    for details in (frozenset[str](), frozenset(DETAILS)):
        ledger = _account()
        ledger.details = details
        for campaign in ledger.campaigns.values():
            campaign.activities.clear()
            campaign.seen = ""
            campaign.changed()

        assert _size(ledger) <= 600_000


def test_5000_campaigns_with_details_that_are_forbidden_take_at_most_a_megabyte() -> None:
    ledger = _account()
    ledger.details = frozenset(DETAILS)
    for campaign in ledger.campaigns.values():
        campaign.due = {"campaign_activity_send_history", "campaign_activity_previews"}

    assert _size(ledger) <= 1_000_000


def test_states_of_runs_over_different_campaigns_can_be_merged_key_by_key() -> None:
    """As Meltano does it, and `jq '.[0] * .[1]'`."""
    short = Shortfall(counter=5, tried=6, since=NOON, tries=1)
    before, after = Ledger({}), Ledger({})
    for ledger, changed in ((before, True), (after, False)):
        ledger.listing = Listing(NOON)
        ledger.crowd.begun = Pass(NOON, [[]]) if changed else None
        ledger.crowd.read_whole = NOON
        ledger.campaigns["both"] = Campaign(
            "Error" if changed else "Done",
            refused=changed,
            short=short if changed else None,
            activities={"a": Activity({"email_opens": Report(counter=1, short=short)})}
            if changed
            else {},
        )
    before.campaigns["before"] = Campaign("Draft")
    after.campaigns["after"] = Campaign("Done", abuse=1)

    merged = Ledger(merge(after.state(), before.state()))  # type: ignore[no-untyped-call]
    assert merged.crowd.begun is None
    assert merged.campaigns == {
        "before": before.campaigns["before"],
        "both": after.campaigns["both"],
        "after": after.campaigns["after"],
    }


def test_windows_that_were_read_are_joined_and_what_is_left_lies_between() -> None:
    day = timedelta(days=1)
    begun = Pass(NOON, [[]])
    assert begun.left() == [(0, (None, None))]
    begun.note(0, (NOON, None))
    begun.note(0, (NOON - 3 * day, NOON - 2 * day))
    assert begun.left() == [(0, (None, NOON - 3 * day)), (0, (NOON - 2 * day, NOON))]
    begun.note(0, (NOON - 2 * day, NOON))
    assert begun.done == [[(NOON - 3 * day, None)]]
    assert begun.left() == [(0, (None, NOON - 3 * day))]
    begun.note(0, (None, NOON - 3 * day))
    assert begun.left() == []


@given(st.data())
def test_windows_read_in_any_order_leave_just_the_others_of_each_batch(data: Any) -> None:
    cuts = data.draw(st.lists(st.lists(moments, unique=True, max_size=5).map(sorted), min_size=1))
    windows = [
        (batch, window)
        for batch, inside in enumerate(cuts)
        for window in pairwise([None, *inside, None])
    ]
    begun = Pass(NOON, [[] for _ in cuts])
    left = set(windows)
    for batch, window in data.draw(st.permutations(windows)):
        begun.note(batch, window)
        left.discard((batch, window))
        again = Pass.load(json.loads(json.dumps(begun.dump())))
        assert again == begun
        # What lies side by side is one window.
        found = set(again.left())
        assert {each for each in windows if any(_holds(one, each) for one in found)} == left
    assert begun.done == [[(None, None)] for _ in cuts]


def _holds(one: tuple[int, Window], other: tuple[int, Window]) -> bool:
    """Tell whether a window of a batch holds another one, of the same batch."""
    (batch, (since, until)), (batch_of_other, (start, end)) = one, other
    begins = since is None or (start is not None and since <= start)
    ends = until is None or (end is not None and end <= until)
    return batch == batch_of_other and begins and ends


def test_a_window_from_before_the_year_2000_lies_behind_the_one_without_a_beginning() -> None:
    old = datetime(1999, 5, 31, tzinfo=UTC)
    begun = Pass(NOON, [[]])
    begun.note(0, (old, None))
    begun.note(0, (None, old))

    assert begun.left() == []


@pytest.mark.parametrize("runs", [1, 2, 3, 7])
def test_tries_grow_rarer_and_the_last_one_comes_at_the_end(runs: int) -> None:
    settling = Settling(runs, timedelta(hours=48))
    tries = [settling.after(tries) for tries in range(runs)]

    assert tries == sorted(tries)
    assert tries[-1] == timedelta(hours=48)
    assert runs == 1 or tries[0] == timedelta(hours=1)


def test_what_was_read_untold_is_read_again_from_where_that_began() -> None:
    report = Report(counter=12, floor=NOON, below=7, gap=1, since=NOON)
    report.leave_untold()
    report.counter, report.floor, report.below = 15, NOON + DAYS, 11
    report.leave_untold()

    report.read_untold_again()
    assert report == Report(counter=None, floor=NOON, below=7, gap=1, since=NOON)
    report.read_untold_again()
    assert report.floor == NOON


def test_a_report_that_has_what_its_counter_says_agrees() -> None:
    report = Report()

    assert report.settle(5, 5, NOON, SETTLING) is Outcome.AGREES
    assert report == Report(counter=5)
    assert not report.is_due(5, NOON, SETTLING)
    assert report.is_due(6, NOON, SETTLING)
    assert report.is_due(4, NOON, SETTLING)


def test_a_shortfall_is_tried_ever_more_rarely_and_then_left() -> None:
    report = Report()
    assert report.settle(4, 5, NOON, SETTLING) is Outcome.SHORT
    tried = []
    for hours in range(1, 100):
        now = NOON + timedelta(hours=hours)
        if report.is_due(5, now, SETTLING):
            tried.append(hours)
            report.settle(4, 5, now, SETTLING)

    assert tried == [1, 7, 48]
    assert report == Report(counter=5, gap=1, since=NOON)


def test_what_was_left_short_agrees_from_then_on_and_heals() -> None:
    report = Report(counter=5, gap=1)

    assert report.settle(6, 7, NOON, SETTLING) is Outcome.AGREES
    assert report == Report(counter=7, gap=1)
    assert report.settle(8, 8, NOON, SETTLING) is Outcome.AGREES
    assert report == Report(counter=8, gap=0)


def test_a_report_that_always_lags_a_little_is_never_given_up() -> None:
    report = Report()
    for hours in range(0, 24 * 30, 6):
        # Each time one row more is counted, and the row of the time before has come.
        count = hours // 6
        outcome = report.settle(count - 1, count, NOON + timedelta(hours=hours), SETTLING)
        assert outcome in {Outcome.SHORT, Outcome.STILL_SHORT}
    assert report.settle(count, count, NOON + timedelta(hours=hours), SETTLING) is Outcome.AGREES


@pytest.mark.parametrize("moved", [4, 6])
def test_a_counter_that_moves_is_tried_at_once(moved: int) -> None:
    report = Report()
    report.settle(3, 5, NOON, SETTLING)

    assert not report.is_due(5, NOON, SETTLING)
    assert report.is_due(moved, NOON, SETTLING)


def test_a_bookmark_never_moves_back() -> None:
    ledger = Ledger({})
    ledger.advance("contacts", "updated_at", NOON)
    ledger.advance("contacts", "updated_at", NOON - timedelta(hours=1))

    assert ledger.state()["bookmarks"] == {
        "contacts": {
            "replication_key": "updated_at",
            "replication_key_value": "2026-06-01T12:00:00Z",
        }
    }


def test_a_state_of_other_tools_that_holds_nothing_for_us_is_a_beginning() -> None:
    assert Ledger({"bookmarks": {"contacts": {}}}).bookmark("contacts") is None


@pytest.mark.parametrize(
    "state",
    [
        {"ledger": {"version": 99}},
        {"ledger": {"version": None}},
        {"ledger": ["old"]},
        # Bookmarks alone would hide what no ledger says to be read, such as old bulk activities.
        {"bookmarks": {"contacts": {"replication_key_value": "2026-01-01"}}},
        {"bookmarks": {"contacts": "2026-01-01"}},
        {"bookmarks": ["contacts"]},
    ],
)
def test_a_state_of_another_version_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(StateError, match="another version of the tap"):
        Ledger(state)


BEGUN = {"ledger": {"version": 1}}


@pytest.mark.parametrize(
    "state",
    [
        {"ledger": {"version": 1, "campaigns": {"c1": {"status": "Done"}}}},
        {"bookmarks": {"contacts": {"replication_key_value": "2026-01-01"}}, **BEGUN},
        {"bookmarks": {"contacts": "2026-01-01"}, **BEGUN},
        {"bookmarks": ["contacts"], **BEGUN},
        {"ledger": {"version": 1, "listing": [{"until": "yesterday"}]}},
        {"ledger": {"version": 1, "listing": [{}]}},
        {"ledger": {"version": 1, "contacts": [{"pass": {}}]}},
    ],
)
def test_a_damaged_state_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(StateError, match="The state is damaged"):
        Ledger(state)


def test_a_state_is_due_only_now_and_then() -> None:
    now = [0.0]
    ledger = Ledger({}, clock=lambda: now[0])

    assert not ledger.due()
    now[0] = STATE_SECONDS
    assert ledger.due()
    assert not ledger.due()
