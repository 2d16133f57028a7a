# SPDX-License-Identifier: Apache-2.0
"""The API's page in a real browser: all of the document is there, and what it offers to try works."""

import hashlib
import json
import os
import re

import pytest
from kferry_service import FIXTURES, contract, wait_until
from webdriver import Browser, available


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not available():
        if os.environ.get("CI") == "true":
            pytest.fail("chromium and chromedriver are not installed")
        pytest.skip("chromium and chromedriver are not installed")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


def open_page(browser, service):
    browser.resize(1280, 1000)
    browser.complaints()
    browser.open(f"http://{service.address}/docs")
    assert wait_until(lambda: browser.run("return document.body.dataset.ready") == "yes", 20)


def operations():
    return {row["operationId"] for path in contract().document["paths"].values()
            for method, row in path.items() if method in ("get", "put", "post", "delete")}


def try_out(browser, operation, fill=""):
    """Open "Try it" of an operation, fill its fields by a script, send it; what came back as text."""
    browser.run("const a = document.getElementById(arguments[0]); a.scrollIntoView();"
                "[...a.querySelectorAll(':scope > details')].pop().open = true;", operation)
    assert wait_until(lambda: browser.run("return document.querySelector('#' + arguments[0] + ' form') !== null", operation))
    browser.run("const form = document.querySelector('#' + arguments[0] + ' form'); " + fill, operation)


def send(browser, operation):
    browser.click(f"#{operation} form button")
    text = "return document.querySelector('#' + arguments[0] + ' [aria-live]').textContent"
    assert wait_until(lambda: re.search(r"(?m)^\S*?[1-5]\d\d |content-type", browser.run(text, operation)), 30)
    return browser.run(text, operation)


def test_page_is_served_whole_and_takes_nothing_from_elsewhere(service):
    page = service.get("/docs")
    assert page.status == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy
    names = re.findall(rb'(?:src|href)="([a-z][^":]+)"', page.body)
    assert len(names) >= 4
    for name in names:
        assert service.get("/" + name.decode()).status == 200
    for name in ("/docs", "/docs.js", "/docs.css"):
        packed = service.get(name, **{"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert b"//cdn" not in service.get(name).body and b"https://" not in service.get(name).body


def test_every_operation_is_there_and_nothing_complains(service, browser):
    open_page(browser, service)
    shown = browser.run("return [...document.querySelectorAll('article')].map((a) => a.id)")
    assert set(shown) == operations() and len(shown) == len(set(shown))
    assert len(browser.run("return [...document.querySelectorAll('#list a')].map((a) => a.hash)")) == len(shown)
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert wait_until(lambda: browser.run("return document.querySelectorAll('.members').length") > 100)
    assert browser.run("return document.body.innerText.includes('undefined')") is False
    assert browser.run("return document.querySelectorAll('[style]').length") == 0
    assert browser.complaints() == []


def test_search_keeps_what_was_looked_for(service, browser):
    open_page(browser, service)
    browser.type("#find", "artifact")
    left = browser.run("return [...document.querySelectorAll('#list li')].filter((li) => !li.hidden).map((li) => li.innerText)")
    assert len(left) == 1 and "/v1/jobs/{id}/artifact" in left[0]


def test_what_it_offers_to_try_works(service, browser):
    open_page(browser, service)
    try_out(browser, "get_problem", "form.elements.namedItem('path code').value = 'queue-full';")
    said = send(browser, "get_problem")
    assert "200" in said and "The service is busy" in said and "curl -fsS" in said
    try_out(browser, "convert", "form.elements.namedItem('query to').value = 'keras';")
    browser.type("#convert form input[type=file]", str(FIXTURES / "zoo" / "dense.h5"))
    said = send(browser, "convert")
    assert "200" in said and "Save dense.keras" in said and "file=@dense.h5" in said
    try_out(browser, "get_job", "form.elements.namedItem('path id').value = 'none';")
    said = send(browser, "get_job")
    assert "404" in said and "job-not-found" in said
    errors = [line for line in browser.complaints() if "404" not in line]
    assert errors == []


def test_the_key_is_sent_and_never_shown(start, tmp_path, browser):
    keys = tmp_path / "keys"
    keys.write_text("ci:%s\n" % hashlib.sha256(b"sesame").hexdigest())
    service = start(KFERRY_KEYS_FILE=keys)
    open_page(browser, service)  # the page itself is nobody's secret
    try_out(browser, "list_jobs")
    assert "401" in send(browser, "list_jobs")
    browser.type("#token", "sesame")
    said = send(browser, "list_jobs")
    assert wait_until(lambda: "200" in send(browser, "list_jobs"))
    assert "sesame" not in said and "$KEY" in said
    assert browser.run("return JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])") == json.dumps(
        [0, 0, ""], separators=(",", ":"))


def test_it_fits_a_small_screen(service, browser):
    open_page(browser, service)
    browser.resize(500, 900)
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth + 1")


def test_it_can_be_used_by_keyboard_and_read_aloud(service, browser):
    open_page(browser, service)
    unnamed = browser.run("""
        document.querySelectorAll('details').forEach((d) => { d.open = true; });
        return [...document.querySelectorAll('input, select, button, a')].filter((e) =>
            !(e.innerText || e.labels?.[0]?.innerText || e.getAttribute('aria-label'))).length""")
    assert unnamed == 0
    assert browser.run("return [document.documentElement.lang, document.querySelectorAll('h1').length, "
                       "document.querySelectorAll('main').length, document.querySelectorAll('nav').length].join()") == "en,1,1,1"
