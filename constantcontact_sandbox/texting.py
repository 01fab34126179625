"""How the contacts of an account are reached by text message, and when they agreed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constantcontact_sandbox.holder import Holder
from constantcontact_sandbox.records import SmsChannel, SmsConsent, SmsHistory

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.records import Contact, SmsAction, SmsMedium, SmsPermission

_OFTEN, _INTERVAL, _INTERVAL_CODE = 4, "monthly", "M"
_AGREED: frozenset[SmsPermission] = frozenset({"explicit", "unsubscribed"})


class Texting(Holder):
    """Channels for text messages, with their history.

    What changes a record takes the moment of the change, `at`; left out, it is now.
    """

    def add_sms_channel(
        self,
        contact: Contact,
        number: str,
        *,
        permission: SmsPermission = "explicit",
        at: datetime | None = None,
    ) -> SmsChannel:
        """Make the contact reachable by text message."""
        moment = self._at(at)
        consent = SmsConsent(permission, moment, moment)
        contact.sms_channel = SmsChannel(self._id(moment), number, "1", "US", consents=(consent,))
        if permission in _AGREED:
            _agree(consent, moment)
            self._remember(contact, "opt_in", "FI", moment)
        if permission == "unsubscribed":
            consent.opt_out_date = moment
            self._remember(contact, "opt_out", "MD", moment)
        return contact.sms_channel

    def opt_in_by_sms(self, contact: Contact, *, at: datetime | None = None) -> None:
        """Let the contact agree to text messages, perhaps again."""
        moment, consent = self._at(at), reachable(contact).consents[0]
        again = consent.opt_in_date is not None
        _agree(consent, moment)
        consent.sms_consent_permission, consent.opt_out_date = "explicit", None
        self._remember(contact, "re_opt_in" if again else "confirmed_opt_in", "MD", moment)
        self._changed(contact, consent, moment)

    def opt_out_by_sms(self, contact: Contact, *, at: datetime | None = None) -> None:
        """Let the contact refuse further text messages."""
        moment, consent = self._at(at), reachable(contact).consents[0]
        consent.sms_consent_permission, consent.opt_out_date = "unsubscribed", moment
        self._remember(contact, "opt_out", "MD", moment)
        self._changed(contact, consent, moment)

    def _changed(self, contact: Contact, consent: SmsConsent, moment: datetime) -> None:
        consent.updated_at = moment
        reachable(contact).update_source = "Contact"
        if self.switches.sms_consent_moves_updated_at:
            contact.updated_at, contact.update_source = moment, "Contact"

    def _remember(
        self, contact: Contact, action: SmsAction, medium: SmsMedium, moment: datetime
    ) -> None:
        channel = reachable(contact)
        opted_out = action == "opt_out"
        channel.history += (
            SmsHistory(
                sms_channel_history_id=self._id(moment),
                insert_time=moment,
                state="O" if opted_out else "E",
                source="A" if medium == "FI" else "C",
                consent_action_time=moment,
                consent_action_type=action,
                consent_medium_type=medium,
                source_sms_number=None if medium == "FI" else channel.sms_address,
                advertised_frequency=None if opted_out else _OFTEN,
                advertised_interval=None if opted_out else _INTERVAL_CODE,
            ),
        )


def _agree(consent: SmsConsent, moment: datetime) -> None:
    consent.opt_in_date = moment
    consent.advertised_frequency, consent.advertised_interval = str(_OFTEN), _INTERVAL


def reachable(contact: Contact) -> SmsChannel:
    """Return the channel of a contact that must have one."""
    if contact.sms_channel is None:
        raise ValueError(f"contact {contact.contact_id} has no number for text messages")
    return contact.sms_channel
