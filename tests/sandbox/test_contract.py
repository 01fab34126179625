"""Every answer satisfies the vendor's contract, but for oddities that have a name.

The validator is Schemathesis. A field that the contract does not declare counts as a violation
too. Each oddity amends the contract in one place; it must be met, or its name has to go.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from schemathesis.core.failures import Failure, FailureGroup

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.routes import ROUTES
from tests.contract import SWAGGER, needs_the_contract
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from constantcontact_sandbox.switches import LastPage

Contract = dict[str, Any]

ELSEWHERE = "8987dc1a-48ef-433a-b836-7ca4f9aa3481"
LINKS = ("PagingLinks", "tagsPagingLinks", "emailsPagingLinks", "reportingLinks", "segmentsLinks")
NEXT_LINKS = ("Link", "tagsLinks", "emailsLink", "reportingNext", "Next")
LANDING_PAGES = (
    "PContactClickTrackingActivitiesPage",
    "PContactOpensTrackingActivitiesPage",
    "PContactUpdateTrackingActivitiesPage",
    "PContactAddTrackingActivitiesPage",
    "PContactSMSOptInTrackingActivitiesPage",
)
EVENT_PAGES = ("PaginationDtoEventListingDto", "PaginatedRegistrations")
EVENT_LINKS = ("Links", "registrationsLinks")

pytestmark = needs_the_contract


@dataclass(frozen=True)
class Oddity:
    """Where the real API is known, or suspected, to differ from its contract.

    Attributes:
        name: what differs.
        grade: how sure that is: S the contract contradicts itself, G the vendor's guide,
            L seen in live answers, I inferred.
        amend: changes the contract in that one place.
    """

    name: str
    grade: str
    amend: Callable[[Contract], object]


def _definition(contract: Contract, name: str) -> dict[str, Any]:
    found: dict[str, Any] = contract["definitions"][name]
    return found


def _may_be_null(names: tuple[str, ...]) -> Callable[[Contract], None]:
    def amend(contract: Contract) -> None:
        for name in names:
            _definition(contract, name)["x-nullable"] = True

    return amend


def _href_may_be_null(contract: Contract) -> None:
    for name in NEXT_LINKS:
        _definition(contract, name)["properties"]["href"]["x-nullable"] = True


def _links_may_be_absent(contract: Contract) -> None:
    for name in ("BouncesTrackingActivitiesPage", "OptoutsTrackingActivitiesPage"):
        _definition(contract, name)["required"].remove("_links")


def _links_may_be_empty(contract: Contract) -> None:
    _definition(contract, "segmentsLinks")["required"].remove("next")


def _choice_ids_are_text(contract: Contract) -> None:
    _definition(contract, "CustomFieldChoice")["properties"]["choice_id"]["type"] = "string"


def _account_email(contract: Contract) -> dict[str, Any]:
    properties: dict[str, Any] = _definition(contract, "AccountEmails")["items"]["properties"]
    return properties


def _counts_may_be_quoted(contract: Contract) -> None:
    for count in _definition(contract, "UniqueEmailCounts")["properties"].values():
        del count["type"], count["format"]


def _counters_may_be_dotted(contract: Contract) -> None:
    for name in ("StatsEmail", "StatsEmailActivity"):
        properties = _definition(contract, name)["properties"]
        for key in [each for each in properties if "_all_" in each]:
            properties[key.replace("_all_", ".all.")] = properties[key]


def _consents_have_times_of_their_own(contract: Contract) -> None:
    del _definition(contract, "HistoryDetails")["properties"]["consent_action_time"]["format"]


def _tags_are_counted(contract: Contract) -> None:
    _definition(contract, "Tags")["properties"]["tags_count"] = {"type": "integer"}


def _parameters_have_values_of_all_kinds(contract: Contract) -> None:
    del _definition(contract, "ParameterDto")["properties"]["parameter_value"]["type"]


def _landing_pages_end_as_others_do(contract: Contract) -> None:
    for name in LANDING_PAGES:
        _definition(contract, name)["required"].remove("_links")
    del _definition(contract, "lpreportingLinks")["required"]
    _may_be_null(("lpreportingLinks", "lpreportingNext"))(contract)
    _definition(contract, "lpreportingNext")["properties"]["href"]["x-nullable"] = True


def _text_summaries_end_as_others_do(contract: Contract) -> None:
    _may_be_null(("reportingsmsLinks", "reportingsmsNext"))(contract)
    _definition(contract, "reportingsmsNext")["properties"]["href"]["x-nullable"] = True


def _event_pages_may_say_null(contract: Contract) -> None:
    _may_be_null((*EVENT_LINKS, "Href"))(contract)
    _definition(contract, "Href")["properties"]["href"]["x-nullable"] = True
    for name in EVENT_PAGES:
        _definition(contract, name)["properties"]["next_cursor"]["x-nullable"] = True


def _registrations_may_be_refused(contract: Contract) -> None:
    path = "/events/{event_id}/tracks/{track_id}/registrations"
    for status in ("401", "403"):
        contract["paths"][path]["get"]["responses"][status] = {"description": ""}


def _declare(status: str) -> Callable[[Contract], None]:
    def amend(contract: Contract) -> None:
        for operations in contract["paths"].values():
            operations["get"]["responses"].setdefault(status, {"description": ""})

    return amend


ODDITIES = (
    Oddity("the last page of bounces and opt-outs has no _links", "L", _links_may_be_absent),
    Oddity("the last page of segments has empty _links", "L", _links_may_be_empty),
    Oddity("_links is null on a last page", "I", _may_be_null(LINKS)),
    Oddity("_links.next is null on a last page", "S", _may_be_null(NEXT_LINKS)),
    Oddity("_links.next.href is null on a last page, as prose says", "S", _href_may_be_null),
    Oddity("a choice's id is text, as its own example is", "S", _choice_ids_are_text),
    Oddity(
        "an account address tells from where it was confirmed",
        "L",
        lambda contract: _account_email(contract).update(confirm_source={"type": "string"}),
    ),
    Oddity(
        "confirm_time has an offset without a colon",
        "L",
        lambda contract: _account_email(contract)["confirm_time"].pop("format"),
    ),
    Oddity("summaries may quote their numbers", "G", _counts_may_be_quoted),
    Oddity("counters by device may be spelt with dots", "G", _counters_may_be_dotted),
    Oddity(
        "times of consent have blanks, as the contract's own example",
        "G",
        _consents_have_times_of_their_own,
    ),
    Oddity("tags are counted in all", "G", _tags_are_counted),
    Oddity("a segment may answer 403, as its privilege says", "S", _declare("403")),
    Oddity("every endpoint may answer 429", "G", _declare("429")),
    Oddity(
        "a trigger's lists are a list, as prose says", "S", _parameters_have_values_of_all_kinds
    ),
    Oddity("a last page of landing pages' reports", "I", _landing_pages_end_as_others_do),
    Oddity("a last page of text campaigns", "I", _text_summaries_end_as_others_do),
    Oddity("a last page of events says null", "I", _event_pages_may_say_null),
    Oddity("registrations need rights, as all does", "S", _registrations_may_be_refused),
)


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The contract of what the sandbox serves, undeclared fields forbidden."""
    whole = schemathesis.openapi.from_path(SWAGGER).raw_schema
    contract = copy.deepcopy(dict(whole))
    contract["paths"] = {
        route.path: {"get": contract["paths"][route.path]["get"]} for route in ROUTES
    }
    _forbid_undeclared_fields(contract)
    return contract


