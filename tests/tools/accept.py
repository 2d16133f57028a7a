#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Take what the golden conversions give now as what is expected of them; then read the diff.

    tests/tools/accept.py [--build DIR] [CASE...]    DIR defaults to build
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
EXPECTED = ("report.json", "config.json", "tree.json")


def accept(case, made):
    """Rewrite the expected files of one case; True when one of them changed."""
    changed = False
    for name in EXPECTED:
        old, new = case / name, made / name
        before = old.read_text() if old.exists() else None
        after = None
        if new.exists():
            after = json.dumps(json.loads(new.read_text()), indent=1, ensure_ascii=False) + "\n"
            old.write_text(after)
        elif before is not None:
            old.unlink()
        changed = changed or before != after
    return changed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=TESTS.parent / "build", type=pathlib.Path)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as out:
        command = [arguments.build / "golden_main", "--out", out, TESTS / "golden", *arguments.cases]
        status = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
        for made in sorted(pathlib.Path(out).iterdir()):
            if accept(TESTS / "golden" / made.name, made):
                print("accepted", made.name)
    return status


if __name__ == "__main__":
    sys.exit(main())
