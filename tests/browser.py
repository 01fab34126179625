"""A person in front of the sandbox's page with Allow and Deny: quick, or in a real browser."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import pytest
import requests
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webelement import WebElement

T = TypeVar("T")


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


def enter(codes_page: str, code: str, decision: str = "allow") -> None:
    """Enter a device's code, and press a button."""
    data = {"user_code": code.lower(), "decision": decision}
    requests.post(codes_page, data=data, timeout=5).raise_for_status()


class Chromium:
    """A real browser without a window."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def press(self, address: str, decision: str = "allow") -> None:
        """Open a sign-in page, press a button, and wait for the page it leads to."""
        self._driver.get(address)
        self._find(f"button[value={decision}]").click()
        self._until(lambda driver: "/authorize" not in driver.current_url)

    def enter(self, page: str, code: str) -> None:
        """Enter a device's code as a person does, and allow it."""
        self._driver.get(page)
        self._find("input[name=user_code]").send_keys(code.lower())
        self._find("button").click()
        self._find("button[value=allow]").click()
        self._until(lambda _: "Done" in self.text)

    @property
    def text(self) -> str:
        """What the page says."""
        return self._find("body").text

    def _find(self, selector: str) -> WebElement:
        return self._until(lambda driver: driver.find_element(By.CSS_SELECTOR, selector))

    def _until(self, condition: Callable[[webdriver.Chrome], T]) -> T:
        """Wait until something is so; a page that is just leaving says nothing yet."""
        leaving = [NoSuchElementException, StaleElementReferenceException]
        return WebDriverWait(self._driver, 20, ignored_exceptions=leaving).until(condition)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A real browser, where Chromium and its driver are installed."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("Chromium and chromedriver are not installed.")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
    ):
        options.add_argument(argument)
    running = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield Chromium(running)
    finally:
        running.quit()
