#!/usr/bin/env python3
"""Conformance: real Keras loads what kferry wrote and predicts what the original predicted.

    run.py --kferry build/kferry --work DIR --envs DIR [--keras k2 k3] [--wild DIR] [--part zoo] [--only TEXT] [--whole]

Each module of parts/ converts one family of files and has it judged, with the environments of --keras that are there.
Refusals are held against committed lists. Rows of the core's tables that no conversion used fail the run, when all parts ran.
Ends with a list of all failed checks and `N passed, N failed, N skipped`.
"""
import argparse
import importlib
import pathlib
import subprocess
import sys
import time

from suite import FIXTURES, HERE, Tally

PARTS = sorted(path.stem for path in (HERE / "parts").glob("*.py"))


def run_coverage(options, tally, used):
    """Every row of the tables, used by at least one conversion of the zoo."""
    worker = pathlib.Path(options.kferry).resolve().parent / "kferry-worker"
    rows = subprocess.run([worker, "rules"], capture_output=True, text=True, check=True).stdout.splitlines()
    unused = {line.strip() for line in (HERE / "UNUSED.txt").read_text().splitlines() if line and line[0] != "#"}
    if "tfjs" not in options.keras:  # nobody has run what its rows write
        rows = [row for row in rows if not row.startswith("tfjs")]
    for row in rows:
        tally.check((row in used) != (row in unused), f"row/{row}",
                    "is listed as unused but was used" if row in used else "no conversion of the zoo used it")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kferry", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--envs", type=pathlib.Path, required=True)
    parser.add_argument("--wild", type=pathlib.Path)
    parser.add_argument("--keras", nargs="*", default=["k2", "k3", "k30"])
    parser.add_argument("--part", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--only", default="")
    parser.add_argument("--whole", action="store_true", help="judge whole zoos where a part takes samples")
    options = parser.parse_args()
    for manifest in FIXTURES.glob("*/MANIFEST.tsv"):
        subprocess.run([sys.executable, HERE / "pack.py", "unpack", manifest.parent, manifest.parent], check=True)
    tally, used = Tally(), set()
    for part in options.part:
        begun = time.monotonic()
        importlib.import_module(f"parts.{part}").run(options, tally, used)
        print(f"\n== part {part}: {time.monotonic() - begun:.0f} s", flush=True)
    if not options.only and options.part == PARTS:
        run_coverage(options, tally, used)
    tally.summary()
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
