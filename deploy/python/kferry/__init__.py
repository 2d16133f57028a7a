# SPDX-License-Identifier: Apache-2.0
"""Carry Keras model files from one Keras to another, without Keras.

    import kferry

    kferry.inspect("model.h5")                       # what it is; a picture in a notebook
    report = kferry.convert("model.h5", "model.keras")
    report.verdict                                   # "exact", "adapted" or "lossy"

What cannot be right is refused: kferry.Refused, with the report that says why.
"""

from kferry._inspection import Inspection, Node, Target
from kferry._program import Failed, Refused, convert, inspect, plan, program
from kferry._report import Counts, Entry, RenamedTensor, Report, Tensor

__all__ = ["Counts", "Entry", "Failed", "Inspection", "Node", "Refused", "RenamedTensor", "Report", "Target", "Tensor",
           "convert", "inspect", "plan", "program"]
