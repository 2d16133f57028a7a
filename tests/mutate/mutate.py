#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Change the tables of the core row by row and see which change no test notices.

    mutate.py --work DIR [--share 0.1] [--drops 1] [TABLE...]     try mutants; goes on where it was stopped
    mutate.py --work DIR --report                                 what is known so far

--drops is the share of the rows that are left out in turn, --share that of all other changes. A mutant is killed when it
does not compile, or a golden case or a unit test fails; it is seen by conformance when a fixture that real Keras judges
is converted to something else.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import rows
from fixtures import Fixtures
from tree import ROOT, Tree

LIMIT = 60  # seconds for one program; one that takes longer was killed
KILLERS = 12  # of late, tried first


class Judge:
    def __init__(self, tree, fixtures):
        self.tree, self.fixtures = tree, fixtures
        self.programs = tree.programs()
        self.killers = []

    def failing(self, library):
        """The first test that fails with it, None when all pass."""
        self.environment = {"LD_PRELOAD": str(library), "PATH": "/usr/bin:/bin"} if library else {}
        by = self.golden(*self.killers) if self.killers else None
        return by or self.golden() or next(filter(None, map(self.unit, list(self.programs))), None)

    def judge(self, mutant):
        """(outcome, by what)"""
        library = self.tree.mutant(mutant)
        if library is None:
            return "killed", "compiler"
        by = self.failing(library)
        if by:
            return "killed", by
        seen = self.fixtures.differ(mutant.row, self.environment)
        return ("conformance", seen) if seen else ("survived", "")

    def run(self, *command):
        return subprocess.Popen(
            ["timeout", str(LIMIT), *map(str, command)], env=self.environment, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def golden(self, *cases):
        """The first case that fails."""
        with self.run(self.tree.folder / "golden", ROOT / "tests/golden", *cases) as process:
            name = None
            for line in process.stdout:
                if line.startswith("[  FAILED  ]"):
                    name = line.split()[-1]
                    process.kill()
                    break
            process.stdout.read()
        if name and name in self.killers:
            self.killers.remove(name)
        if name:
            self.killers = [name, *self.killers[: KILLERS - 1]]
        return f"golden {name}" if name else "golden" if process.returncode else None

    def unit(self, program):
        process = self.run(program)
        process.communicate()
        if process.returncode == 0:
            return None
        self.programs.remove(program)
        self.programs.insert(0, program)
        return program.name


def tables_of(named):
    named = [Path(name).resolve().relative_to(ROOT) for name in named]
    found = [path.relative_to(ROOT) for part in ("core/format", "core/adapt") for path in sorted((ROOT / part).rglob("*.def"))]
    return named or found


def chosen(tree, args):
    for table in tables_of(args.tables):
        if not tree.users_of(table):
            print(f"{table}: stands in a header and is not changed here", flush=True)
            continue
        mutants = list(rows.mutants_of(str(table), (ROOT / table).read_text()))
        drops = [m for m in mutants if m.change == "drop"]
        yield from rows.sample_of(drops, args.drops)
        yield from rows.sample_of([m for m in mutants if m.change != "drop"], args.share)


def read(path):
    known = {}
    if path.exists():
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            known[entry["key"]] = entry
    return known


def report(known, survivors=True):
    by_table = defaultdict(Counter)
    for entry in known.values():
        by_table[entry["table"]][entry["outcome"]] += 1
    total = sum(by_table.values(), Counter())
    for table, counts in [*sorted(by_table.items()), ("all", total)]:
        n = counts.total()
        print(f"{table}: {n} mutants, {counts['killed']} killed, {counts['conformance']} by conformance alone, {counts['survived']} survived")
    for entry in known.values() if survivors else ():
        if entry["outcome"] == "survived":
            print(f"{entry['table']}:{entry['line']}: {entry['row']}: {entry['change']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--build", default=ROOT / "build", type=Path)
    parser.add_argument("--share", default=0.1, type=float)
    parser.add_argument("--drops", default=1.0, type=float)
    parser.add_argument("--seconds", default=0, type=int, help="stop after these, 0 for never")
    parser.add_argument("--again", action="store_true", help="try again what survived or conformance alone saw")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("tables", nargs="*")
    args = parser.parse_args()
    record = args.work / "mutants.jsonl"
    known = read(record)
    if args.report:
        report(known)
        return 0
    tree = Tree(args.build, args.work / "tree")
    tree.make()
    judge = Judge(tree, Fixtures(args.build, args.work / "fixtures", tree))
    failing = judge.failing(None)
    if failing:
        raise SystemExit(f"{failing} fails without any mutant")
    began = time.monotonic()
    with record.open("a") as out:
        for mutant in chosen(tree, args):
            old = known.get(mutant.key)
            if old and not (args.again and old["outcome"] != "killed"):
                continue
            if args.seconds and time.monotonic() - began > args.seconds:
                break
            outcome, by = judge.judge(mutant)
            entry = {"key": mutant.key, "table": mutant.table, "line": mutant.line, "row": mutant.row, "change": mutant.change, "outcome": outcome, "by": by}
            known[mutant.key] = entry
            print(json.dumps(entry), file=out, flush=True)
    report(known, survivors=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
