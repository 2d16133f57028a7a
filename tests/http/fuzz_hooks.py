# SPDX-License-Identifier: Apache-2.0
"""Loaded by schemathesis: bodies are models, heads of models and noise."""

from pathlib import Path

import schemathesis
from hypothesis import strategies as st

ZOO = Path(__file__).resolve().parents[1] / "fixtures" / "zoo"
MODEL = (ZOO / "dense.h5").read_bytes()

schemathesis.openapi.media_type(
    "application/octet-stream",
    st.sampled_from([MODEL, MODEL[:2000], b"", b"{}"]) | st.binary(max_size=300),
)
