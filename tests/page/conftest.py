# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a service, the page in a browser, and models to give it."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]

from fixtures import settings, start  # noqa: E402, F401
from kferry_service import FIXTURES, Service, program  # noqa: E402
from page_browser import Page  # noqa: E402
from webdriver import available  # noqa: E402


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if not available():
        if os.environ.get("CI") == "true":
            pytest.fail("chromium and chromedriver are not installed")
        pytest.skip("chromium and chromedriver are not installed")
    browser = Page(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """One service for the tests that change nothing of it."""
    if program() is None:
        pytest.fail("set KFERRY to the path of the built program")
    service = Service(tmp_path_factory.mktemp("service"), KFERRY_WORKERS=2)
    yield service
    assert service.stop() == 0 and not service.sanitizer_said()


@pytest.fixture
def page(shared, browser):
    """The page as it opens; at the end it may have complained of nothing and asked nobody else."""
    browser.visit(shared)
    yield browser
    shared.set_mode("")
    assert browser.hosts() <= {shared.address}
    assert browser.faults() == []
    browser.plain()


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Files by what they are for."""
    folder = tmp_path_factory.mktemp("models")
    text = folder / "notes.h5"
    text.write_text("these are notes and no model\n")
    lite = folder / "model.tflite"
    lite.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(200))
    big = folder / "big.h5"
    big.write_bytes((FIXTURES / "zoo" / "dense.h5").read_bytes() + os.urandom(3_000_000))
    return {
        "dense": FIXTURES / "zoo" / "dense.h5",
        "keras1": FIXTURES / "zoo1" / "bidirectional_lstm.h5",
        "lambda": FIXTURES / "lambdas" / "k2_ellipsis.h5",
        "weights": FIXTURES / "weights" / "k213_attention.weights.h5",
        "architecture": FIXTURES / "weights" / "k213_attention.json",
        "text": text, "lite": lite, "big": big,
    }
