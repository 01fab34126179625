"""The automations of an account: what it does by itself when something happens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from constantcontact_sandbox.holder import Holder

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.records import ContactList

AutomationStatus = Literal["DRAFT", "ACTIVE", "PAUSED"]
StepKind = Literal["EMAIL", "WAIT", "CONDITION"]

_OWNER_ID = "123456789"


@dataclass(slots=True)
class Goal:
    """What an automation is good for."""

    value: str
    display_value: str


@dataclass(slots=True)
class Step:
    """One of the things an automation does; a condition leads to one of two others."""

    step_id: str
    kind: StepKind
    name: str
    hours: int = 0
    campaign_activity_id: str | None = None
    condition: str | None = None
    then: tuple[Step, ...] = ()
    otherwise: tuple[Step, ...] = ()


@dataclass(slots=True)
class Definition:
    """When an automation begins, and what it does then."""

    trigger: Literal["list_join", "birthday"]
    list_ids: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class Automation:
    """An automation: what it does, and what its owner is about to make of it."""

    automation_id: str
    campaign_id: str
    name: str
    description: str
    created_at: datetime
    updated_at: datetime
    draft: Definition
    goals: tuple[Goal, ...] = ()
    active: Definition | None = None
    status: AutomationStatus = "DRAFT"
    channel: Literal["email", "sms"] = "email"
    template_id: str | None = None
    created_by_id: str = _OWNER_ID
    promoted_by_id: str | None = None
    promoted_at: datetime | None = None
    named: bool = field(default=False)

    @property
    def has_news(self) -> bool:
        """Whether the draft differs from what is active."""
        return self.draft != self.active


class Automations(Holder):
    """Automations by their ids. A removed one is gone.

    What changes a record takes the moment of the change, `at`; left out, it is now.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.automations: dict[str, Automation] = {}

    def add_automation(
        self,
        name: str,
        *,
        joined: ContactList | None = None,
        goal: Goal | None = None,
        from_template: bool = False,
        channel: Literal["email", "sms"] = "email",
        at: datetime | None = None,
    ) -> Automation:
        """Draft an automation: it greets who joins a list, or whose birthday it is."""
        moment, uuid = self._at(at), self.chance.uuid
        automation = Automation(
            automation_id=uuid(),
            campaign_id=uuid(),
            name=name,
            description=f"{name}, sent by itself",
            created_at=moment,
            updated_at=moment,
            draft=Definition(
                "birthday" if joined is None else "list_join",
                () if joined is None else (joined.list_id,),
                (Step(uuid(), "EMAIL", "Send a greeting", campaign_activity_id=uuid()),),
            ),
            goals=() if goal is None else (goal,),
            channel=channel,
            template_id=uuid() if from_template else None,
        )
        self.automations[automation.automation_id] = automation
        return automation

    def promote(self, automation: Automation, *, at: datetime | None = None) -> None:
        """Let the automation do from now on what its draft says."""
        automation.active = automation.draft
        automation.status = "ACTIVE"
        automation.promoted_at, automation.promoted_by_id = self._at(at), _OWNER_ID
        automation.updated_at = automation.promoted_at

    def pause(self, automation: Automation, *, at: datetime | None = None) -> None:
        """Let the automation do nothing for a while."""
        automation.status, automation.updated_at = "PAUSED", self._at(at)

    def extend(self, automation: Automation, hours: int, *, at: datetime | None = None) -> None:
        """Let the draft wait, look whether the greeting was opened, and greet again if not."""
        uuid = self.chance.uuid
        again = Step(uuid(), "EMAIL", "Greet again", campaign_activity_id=uuid())
        automation.draft = replace(
            automation.draft,
            steps=(
                *automation.draft.steps,
                Step(uuid(), "WAIT", "Wait", hours=hours),
                Step(uuid(), "CONDITION", "Opened?", condition="opened", otherwise=(again,)),
            ),
        )
        automation.updated_at = self._at(at)

    def rename_automation(
        self, automation: Automation, name: str, *, at: datetime | None = None
    ) -> None:
        """Give the automation another name."""
        automation.name, automation.named = name, True
        automation.updated_at = self._at(at)

    def remove_automation(self, automation: Automation) -> None:
        """Remove the automation: it is gone."""
        del self.automations[automation.automation_id]