def _forbid_undeclared_fields(schema: object) -> None:
    if isinstance(schema, dict):
        if schema.get("properties") and schema.get("type") == "object":
            schema["additionalProperties"] = False
        for each in schema.values():
            _forbid_undeclared_fields(each)
    elif isinstance(schema, list):
        for each in schema:
            _forbid_undeclared_fields(each)


@dataclass(frozen=True)
class Answer:
    """An answer of the sandbox, to a call of one of its routes."""

    path: str
    response: requests.Response


def _variations() -> Iterator[Switches]:
    """Yield the switches that change what answers look like."""
    endings: tuple[LastPage, ...] = ("empty", "null", "next_null", "href_null")
    for ending in endings:
        switches = Switches.unlimited()
        switches.last_page = ending
        yield switches
    other = Switches.unlimited()
    other.tag_links, other.stats_key_spelling, other.quoted_numbers = "nested", "dot", True
    other.cursor_style, other.minute_granular_times = "keyset", False
    yield other
    empty = Switches.unlimited()
    empty.empty_pages = True
    yield empty


def _ids(account: Account) -> Iterator[dict[str, str]]:
    """Yield ids that show every side of the routes: one that is good for all of them first."""
    resent = next(each for each in account.activities.values() if each.role == "resend")
    tested = next(each for each in account.activities.values() if each.ab_test)
    clicked = max(account.activities.values(), key=lambda each: len(each.bounces))
    left = max(account.activities.values(), key=lambda each: len(each.optouts))
    scheduled = next(each for each in account.activities.values() if each.scheduled_date)
    primaries = [account.campaigns[resent.campaign_id].primary, tested, clicked, left, scheduled]
    unusual = [
        next(each for each in account.contacts.values() if each.sms_channel is not None),
        *(each for each in account.contacts.values() if each.deleted_at is not None),
        *(each for each in account.contacts.values() if each.email_address is None),
        *account.contacts.values(),
    ]
    events = sorted(account.events.values(), key=lambda each: -len(each.registrations))
    automations = sorted(account.automations.values(), key=lambda each: each.active is None)
    for number, (activity, contact) in enumerate(zip([resent, *primaries], unusual, strict=False)):
        yield {
            "contact_id": contact.contact_id,
            "list_id": next(iter(account.lists)),
            "tag_id": next(iter(account.tags)),
            "custom_field_id": list(account.custom_fields)[-1],
            "segment_id": str(next(iter(account.segments))),
            "activity_id": list(account.bulk_activities)[-1],
            "campaign_id": activity.campaign_id,
            "campaign_ids": activity.campaign_id,
            "campaign_activity_id": activity.campaign_activity_id,
            "campaign_activity_ids": f"{activity.campaign_activity_id},{ELSEWHERE}",
            "automation_flow_id": automations[number % len(automations)].automation_id,
            "event_id": events[number].event_id,
            "track_id": events[number].track.track_id,
            "registration_id": next(reversed(events[number].registrations), ELSEWHERE),
        }


