#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hold the sources against the rules that no compiler knows; ends with `N passed, N failed`.

    tests/lint/run.py [--long]     --long prints the ten longest functions too

Each module of this folder has checks called check_<what>(sources), which give the faults they find as (file, line, fault).
"""
import importlib
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODULES = ("banned", "layers", "shape", "format", "documents")
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


class Source:
    """A C file: its text, and its text with comments and the insides of strings blanked, lines kept."""

    def __init__(self, path):
        self.path, self.name = path, path.relative_to(ROOT).as_posix()
        self.text = path.read_text()
        self.code = COMMENT.sub(self.blank, self.text)

    @staticmethod
    def blank(match):
        text = match.group()
        inside = re.sub(r"[^\n]", " ", text)
        return text[0] + inside[1:-1] + text[-1] if text[0] in "\"'" else inside

    def line_of(self, at):
        return self.text.count("\n", 0, at) + 1


def tracked(*patterns):
    """Files of the repository; without git, of the folder."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", *patterns], capture_output=True, text=True)
    if listed.returncode == 0:
        return [ROOT / line for line in sorted(listed.stdout.splitlines()) if (ROOT / line).is_file()]
    return sorted(path for pattern in patterns for path in ROOT.rglob(pattern) if "build" not in path.parts[len(ROOT.parts)])


def main(arguments):
    sources = [Source(path) for path in tracked("*.c", "*.h")]
    passed = failed = 0
    for name in MODULES:
        module = importlib.import_module(name)
        for check in sorted(key for key in vars(module) if key.startswith("check_")):
            faults = list(getattr(module, check)(sources))
            for file, line, fault in faults:
                print(f"{file}:{line}: {fault}")
            passed, failed = passed + (not faults), failed + bool(faults)
            print(f"{'FAILED' if faults else 'ok'}  {name}.{check[6:]}")
    if "--long" in arguments:
        for length, name, function in importlib.import_module("shape").longest(sources)[:10]:
            print(f"{length:5}  {name}  {function}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main(sys.argv[1:]))
