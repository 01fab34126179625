"""A person in front of the sandbox's page with Allow and Deny."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import requests


def decide(address: str, decision: str = "allow") -> str:
    """Open a sign-in page, press a button, and return the address one is sent to.

    Args:
        address: The page.
        decision: `allow` or `deny`.
    """
    page = requests.get(address, timeout=5)
    page.raise_for_status()
    fields = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
    where = f"{urlsplit(address).scheme}://{urlsplit(address).netloc}{urlsplit(address).path}"
    sent = requests.post(
        where, data={**fields, "decision": decision}, timeout=5, allow_redirects=False
    )
    return sent.headers["Location"]


def press(address: str, decision: str = "allow") -> requests.Response:
    """Press a button and follow where it leads, as a browser does."""
    return requests.get(decide(address, decision), timeout=5)
