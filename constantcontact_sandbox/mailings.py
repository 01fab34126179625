"""The mailings half of an account: campaigns, their activities, and what came of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from constantcontact_sandbox.holder import Holder
from constantcontact_sandbox.moments import millisecond, second
from constantcontact_sandbox.people import addressed
from constantcontact_sandbox.records import (
    AbTest,
    Abuse,
    Activity,
    Bounce,
    Campaign,
    Click,
    Forward,
    Link,
    NonOpenerResend,
    Open,
    OptOut,
    Remainder,
    Send,
    SendRun,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from typing import Literal

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.records import (
        BounceCode,
        Contact,
        ContactList,
        Device,
        Role,
        Status,
    )

#: What each `type_code` is called.
CAMPAIGN_TYPES = {
    1: "DEFAULT",
    2: "BULK_EMAIL",
    10: "NEWSLETTER",
    11: "ANNOUNCEMENT",
    12: "PRODUCT_SERVICE_NEWS",
    14: "BUSINESS_LETTER",
    15: "CARD",
    16: "PRESS_RELEASE",
    17: "FLYER",
    18: "FEEDBACK_REQUEST",
    19: "RATINGS_AND_REVIEWS",
    20: "EVENT_ANNOUNCEMENT",
    21: "SIMPLE_COUPON",
    22: "SALE_PROMOTION",
    23: "PRODUCT_PROMOTION",
    24: "MEMBERSHIP_DRIVE",
    25: "FUNDRAISER",
    26: "CUSTOM_CODE_EMAIL",
    57: "AB_TEST",
}
NEWSLETTER, CUSTOM_CODE, AB_TEST = 10, 26, 57

_CUSTOM_CODE_FORMAT, _EDITOR_FORMAT = 5, 4
_SENT_A_SECOND = 200
_FIRST_URL_ID = 1_100_000_000_000


class Mailings(Holder):
    """Campaigns and their activities, each by its id.

    What changes a record takes the moment of the change, `at`; left out, it is now.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.campaigns: dict[str, Campaign] = {}
        self.activities: dict[str, Activity] = {}
        self._links = 0

    # Campaigns

    def add_campaign(
        self,
        name: str = "",
        *,
        status: Status = "Draft",
        type_code: int = NEWSLETTER,
        subject: str = "",
        lists: Sequence[ContactList] = (),
        segment_id: int | None = None,
        at: datetime | None = None,
    ) -> Campaign:
        """Add a campaign with its two first activities: the e-mail, and its page on the web."""
        moment = self._at(at)
        campaign = Campaign(
            campaign_id=self.chance.uuid(),
            name=name or f"Campaign {len(self.campaigns) + 1}",
            type=CAMPAIGN_TYPES[type_code],
            type_code=type_code,
            current_status=status,
            created_at=moment,
            updated_at=moment,
        )
        self.campaigns[campaign.campaign_id] = campaign
        primary = self._add_activity(campaign, "primary_email", subject or campaign.name)
        primary.contact_list_ids = tuple(each.list_id for each in lists)
        primary.segment_ids = () if segment_id is None else (segment_id,)
        primary.permalink_url = f"https://conta.cc/{primary.campaign_activity_id[:7]}"
        self._add_activity(campaign, "permalink", primary.subject)
        return campaign

    def _add_activity(self, campaign: Campaign, role: Role, subject: str) -> Activity:
        own_code = campaign.type_code == CUSTOM_CODE
        activity = Activity(
            campaign_activity_id=self.chance.uuid(),
            campaign_id=campaign.campaign_id,
            role=role,
            current_status=campaign.current_status,
            format_type=_CUSTOM_CODE_FORMAT if own_code else _EDITOR_FORMAT,
            from_email="hello@example.com",
            from_name="The Example Bakery",
            reply_to_email="hello@example.com",
            subject=subject,
            html_content=f"<html><body>[[trackingImage]]<h1>{subject}</h1></body></html>"
            if own_code
            else None,
            document_id=self.chance.uuid(),
        )
        campaign.activities.append(activity)
        self.activities[activity.campaign_activity_id] = activity
        return activity

    def _set_status(self, campaign: Campaign, status: Status, moment: datetime) -> None:
        campaign.current_status = status
        campaign.updated_at = moment
        for activity in campaign.activities:
            activity.current_status = status

    def schedule(
        self, campaign: Campaign, for_moment: datetime, *, at: datetime | None = None
    ) -> None:
        """Plan to send the campaign's e-mail at a moment."""
        self._set_status(campaign, "Scheduled", self._at(at))
        campaign.primary.scheduled_date = second(for_moment)

    def unschedule(self, campaign: Campaign, *, at: datetime | None = None) -> None:
        """Give up the plan to send the campaign's e-mail: it is a draft again."""
        self._set_status(campaign, "Draft", self._at(at))
        campaign.primary.scheduled_date = None

    def begin(self, campaign: Campaign, *, at: datetime | None = None) -> None:
        """Begin to send the campaign; nothing has left the house yet."""
        self._set_status(campaign, "Executing", self._at(at))

    def send(
        self, campaign: Campaign, audience: Iterable[Contact], *, at: datetime | None = None
    ) -> None:
        """Send the campaign's e-mail to those of the audience who have an address.

        One on trial goes to both test groups; the others wait until `pick_winner`.
        """
        moment = self._at(at)
        primary = campaign.primary
        primary.scheduled_date = None
        reachable = [each for each in audience if each.email_address is not None]
        if primary.ab_test is not None:
            testers = len(reachable) * 2 * primary.ab_test.test_size // 100
            wait = timedelta(hours=primary.ab_test.winner_wait_duration)
            primary.remainder = Remainder(reachable[testers:], moment + wait)
            reachable = reachable[:testers]
        self._set_status(campaign, "Executing" if primary.remainder else "Done", moment)
        self._deliver(primary, reachable, moment)
        wish = primary.non_opener_resend
        if wish is not None:
            self._promise(wish, moment)

    def pick_winner(self, campaign: Campaign, *, at: datetime | None = None) -> None:
        """Send the better subject of a trial to those who wait for it: the same run goes on."""
        primary, moment = campaign.primary, self._at(at)
        if primary.remainder is None:
            raise ValueError(f"nobody waits for campaign {campaign.campaign_id}")
        waiting, primary.remainder = primary.remainder.audience, None
        primary.send_history[-1].count += self._hand_over(primary, waiting, moment)
        self._set_status(campaign, "Done", moment)

    def fail(self, campaign: Campaign, reason_code: int = 1, *, at: datetime | None = None) -> None:
        """Try to send the campaign's e-mail, in vain."""
        moment = self._at(at)
        self._set_status(campaign, "Error", moment)
        campaign.primary.scheduled_date = None
        self._ran(campaign.primary, moment, 0).send_status = "ERRORED"
        campaign.primary.send_history[-1].reason_code = reason_code

    def remove_campaign(self, campaign: Campaign, *, at: datetime | None = None) -> None:
        """Delete the campaign: it stays visible as Removed, its activities do not."""
        self._set_status(campaign, "Removed", self._at(at))

    def rename_campaign(self, campaign: Campaign, name: str, *, at: datetime | None = None) -> None:
        """Give the campaign another name."""
        campaign.name = name
        campaign.updated_at = self._at(at)

    def try_subject(
        self,
        campaign: Campaign,
        alternative_subject: str,
        *,
        test_size: int = 30,
        winner_wait_duration: Literal[6, 12, 24, 48] = 24,
        at: datetime | None = None,
    ) -> AbTest:
        """Put a second subject of a draft on trial: it becomes an A/B test."""
        trial = AbTest(alternative_subject, test_size, winner_wait_duration)
        campaign.primary.ab_test = trial
        self._set_type(campaign, AB_TEST, self._at(at))
        return trial

    def end_trial(self, campaign: Campaign, *, at: datetime | None = None) -> None:
        """Take the second subject of a draft back: it is a newsletter again."""
        campaign.primary.ab_test = None
        self._set_type(campaign, NEWSLETTER, self._at(at))

    @staticmethod
    def _set_type(campaign: Campaign, type_code: int, moment: datetime) -> None:
        campaign.type_code, campaign.type = type_code, CAMPAIGN_TYPES[type_code]
        campaign.updated_at = moment

    def request_resend(
        self,
        campaign: Campaign,
        *,
        subject: str = "",
        delay: timedelta = timedelta(days=2),
        at: datetime | None = None,
    ) -> NonOpenerResend:
        """Wish to send the e-mail again, so long after it is sent, to those who did not open it.

        `updated_at` moves as with a resend.
        """
        primary, moment = campaign.primary, self._at(at)
        minutes = delay // timedelta(minutes=1)
        wish = NonOpenerResend(subject or f"Again: {primary.subject}", minutes)
        primary.non_opener_resend = wish
        sent = primary.last_sent_date
        if sent is not None:
            self._promise(wish, sent)
        self._touch_by_resend(campaign, moment)
        return wish

    def cancel_resend(self, campaign: Campaign, *, at: datetime | None = None) -> None:
        """Wish no more to send the e-mail again."""
        campaign.primary.non_opener_resend = None
        self._touch_by_resend(campaign, self._at(at))

    def _promise(self, wish: NonOpenerResend, sent: datetime) -> None:
        wish.resend_request_id = self.chance.uuid()
        wish.resend_date = sent + timedelta(minutes=wish.delay_minutes)
        wish.resend_status = "SCHEDULED"

    def _touch_by_resend(self, campaign: Campaign, moment: datetime) -> None:
        if self.switches.resend_moves_updated_at:
            campaign.updated_at = moment

    def add_resend(
        self,
        campaign: Campaign,
        audience: Iterable[Contact],
        *,
        subject: str = "",
        at: datetime | None = None,
    ) -> Activity:
        """Send the campaign's e-mail once more, as an activity of its own."""
        moment = self._at(at)
        primary = campaign.primary
        activity = self._add_activity(campaign, "resend", subject or f"Again: {primary.subject}")
        activity.contact_list_ids = primary.contact_list_ids
        activity.links = list(primary.links)
        self._touch_by_resend(campaign, moment)
        self._deliver(activity, audience, moment)
        if primary.non_opener_resend is not None:
            primary.non_opener_resend.resend_date = moment
            primary.non_opener_resend.resend_status = "SENT"
        return activity

    def _deliver(self, activity: Activity, audience: Iterable[Contact], moment: datetime) -> None:
        run = self._ran(activity, moment, self._hand_over(activity, audience, moment))
        if not run.count:
            run.reason_code = 12

    @staticmethod
    def _hand_over(activity: Activity, audience: Iterable[Contact], moment: datetime) -> int:
        reachable = [each for each in audience if each.email_address is not None]
        activity.sends.extend(
            Send(
                contact.contact_id,
                addressed(contact).address,
                moment + timedelta(seconds=number // _SENT_A_SECOND),
            )
            for number, contact in enumerate(reachable)
        )
        return len(reachable)

    @staticmethod
    def _ran(activity: Activity, moment: datetime, count: int) -> SendRun:
        run = SendRun(
            len(activity.send_history) + 1,
            moment,
            count,
            contact_list_ids=activity.contact_list_ids,
            segment_ids=activity.segment_ids,
        )
        activity.send_history.append(run)
        return run

    # What people did with an activity

    def add_link(
        self, activity: Activity, link_url: str, *, adds_to: ContactList | None = None
    ) -> Link:
        """Put a link into the e-mail; one that `adds_to` a list adds those who click it to it.

        An address that is in the e-mail already is the same link.
        """
        for known in activity.links:
            if known.link_url == link_url:
                return known
        self._links += 1
        link = Link(
            str(_FIRST_URL_ID + self._links), link_url, None if adds_to is None else adds_to.list_id
        )
        activity.links.append(link)
        return link

    def add_send(self, activity: Activity, contact: Contact, *, at: datetime | None = None) -> Send:
        """Send the e-mail to one more contact, outside any run."""
        send = Send(*self._event(contact, at))
        activity.sends.append(send)
        return send

    def add_open(
        self,
        activity: Activity,
        contact: Contact,
        *,
        device_type: Device | None = "computer",
        at: datetime | None = None,
    ) -> Open:
        """Let the contact open the e-mail."""
        opened = Open(*self._event(contact, at), device_type)
        activity.opens.append(opened)
        return opened

    def add_click(
        self,
        activity: Activity,
        contact: Contact,
        link: Link | None = None,
        *,
        device_type: Device | None = "computer",
        at: datetime | None = None,
    ) -> Click:
        """Let the contact click a link of the e-mail: its first, unless another is named."""
        if link is None:
            link = activity.links[0]
        click = Click(*self._event(contact, at), link.url_id, link.link_url, device_type)
        activity.clicks.append(click)
        return click

    def add_bounce(
        self,
        activity: Activity,
        contact: Contact,
        bounce_code: BounceCode = "B",
        *,
        at: datetime | None = None,
    ) -> Bounce:
        """Let the e-mail to the contact come back."""
        bounce = Bounce(*self._event(contact, at), bounce_code)
        activity.bounces.append(bounce)
        return bounce

    def add_forward(
        self, activity: Activity, contact: Contact, *, at: datetime | None = None
    ) -> Forward:
        """Let the contact forward the e-mail."""
        forward = Forward(*self._event(contact, at))
        activity.forwards.append(forward)
        return forward

    def add_abuse(
        self, activity: Activity, contact: Contact, *, at: datetime | None = None
    ) -> Abuse:
        """Let the contact call the e-mail spam."""
        abuse = Abuse(*self._event(contact, at))
        activity.abuses.append(abuse)
        return abuse

    def _add_optout(
        self, activity: Activity, contact: Contact, reason: str | None, at: datetime | None
    ) -> OptOut:
        optout = OptOut(*self._event(contact, at), reason)
        activity.optouts.append(optout)
        return optout

    def _event(self, contact: Contact, at: datetime | None) -> tuple[str, str, datetime]:
        moment = self.clock.now() if at is None else at
        return contact.contact_id, addressed(contact).address, millisecond(moment)
