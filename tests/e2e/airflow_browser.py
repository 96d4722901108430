"""A headless browser at Airflow's pages; screenshots go to build/e2e/airflow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sparkyard.project import ROOT

SHOTS = ROOT / "build" / "e2e" / "airflow"
PATIENCE = 180


@contextmanager
def open_browser() -> Iterator["Browser"]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"):
        options.add_argument(switch)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(PATIENCE)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)

    def wait(self, done: Callable[[Any], Any], words: str) -> Any:
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, PATIENCE, 0.5, ignored_exceptions=(WebDriverException,)).until(done, words)

    def type(self, name: str, text: str) -> None:
        self.wait(lambda driver: driver.find_element("name", name), f"no field {name}").send_keys(text)

    def click(self, xpath: str) -> None:
        """The last of its kind that can be seen: a dialogue lies over its page."""

        def press(driver: Any) -> bool:
            found = [element for element in driver.find_elements("xpath", xpath) if element.is_displayed() and element.is_enabled()]
            for element in found[-1:]:
                element.click()
            return bool(found)

        self.wait(press, f"nothing to click at {xpath}")

    def see(self, *words: str) -> None:
        script = "return document.body.innerText"
        self.wait(lambda driver: all(word in driver.execute_script(script) for word in words), f"the page does not show {words}")

    def shoot(self, name: str) -> None:
        """One that shows a single colour shows nothing."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        file = SHOTS / f"{name}.png"
        assert self.driver.save_screenshot(str(file))
        assert file.stat().st_size > 8_000, f"{file} looks empty"
