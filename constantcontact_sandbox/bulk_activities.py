"""The bulk activities of an account: what it did to many contacts at once, job by job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from constantcontact_sandbox.holder import Holder

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock

EndState = Literal["completed", "cancelled", "failed", "timed_out"]
State = Literal["initialized", "processing"] | EndState
BulkKind = Literal[
    "contacts_file_import",
    "contact_exports",
    "add_list_memberships",
    "contacts_taggings_add",
    "contact_delete",
]

#: Which counts the status of each kind of job has.
COUNTS: dict[BulkKind, tuple[str, ...]] = {
    "contacts_file_import": (
        "items_total_count",
        "person_count",
        "error_count",
        "correctable_count",
        "cannot_add_to_list_count",
    ),
    "contact_exports": ("items_total_count", "items_completed_count"),
    "add_list_memberships": ("items_total_count", "items_completed_count", "list_count"),
    "contacts_taggings_add": ("items_total_count", "items_completed_count"),
    "contact_delete": ("items_total_count", "items_completed_count", "list_count"),
}


@dataclass(slots=True)
class BulkActivity:
    """A job. Its counts come with its beginning, its end with the end."""

    activity_id: str
    kind: BulkKind
    created_at: datetime
    updated_at: datetime
    state: State = "initialized"
    percent_done: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    source_file_name: str | None = None
    results_id: str | None = None
    errors: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in ("initialized", "processing")


class BulkActivities(Holder):
    """Jobs, each by its id: those too that are too old to be shown.

    What changes a record takes the moment of the change, `at`; left out, it is now.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.bulk_activities: dict[str, BulkActivity] = {}

    def add_bulk_activity(
        self,
        kind: BulkKind = "contacts_file_import",
        *,
        source_file_name: str | None = None,
        at: datetime | None = None,
    ) -> BulkActivity:
        """Take a job on; nothing is done yet."""
        moment = self._at(at)
        job = BulkActivity(
            self._id(moment), kind, moment, moment, source_file_name=source_file_name
        )
        self.bulk_activities[job.activity_id] = job
        return job

    def begin_bulk_activity(
        self, job: BulkActivity, items: int, *, at: datetime | None = None
    ) -> None:
        """Begin with so many items; half of them are done at once."""
        moment = self._at(at)
        job.state, job.percent_done = "processing", 50
        job.started_at = job.updated_at = moment
        self._count(job, items, items // 2)

    def end_bulk_activity(
        self,
        job: BulkActivity,
        state: EndState = "completed",
        *,
        errors: tuple[str, ...] = (),
        at: datetime | None = None,
    ) -> None:
        """End the job: done, or not."""
        moment = self._at(at)
        job.state, job.errors = state, errors
        job.completed_at = job.updated_at = moment
        if state != "completed":
            return
        job.percent_done = 100
        items = job.counts.get("items_total_count", 0)
        self._count(job, items, items)
        if job.kind == "contact_exports":
            job.results_id = self._id(moment)

    @staticmethod
    def _count(job: BulkActivity, items: int, done: int) -> None:
        known = {
            "items_total_count": items,
            "items_completed_count": done,
            "person_count": done,
            "list_count": 1,
        }
        job.counts = {name: known.get(name, 0) for name in COUNTS[job.kind]}
