# SPDX-License-Identifier: Apache-2.0
"""The page for everybody: by keyboard, read aloud, in the dark, on a telephone."""

import pytest
from test_page import converted

STATES = ("start", "file", "refused", "wrong", "job", "jobs")


def bring(page, models, state):
    """The page in one of its states, with what can be opened opened."""
    if state == "file":
        page.choose(models["keras1"])
        page.see(".outcome .verdict")
    elif state == "refused":
        page.choose(models["lambda"])
        page.see(".outcome .adapted")
        page.press("Not possible for this file as it is")
        page.press("legacy whole model")
        page.see(".outcome .refused")
    elif state == "wrong":
        page.choose(models["text"])
        page.see(".failure")
    elif state in ("job", "jobs"):
        page.choose(models["keras1"])
        converted(page)
        if state == "jobs":
            page.open(page.root + "#/jobs")
            page.see(".jobs")
    page.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious_by_day_or_night_and_360_pixels_are_enough(page, models, state):
    bring(page, models, state)
    assert page.axe() == []
    page.media(prefers_color_scheme="dark")
    assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 29)"
    assert page.axe() == []
    page.width(360)
    assert page.overflow() == []


def test_the_keyboard_is_enough(page, models):
    page.tab_to("Skip to the content")
    page.keys("enter")
    page.tab_to("Choose files")
    page.tab_to("Choose a folder")
    page.choose(models["dense"])  # the system's own window is not the page's
    page.see(".outcome .verdict")
    page.tab_to("Keras model (.keras)")
    page.keys("down")
    page.see(".outcome", "h5 for Keras")
    assert page.run("return new FormData(document.querySelector('form:not([method])')).get('to')") == "h5"
    page.tab_to("Convert")
    page.keys("enter")
    page.see(".snippets")
    page.tab_to("Download dense-keras2.15.h5")
    outline = "const style = getComputedStyle(document.activeElement); return style.outlineStyle + style.outlineWidth"
    assert page.run(outline) == "solid3px"
    page.tab_to("Copy")


def test_what_happens_is_said(page, models):
    said = "return document.getElementById('live').textContent"
    page.run("""window.said = []; new MutationObserver(() => {
        const text = document.getElementById('live').textContent; if (text) window.said.push(text);
        }).observe(document.getElementById('live'), {childList: true, characterData: true, subtree: true});""")
    page.choose(models["dense"])
    converted(page)
    page.see("#live, .snippets")
    words = " ".join(page.run("return window.said"))
    assert "dense.h5 is a whole model of Keras 2" in words and "Converted: adapted" in words, page.run(said)
    assert page.run("return document.activeElement.tagName") == "H2"


def test_a_large_report_stays_fluid(page):
    """Five thousand renamed tensors and changes: what is not looked at is not made."""
    took = page.run("""
        const { changesOf } = await import("./assets/report.js");
        const change = (i) => ({ where: `block_${i}/dense`, key: "dtype", before: "float32", after: {name: "float32"}, code: "config-value-rewritten", reason: `of layer ${i % 2 ? i : 0}` });
        const tensor = (i) => ({ source: `dense_${i}/kernel:0`, target: `layers/dense_${i}/vars/0`, layer: `dense_${i}`, done: "copied",
            shape: { before: [10, 10], after: [10, 10] }, dtype: { before: "float32", after: "float32" }, checksum: { before: null, after: null } });
        const many = (of) => Array.from({ length: 5000 }, (_, i) => of(i));
        const report = { verdict: "adapted", problems: [], layer_mismatches: [], lost: [], needs: [], findings: [], renamed_layers: [],
            renamed_tensors: many((i) => ({ before: `dense_${i}/kernel:0`, after: `layers/dense_${i}/vars/0`, layer: `dense_${i}` })),
            config_changes: many(change), tensors: many(tensor) };
        const start = performance.now();
        document.querySelector("main").append(changesOf(report));
        document.querySelectorAll("details").forEach((each) => { each.open = true; });
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        return performance.now() - start;""")
    assert took < 1000, took
    assert page.run("return document.querySelectorAll('tr').length") < 500
