# SPDX-License-Identifier: Apache-2.0
"""The page as somebody uses it: a real Chromium, with what the tests ask of it again and again."""

import base64
import importlib.util
import json
from pathlib import Path

from kferry_service import wait_until
from webdriver import ELEMENT, Browser

KEYS = {"tab": "\ue004", "enter": "\ue007", "space": "\ue00d", "down": "\ue015", "escape": "\ue00c"}

# What a person drops: a DataTransfer with files in it, over the page and then on it.
DROP = """
    const transfer = new DataTransfer();
    for (const [name, text] of arguments[0]) {
        transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
    }
    for (const kind of ["dragenter", "dragover", "drop"]) {
        document.querySelector("main").dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
    }"""

AXE = "return axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations)"


def axe_source():
    folder = importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0]
    return (Path(folder) / "axe.min.js").read_text()


class Page(Browser):
    def cdp(self, command, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def visit(self, service, hash=""):
        """The page in a browser that knows nothing of what was before."""
        self.service = service
        self.root = f"http://{service.address}/"
        self.complaints()
        self.open(self.root + "livez")
        self.run("localStorage.clear(); sessionStorage.clear();")
        self.open(self.root + hash)
        self.see("h1")

    def saves_to(self, folder):
        self.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def see(self, selector, text="", seconds=20):
        """Until something with that text is there."""
        script = """return [...document.querySelectorAll(arguments[0])].some((e) =>
            e.checkVisibility() && e.textContent.includes(arguments[1]))"""
        seen = wait_until(lambda: self.run(script, selector, text), seconds)
        assert seen, f"no {selector} with {text!r} in:\n{self.text()}"
        return self

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def choose(self, *paths, label="Choose files"):
        self.type(f"input[type=file][aria-label='{label}']", "\n".join(map(str, paths)))

    def press(self, label):
        """The button, link or summary that says so."""
        script = """const all = document.querySelector("dialog[open]") ?? document;
            const found = [...all.querySelectorAll("button, a, summary, label")].find((e) =>
            e.checkVisibility() && e.textContent.trim().startsWith(arguments[0]));
            found?.scrollIntoView({block: "center"}); return found"""
        element = self.run(script, label)
        assert element, f"nothing says {label!r} in:\n{self.text()}"
        self.call("POST", f"/element/{element[ELEMENT]}/click", {})

    def select(self, name, value):
        self.run("""const field = document.querySelector(`[name="${arguments[0]}"]`); field.value = arguments[1];
            field.dispatchEvent(new Event("change", {bubbles: true}));""", name, value)

    def keys(self, *names):
        actions = [{"type": kind, "value": KEYS.get(name, name)} for name in names for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def focused(self):
        return self.run("const e = document.activeElement; return e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent")

    def tab_to(self, label, most=60):
        for _ in range(most):
            if self.focused().strip().startswith(label):
                return
            self.keys("tab")
        raise AssertionError(f"the keyboard does not get to {label!r}, it is at {self.focused()!r}")

    def drop(self, *paths):
        self.run(DROP, [[Path(path).name, base64.b64encode(Path(path).read_bytes()).decode()] for path in paths])

    def media(self, **features):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def width(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def plain(self):
        """As the next test expects it."""
        self.cdp("Emulation.setEmulatedMedia", features=[])
        self.cdp("Emulation.clearDeviceMetricsOverride")
        self.uploads_at(-1)

    def uploads_at(self, rate):
        self.cdp("Network.enable")
        self.cdp("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=rate)

    def new_tab(self):
        handle = self.call("POST", "/window/new", {"type": "tab"})["handle"]
        self.switch(handle)
        return handle

    def switch(self, handle):
        self.call("POST", "/window", {"handle": handle})

    def faults(self):
        """Errors and warnings of the console but for answers that a test asked for."""
        return [line for line in self.complaints() if "Failed to load resource" not in line]

    def hosts(self):
        return set(self.run("return performance.getEntries().map((e) => e.name).filter((n) => /^\\w+:/.test(n)).map((n) => new URL(n).host)")) - {""}

    def axe(self):
        """What axe finds that is serious."""
        if not self.run("return typeof axe === 'object'"):
            self.run(axe_source())
        found = self.run(AXE)
        return [(row["id"], [json.dumps(node["target"]) for node in row["nodes"]][:4]) for row in found if row["impact"] in ("serious", "critical")]

    def overflow(self):
        """What is wider than the window."""
        return self.run("""const width = document.documentElement.clientWidth, wider = document.documentElement.scrollWidth;
            if (wider <= width) return [];
            const clips = (e) => e && (getComputedStyle(e).overflowX !== "visible" || clips(e.parentElement));
            const found = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1 && !clips(e.parentElement));
            return [wider, ...found.map((e) => `${e.tagName}.${e.className} ${e.textContent.slice(0, 40)}`)].slice(0, 8)""")
