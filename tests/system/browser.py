"""Debian's Chromium against a running service: what a person sees and does, in few words."""

import os

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 120


class Browser:
    def __init__(self, address, scheme="http"):
        self.address = scheme + "://" + address
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        # Nothing is fetched from elsewhere, and root needs no sandbox.
        for word in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--window-size=1280,900",
        ):
            options.add_argument(word)
        # The authority of a test's coordinator is in no store of the browser's.
        options.accept_insecure_certs = scheme == "https"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Driver("/usr/bin/chromedriver"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def open(self, place=""):
        self.driver.get(self.address + "/" + place)

    def go(self, place):
        """Another page of the dashboard, without loading anything anew."""
        self.driver.execute_script("location.hash = arguments[0]", place)

    def find(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def wait(self, condition, what):
        """Until `condition()` is true; an element that was replaced meanwhile is looked up again."""
        try:
            return WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.05).until(
                lambda _: self.quiet(condition)
            )
        except TimeoutException:
            raise AssertionError(what + "; the page says:\n" + self.text()[:2000]) from None

    @staticmethod
    def quiet(condition):
        try:
            return condition()
        except Exception:  # noqa: BLE001 - stale or not there yet: not true yet
            return None

    def text(self):
        return self.driver.execute_script("return document.body.innerText")

    def says(self, words):
        self.wait(lambda: words in self.text(), f"nothing says {words!r}")

    def click(self, css, words=""):
        """The element, or the one with these words."""

        def clicked():
            for element in self.find(css):
                if words in element.text and element.is_enabled():
                    # Away from the head of the page, which lies over what is scrolled below it.
                    self.driver.execute_script(
                        "arguments[0].scrollIntoView({block: 'center'})", element
                    )
                    element.click()
                    return True
            return False

        self.wait(clicked, f"{css} {words!r} cannot be clicked")

    def confirm(self):
        self.click("dialog #confirm")

    def type(self, css, text):
        def typed():
            # A page that is drawn meanwhile may put another element in its place.
            element = self.find(css)[0]
            element.clear()
            element.send_keys(text)
            return True

        self.wait(typed, f"nothing can be typed in {css}")

    def choose(self, css, value):
        self.wait(
            lambda: self.driver.execute_script(
                """const place = document.querySelector(arguments[0]);
                if (![...place.options].some((one) => one.value === arguments[1])) return false;
                place.value = arguments[1];
                place.dispatchEvent(new Event('change', {bubbles: true}));
                return true""",
                css,
                value,
            ),
            f"{css} has no {value}",
        )

    def chosen(self, css):
        """The words of the chosen entry of a select."""
        return self.driver.execute_script(
            "const place = document.querySelector(arguments[0]); return place.selectedOptions[0].text",
            css,
        )

    def shoot(self, name):
        """Pictures for people, where BRAID_SCREENSHOTS names a folder: wide, narrow and dark."""
        folder = os.environ.get("BRAID_SCREENSHOTS")
        if not folder:
            return
        os.makedirs(folder, exist_ok=True)
        for width in (1280, 390):
            self.size(width)
            self.driver.execute_async_script("setTimeout(arguments[0], 400)")
            self.driver.save_screenshot(os.path.join(folder, f"{name}-{width}.png"))
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
        self.driver.execute_async_script("setTimeout(arguments[0], 400)")
        self.driver.save_screenshot(os.path.join(folder, f"{name}-dark.png"))
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def keep_files_in(self, folder):
        """Where files that are downloaded go."""
        self.driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder}
        )

    def before_each_page(self, script):
        """Runs `script` in every page that is opened from now on, before its own scripts; what it returns ends that."""
        made = self.driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": script}
        )["identifier"]
        return lambda: self.driver.execute_cdp_cmd(
            "Page.removeScriptToEvaluateOnNewDocument", {"identifier": made}
        )

    def see(self, css):
        """The element, where it can be seen: charts are not drawn elsewhere."""
        self.wait(lambda: self.find(css), f"there is no {css}")
        element = self.find(css)[0]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        return element

    def drag(self, css, begin, end):
        """With the mouse, over an element: from one share of its width to another."""
        element = self.see(css)
        width = element.size["width"]
        at = [round(width * (share - 0.5)) for share in (begin, end)]
        mouse = ActionChains(self.driver).move_to_element_with_offset(element, at[0], 0)
        mouse.click_and_hold().move_by_offset(at[1] - at[0], 0).release().perform()

    def wider_than(self, width):
        """How far the page reaches beyond a window of this width, in pixels."""
        self.size(width)
        beyond = self.driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        return beyond

    def size(self, width):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )

    def complaints(self):
        """What the browser has complained of since the last call, but for answers that are errors."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING")
            and "Failed to load resource" not in entry["message"]
        ]
