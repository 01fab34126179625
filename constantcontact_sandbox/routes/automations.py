"""What the account does by itself: /automations/workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import AUTOMATIONS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.routes.shapes import said

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.automations import Automation, Definition, Step
    from constantcontact_sandbox.calls import Call

_GOOD = 209  # the contract declares this one, and no 200
_ORIGINS = frozenset({"SCRATCH", "TEMPLATE"})
_BOUNDS = {"after": "P0D", "before": "P1D"}  # on the day itself
_BIRTHDAY = {
    "type": "Profile",
    "month_field": "record.birthday_month",
    "day_field": "record.birthday_day",
}


def collection(call: Call) -> dict[str, Any]:
    """Show the automations, all at once: the last changed first, unless asked otherwise."""
    direction = call.one_of("sort_direction", frozenset({"ASC", "DESC"}))
    origin = call.one_of("created_from", _ORIGINS)
    channel, name = call.text("channel"), call.text("name")
    goals = frozenset(call.words("goals"))
    matching = [
        each
        for each in call.account.automations.values()
        if origin in (None, "TEMPLATE" if each.template_id else "SCRATCH")
        and channel in (None, each.channel)
        and name in (None, each.name)
        and (not goals or not goals.isdisjoint(goal.value for goal in each.goals))
    ]
    matching.sort(key=lambda each: each.updated_at, reverse=direction != "ASC")
    return {"flow_summaries": [_summary(each) for each in matching]}


def detail(call: Call) -> dict[str, Any]:
    """Show one automation: what it does, and what its draft would do."""
    automation = call.account.automations.get(call.uuid("automation_flow_id"))
    if automation is None:
        raise AUTOMATIONS.malformed("automation_flow_id")  # the contract knows no 404 here
    definitions = {"draft_definition": _definition(automation, automation.draft, "DRAFT")}
    if automation.active is not None:
        active = _definition(automation, automation.active, automation.status)
        definitions = {"active_definition": active, **definitions}
    return {
        "id": automation.automation_id,
        "name": automation.name,
        "description": automation.description,
        "structured_tags": _tags(automation),
        "status": automation.status,
        **definitions,
        "name_explicitly_set": automation.named,
    }


def _summary(automation: Automation) -> dict[str, Any]:
    return said(
        active_state=automation.status if automation.active is not None else None,
        created_by_id=automation.created_by_id,
        created_date=_offset(automation.created_at),
        description=automation.description,
        draft_state="DRAFT" if automation.has_news else "PROMOTED",
        id=automation.automation_id,
        name=automation.name,
        promoted_by_id=automation.promoted_by_id,
        promoted_date=_offset(automation.promoted_at) if automation.promoted_at else None,
        status=automation.status,
        structured_tags=_tags(automation),
        template_id=automation.template_id,
        update_date=_offset(automation.updated_at),
    )


def _offset(moment: datetime) -> str:
    """Write a moment as only automations do: `2025-09-25T20:06:50.020+00:00`."""
    return moment.isoformat(timespec="milliseconds")


def _tags(automation: Automation) -> list[dict[str, str]]:
    return [
        {"display_value": each.display_value, "key": "GOAL", "value": each.value}
        for each in automation.goals
    ]


def _definition(automation: Automation, definition: Definition, state: str) -> dict[str, Any]:
    correlation = {
        "automation_flow_id": automation.automation_id,
        "campaign_id": automation.campaign_id,
    }
    if automation.template_id is not None:
        correlation["automation_template_id"] = automation.template_id
    return {
        "state": state,
        "trigger": {
            "trigger_def": _trigger(definition),
            "trigger_filter": {"rule": _mailable(), "version": "1.0.0"},
            "trigger_version": "1.0.0",
        },
        "workflow": {
            "workflow_def": {
                "parameters": {
                    "automation_flow_id": automation.automation_id,
                    "automation_flow_name": automation.name,
                    "campaign_id": automation.campaign_id,
                },
                "correlation_metadata": correlation,
                "tasks": [_task(each) for each in definition.steps],
                "status": "SCHEDULED",
                "metadata": {},
                "timeout": {"amount": 10.0, "time_unit": "HOURS"},
                "upgradable": True,
            }
        },
    }


def _trigger(definition: Definition) -> dict[str, Any]:
    if definition.trigger == "birthday":
        return {
            "action_name": "birthday",
            "bounds": _BOUNDS,
            "trigger_date": _BIRTHDAY,
            "type": "Date",
            "unique_by": "contact_id",
        }
    lists = list(definition.list_ids)
    return {
        "parameters": [
            {
                "operator": "CONTAINS",
                "parameter_name": "list_ids",
                "parameter_list_value": lists,
                "parameter_value": lists,
                "type": "LIST",
            }
        ],
        "action_name": definition.trigger,
        "type": "Action",
        "unique_by": "list_ids",
    }


def _mailable() -> dict[str, Any]:
    """Return the rule that leaves out whom no e-mail may be sent to."""
    left, right = (
        {
            "type": "PROPERTY",
            "property_comparison": {
                "argument": permission,
                "operator": "EQUALS",
                "property_name": "permission_to_send",
                "type": "STRING",
            },
        }
        for permission in ("implicit", "explicit")
    )
    return {"type": "COMPOUND", "compound_rule_type": "OR", "left": left, "right": right}


def _task(step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": step.step_id,
        "kind": step.kind,
        "name": step.name,
        "metadata": {"kind": step.kind, "create_from_scratch": True},
        "retry_options": {
            "backoff_coefficient": 2,
            "initial_interval": 60,
            "maximum_attempts": 3,
        },
    }
    if step.campaign_activity_id is not None:
        correlation = {"campaign_activity_id": step.campaign_activity_id}
        shown["correlation_metadata"] = correlation
    if step.hours:
        shown["timeout"] = {"amount": float(step.hours), "time_unit": "HOURS"}
    if step.condition is not None:
        shown["event_condition"] = step.condition
        shown["then"] = [_task(each) for each in step.then]
        shown["else"] = [_task(each) for each in step.otherwise]
    return shown


_WORKFLOWS = "/automations/workflows"

ROUTES = (
    Route(
        _WORKFLOWS,
        collection,
        AUTOMATIONS,
        "campaign_data",
        "customer-journey:read",
        status=_GOOD,
    ),
    Route(
        f"{_WORKFLOWS}/{{automation_flow_id}}",
        detail,
        AUTOMATIONS,
        "campaign_data",
        "customer-journey:read",
    ),
)
