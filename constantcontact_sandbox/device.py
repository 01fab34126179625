"""How something without a browser signs in: it shows a code, which is entered elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from constantcontact_sandbox import signing
from constantcontact_sandbox.applications import Application, OAuthError

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.answers import Request, Response
    from constantcontact_sandbox.holder import Holder
    from constantcontact_sandbox.tokens import Signer

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_CODE_LIFE = timedelta(minutes=10)
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: no words


@dataclass
class Device:
    """A device that waits.

    Attributes:
        application: whose it is.
        scopes: what it wants.
        user_code: what it shows.
        issued: since when it waits.
        decision: allow or deny, once somebody has decided.
        asked: when it last asked, by the machine's monotonic clock.
    """

    application: Application
    scopes: tuple[str, ...]
    user_code: str
    issued: datetime
    decision: str = ""
    asked: float | None = None


@dataclass
class DeviceFlow:
    """The devices that wait, and the page where their codes are entered."""

    holder: Holder
    signer: Signer
    _waiting: dict[str, Device] = field(default_factory=dict)
    _given: int = 0

    def start(
        self, application: Application, scopes: tuple[str, ...], page: str
    ) -> dict[str, str | int]:
        """Give a device its codes."""
        self._given += 1
        now = self.holder.clock.now()
        device_code = self.signer.secret(f"device {self._given} {now.isoformat()}")
        number = self.signer.number(f"user code {self._given} {now.isoformat()}")
        letters = [_LETTERS[number // len(_LETTERS) ** at % len(_LETTERS)] for at in range(7)]
        user_code = f"{''.join(letters[:4])}-{''.join(letters[4:])}"
        self._waiting[device_code] = Device(application, scopes, user_code, now)
        return {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={user_code}",
            "expires_in": int(_CODE_LIFE.total_seconds()),
            "interval": int(self.holder.switches.device_interval.total_seconds()),
        }

    def page(self, request: Request) -> Response:
        """Ask for the code, then for the decision, and take it."""
        asked = request.form()
        code = asked.get("user_code", "").strip().upper()
        if not code:
            return signing.user_code(request.url_path)
        for device in self._waiting.values():
            if device.user_code == code and not self._is_late(device):
                if request.method == "GET":
                    shown = {"user_code": code}
                    return signing.decision(request.url_path, device.scopes, shown)
                device.decision = asked.get("decision", "deny")
                return signing.message(HTTPStatus.OK, "Done", "Go back to the device.")
        return signing.message(HTTPStatus.NOT_FOUND, "404: Not found", "No device shows this code.")

    def redeem(self, application: Application, device_code: str, arrived: float) -> tuple[str, ...]:
        """Return what a device may do, once somebody has allowed it."""
        device = self._waiting.get(device_code)
        if device is None or device.application != application:
            raise OAuthError("invalid_grant", "The device code is invalid.")
        if self._is_late(device):
            raise OAuthError("expired_token", "The device code has expired.")
        interval = self.holder.switches.device_interval.total_seconds()
        early = device.asked is not None and arrived - device.asked < interval
        device.asked = arrived
        if early:
            raise OAuthError("slow_down", "The device asks too often.")
        if not device.decision:
            raise OAuthError("authorization_pending", "Nobody has decided yet.")
        del self._waiting[device_code]
        if device.decision != "allow":
            raise OAuthError("access_denied", "The resource owner denied the request.")
        return device.scopes

    def _is_late(self, device: Device) -> bool:
        return self.holder.clock.now() - device.issued > _CODE_LIFE
