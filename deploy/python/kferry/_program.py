# SPDX-License-Identifier: Apache-2.0
"""Runs the program that this package carries; what it says comes back as objects."""

import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Union

from kferry._inspection import Inspection
from kferry._report import Report

Path = Union[str, "os.PathLike[str]"]

EXIT_REFUSED = 65


class Failed(Exception):
    """The program did not do it: a missing file, a full disk, a wrong parameter; `status` is its exit status."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class Refused(Failed):
    """The model cannot be converted so that it predicts the same; `report` names each cause and the way out."""

    def __init__(self, report: Report):
        super().__init__("\n".join(report.summary), EXIT_REFUSED)
        self.report = report


def program() -> str:
    """The path of the program."""
    return str(pathlib.Path(__file__).parent / "bin" / "kferry")


def _flags(parameters: "dict[str, object]") -> "list[str]":
    return [word for name, value in parameters.items() if value is not None
            for word in (f"--{name.replace('_', '-')}", os.fspath(value) if isinstance(value, os.PathLike) else str(value))]


def _inputs(source: Union[Path, Sequence[Path]]) -> "list[str]":
    paths = [source] if isinstance(source, (str, os.PathLike)) else source
    # A name that begins with "-" is a file all the same.
    return [text if not text.startswith("-") else f"./{text}" for text in map(os.fspath, paths)]


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([program(), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def _failed(done: "subprocess.CompletedProcess[str]") -> Failed:
    return Failed(done.stderr.strip().removeprefix("kferry: "), done.returncode)


def _convert(words: "list[str]", parameters: "dict[str, object]") -> Report:
    with tempfile.TemporaryDirectory(prefix="kferry-") as folder:
        kept = os.path.join(folder, "report.json")
        done = _run("convert", *words, "--report", kept, *_flags(parameters))
        if os.path.exists(kept):
            with open(kept, encoding="utf-8") as file:
                report = Report.of(json.load(file))
            if report.verdict == "refused":
                raise Refused(report)
        if done.returncode != 0:
            raise _failed(done)
        return report


def convert(source: Union[Path, Sequence[Path]], target: Path, **parameters: object) -> Report:
    """Convert a model file, or the files of one model, into the file `target`, whose suffix says what it becomes.

    Parameters are those of the command line and the API: to="keras", keras="3.4", allow="exact", architecture="m.json", ...
    Raises Refused where the result would not predict the same, and Failed for everything else.
    """
    return _convert([*_inputs(source), "--output", os.fspath(target)], parameters)


def plan(source: Union[Path, Sequence[Path]], to: str, **parameters: object) -> Report:
    """The report that convert() would give, without a result. A refusal is a report here, not an exception."""
    try:
        return _convert([*_inputs(source), "--dry-run"], {"to": to, **parameters})
    except Refused as refused:
        return refused.report


def inspect(source: Union[Path, Sequence[Path]], **parameters: object) -> Inspection:
    """What a file is, which Keras wrote it, which one loads it, its layers, and what it can become."""
    done = _run("inspect", "--json", *_inputs(source), *_flags(parameters))
    try:
        return Inspection.of(json.loads(done.stdout))
    except ValueError:
        raise _failed(done) from None
