"""A page made from `finished`, and a headless Chromium that no request can leave."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMEDRIVER = shutil.which("chromedriver")
SIZE = (1280, 800)


def content_of(page: Path) -> dict[str, Any]:
    """The data in a page."""
    found = re.search(
        r'<script type="application/json" id="content">(.*?)</script>', page.read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    return json.loads(found.group(1))


@pytest.fixture(scope="session")
def content() -> Callable[[Path], dict[str, Any]]:
    """Read the data in a page."""
    return content_of


@pytest.fixture(scope="session")
def page(finished: Path, tmp_path_factory: pytest.TempPathFactory, succeed: Callable[..., Any]) -> Path:
    """`finished` as a page: two layers, two ways to fit."""
    out = tmp_path_factory.mktemp("page") / "explore.html"
    flags = ("--reduce", "pca", "--fit", "last", "every", "--layer", "latent", "fc2", "--out", out)
    succeed("explore", finished, *flags, "--quiet")
    return out


def _unavailable(reason: str) -> None:
    """Skip; or fail, where the browser must be there."""
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(f"REQUIRE_BROWSER is set, and {reason}")
    pytest.skip(f"{reason} ('make browser' installs it on Debian)")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One headless Chromium, driven by Selenium, for all tests; no name of a host is resolved in it."""
    if CHROMIUM is None or CHROMEDRIVER is None:
        _unavailable("Chromium and its driver are not installed")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        _unavailable("Selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--force-prefers-reduced-motion",  # what is clicked on is scrolled to at once
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    screen = {"width": SIZE[0], "height": SIZE[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    yield driver
    driver.quit()
