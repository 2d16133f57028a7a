# SPDX-License-Identifier: Apache-2.0
"""Fixtures for what operators get: units, images, dashboards."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "http"), str(TESTS / "image")]

from kferry_service import FIXTURES, program  # noqa: E402


@pytest.fixture(scope="session")
def kferry():
    """The built program."""
    if program() is None:
        pytest.fail("set KFERRY to the path of the built program")
    return program()


@pytest.fixture(scope="session")
def model():
    """A file that converts."""
    return FIXTURES / "zoo" / "dense.h5"