REQUIRED = (
    "sequence_ids=1,2",
    "tracking_activities_list=em_sends,em_opens,em_bounces,em_optouts,p_contact_open,p_contact_add",
    "start=2024-06-01T00:00:00-0500",
    "end=2026-06-01T12:00:00Z",
    "start_at=2020-01-01T00:00:00Z",
)
EVERYTHING = (
    "include_count=true",
    "include_membership_count=all",
    "no_clicks=true",
    "extra_fields=physical_address,company_logo",
    *REQUIRED,
)
SUBRESOURCES = (
    "custom_fields",
    "list_memberships",
    "phone_numbers",
    "street_addresses",
    "taggings",
    "notes",
    "sms_channel",
)
LANDING_PAGE_REPORTS = [route.path for route in ROUTES if "/landing_pages/" in route.path]
QUERIES = (
    f"?{'&'.join(REQUIRED)}",
    f"?limit=2&{'&'.join(REQUIRED)}",
    f"?limit=500&status=all&{'&'.join(EVERYTHING)}",
    "",
    "?limit=0&include=nothing",
    f"?include={','.join(SUBRESOURCES)}&status=all&limit=500",
    "?include=physical_address_in_footer,permalink_url,html_content,document_properties",
    "?include=new_subscriber",
    "?segment_id=1",
    "?segment_id=1",
    "?include=true&limit=1",
    "?include=accessible",
)


