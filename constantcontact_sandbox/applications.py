"""The applications that may sign in, and how they are refused."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from constantcontact_sandbox.answers import Response


class OAuthError(Exception):
    """The token endpoint refuses, or the sign-in goes back with an error."""

    def __init__(self, error: str, description: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    @property
    def response(self) -> Response:
        """The token endpoint's answer that says so."""
        said = {"error": self.error, "error_description": self.description}
        return Response.of_json(self.status, said)


def invalid_client() -> OAuthError:
    """The application is not known, or does not prove who it is."""
    return OAuthError("invalid_client", "Client authentication failed.", HTTPStatus.UNAUTHORIZED)


@dataclass(frozen=True)
class Application:
    """An application that was registered: a confidential one has a secret, a public one PKCE."""

    number: int
    client_id: str
    secret: str | None
