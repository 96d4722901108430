"""A person with a browser: logs in, picks a size, opens course 02, runs it, looks at the Spark UI. Screenshots go to build/e2e/jupyter."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from e2e.hub import RELEASE, Hub, Kernel, read_secret

from sparkyard.project import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.long]
SHOTS = ROOT / "build" / "e2e" / "jupyter"
PATIENCE = 180


@pytest.fixture
def browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000"):
        options.add_argument(switch)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


def wait(browser: Any, done: Callable[[Any], Any], words: str, seconds: float = PATIENCE) -> Any:
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    passing = (NoSuchElementException, StaleElementReferenceException)
    return WebDriverWait(browser, seconds, 0.5, ignored_exceptions=passing).until(done, words)


def shoot(browser: Any, name: str) -> None:
    """Kept as an artefact of the run; one that shows a single colour shows nothing."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    file = SHOTS / f"{name}.png"
    assert browser.save_screenshot(str(file))
    assert file.stat().st_size > 8_000, f"{file} looks empty"


def text_of(browser: Any, selector: str) -> str:
    script = "return Array.from(document.querySelectorAll(arguments[0])).map(x => x.innerText).join(' ')"
    return str(browser.execute_script(script, selector))


def log_in(browser: Any, hub: Hub, user: str, password: str) -> None:
    browser.get(f"{hub.address}/hub/login")
    shoot(browser, "1-login")
    browser.find_element("name", "username").send_keys(user)
    browser.find_element("name", "password").send_keys(password)
    browser.find_element("id", "login_submit").click()


# The course ends with spark.stop(), and the Spark UI with it.
COPY = """
import json
from pathlib import Path
folder = Path.home() / "course"
book = json.loads((folder / "02-executors.ipynb").read_text())
book["cells"].pop()
(folder / "02-seen.ipynb").write_text(json.dumps(book))
"""


def test_course_02_in_a_browser(yard: Any, hub: Hub, kernels: dict[str, Kernel], browser: Any) -> None:
    kernels["bob"].must(COPY)
    log_in(browser, hub, "bob", read_secret(yard.kube, RELEASE, "jupyter-passwords")["bob"])
    wait(browser, lambda page: "/lab" in page.current_url, "bob's server is there, and is not led to")
    browser.get(f"{hub.address}/user/bob/lab/tree/course/02-seen.ipynb")
    wait(browser, lambda page: "Executors of your own" in text_of(page, ".jp-Notebook"), "the notebook is not shown")
    shoot(browser, "3-notebook")
    run_all(browser)
    wait(browser, lambda page: "executor(s)" in text_of(page, ".jp-OutputArea-output"), "no progress in the cell")
    shoot(browser, "4-progress")
    wait(browser, lambda page: "hello 2" in text_of(page, ".jp-OutputArea-output"), "the course has not come to its end")
    assert "Error" not in text_of(browser, ".jp-OutputArea-output")
    shoot(browser, "5-rows")
    look_at_executors(browser, browser.execute_script("return document.querySelector('a[href*=\"/spark/\"]').href"))


def test_a_size_is_chosen(yard: Any, hub: Hub, browser: Any) -> None:
    """Cleo has no server yet, and does not start one."""
    log_in(browser, hub, "cleo", read_secret(yard.kube, RELEASE, "jupyter-passwords")["cleo"])
    wait(browser, lambda page: "/hub/spawn" in page.current_url, "no choice of sizes")
    assert "up to 2 executors of 1 core(s) and 512m for each kernel" in text_of(browser, "body")
    shoot(browser, "2-sizes")


def run_all(browser: Any) -> None:
    """By the menu, as a person does."""
    choose(browser, ".lm-MenuBar-itemLabel", "Run")
    choose(browser, ".lm-Menu-itemLabel", "Run All Cells")


def choose(browser: Any, selector: str, label: str) -> None:
    def find(page: Any) -> Any:
        return next((item for item in page.find_elements("css selector", selector) if item.text == label), None)

    wait(browser, find, f"no entry {label}").click()


def look_at_executors(browser: Any, link: str) -> None:
    """In a tab beside the notebook, while its session is there."""
    browser.switch_to.new_window("tab")
    browser.get(f"{link}executors/")
    wait(browser, lambda page: "driver" in text_of(page, "#active-executors-table"), "the Executors page is empty")
    wait(browser, lambda page: not page.find_elements("css selector", ".blockUI"), "the Executors page goes on loading")
    shoot(browser, "6-executors")