def _calls(account: Account, *, all_of_them: bool) -> Iterator[tuple[str, str]]:
    """Yield each route and what to ask of it; not all is asked of every set of switches."""
    good = list(_ids(account))
    nowhere = dict.fromkeys(good[0], ELSEWHERE)
    nothing = dict.fromkeys(good[0], "none")
    for route in ROUTES:
        with_ids = all_of_them and "{" in route.path
        for ids in [*good, nowhere, nothing] if with_ids else good[:1]:
            for query in QUERIES if all_of_them else QUERIES[:3]:
                yield route.path, route.path.format(**ids) + query
    for page in account.landing_pages if all_of_them else list(account.landing_pages)[:1]:
        for report in LANDING_PAGE_REPORTS:
            for query in QUERIES[:3]:
                yield report, report.format(campaign_activity_id=page) + query


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """The answers to calls of every route, with switches and rights of all kinds."""
    clock = Clock(NOON)
    account = Account.populate(contacts=150, campaigns=24, clock=clock)
    found: list[Answer] = []
    with Sandbox(account) as sandbox, requests.Session() as session:

        def ask(path: str, target: str) -> None:
            response = session.get(f"{sandbox.api_url}{target}", timeout=10)
            found.append(Answer(path, response))

        session.headers["Authorization"] = f"Bearer {sandbox.access_token()}"
        account.switches = Switches.unlimited()
        for path, target in _calls(account, all_of_them=True):
            ask(path, target)
        for switches in _variations():
            account.switches = switches
            for path, target in _calls(account, all_of_them=False):
                ask(path, target)
        for switches in (
            Switches(requests_per_second=None, daily_quota=0),
            Switches(
                requests_per_second=None,
                withheld_privileges=frozenset(each.privilege_name for each in account.privileges),
            ),
        ):
            account.switches = switches
            for route in ROUTES:
                ask(route.path, route.path.format(**next(_ids(account))))
        clock.advance(timedelta(days=2))
        for route in ROUTES:
            ask(route.path, route.path.format(**next(_ids(account))))
    return found


def violations(contract: Contract, answers: list[Answer]) -> list[str]:
    """Return what the validator finds, and the statuses that are not declared."""
    schema = schemathesis.openapi.from_dict(contract)
    found: dict[str, None] = {}
    for answer in answers:
        operation = schema[answer.path]["GET"]
        where = f"{answer.path} {answer.response.status_code}"
        if operation.responses.find_by_status_code(answer.response.status_code) is None:
            found[f"{where}: not declared"] = None
        try:
            operation.validate_response(answer.response)
        except FailureGroup as group:
            found.update((f"{where}: {each.message}", None) for each in group.exceptions)
        except Failure as failure:
            found[f"{where}: {failure.message}"] = None
    return list(found)


def amended(contract: Contract, *, but: Oddity | None = None) -> Contract:
    """Return the contract as it would have to be for all oddities, but perhaps one."""
    changed = copy.deepcopy(contract)
    for oddity in ODDITIES:
        if oddity is not but:
            oddity.amend(changed)
    return changed


def test_every_route_was_asked_and_every_status_met(answers: list[Answer]) -> None:
    good = {each.path for each in answers if each.response.status_code in (200, 209)}
    assert good == {route.path for route in ROUTES}
    statuses = {each.response.status_code for each in answers}
    assert statuses == {200, 202, 209, 400, 401, 403, 404, 429}


def test_every_answer_satisfies_the_contract_but_for_the_named_oddities(
    contract: Contract, answers: list[Answer]
) -> None:
    assert violations(amended(contract), answers) == []


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
def test_each_named_oddity_is_met(
    contract: Contract, answers: list[Answer], oddity: Oddity
) -> None:
    assert oddity.grade in {"S", "G", "L", "I"}
    assert violations(amended(contract, but=oddity), answers) != []


def test_errors_have_one_of_the_two_shapes_that_the_contract_defines(
    answers: list[Answer],
) -> None:
    bodies = [each.response.json() for each in answers if each.response.status_code >= 400]
    errors = [each for body in bodies for each in (body if isinstance(body, list) else [body])]
    assert all(set(each) == {"error_key", "error_message"} for each in errors)
    shapes = {
        (each.response.status_code, type(each.response.json()).__name__)
        for each in answers
        if each.response.status_code >= 400
    }
    assert shapes == {
        (400, "list"),
        (401, "dict"),
        (403, "dict"),
        (404, "list"),
        (404, "dict"),
        (429, "dict"),
    }
