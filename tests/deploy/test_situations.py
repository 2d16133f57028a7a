# SPDX-License-Identifier: Apache-2.0
"""The transcripts of deploy/docs/situations.md, command by command: what they show is what the program says."""

import os
import pathlib
import re
import shutil
import subprocess

from kferry_service import FIXTURES

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "docs" / "situations.md"
FILES = {
    "checkpoint.keras": "training/k3_adam.keras",
    "old.h5": "zoo/functional_residual.h5",
    "saved_model.tar": "savedmodel/trained_legacy_adam.tar",
    "exported.tar": "savedmodel/export_batch_norm_renorm.tar",
    "exported.json": "savedmodel/export_batch_norm_renorm.json",
}


def transcripts():
    """(command, what it said) in the order of the document."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", DOCUMENT.read_text(), re.M)
    lines = [line[4:] for block in blocks for line in block.splitlines() if line.strip()]
    said = []
    for line in lines:
        if line.startswith("$ "):
            said.append((line[2:], []))
        else:
            said[-1][1].append(line)
    return said


def test_transcripts_are_what_happens(kferry, tmp_path):
    for name, fixture in FILES.items():
        shutil.copy(FIXTURES / fixture, tmp_path / name)
    shown = transcripts()
    assert len(shown) >= 12
    for command, said in shown:
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={"PATH": f"{kferry.parent}:{os.environ['PATH']}"})
        assert done.stdout.splitlines() == said, command
