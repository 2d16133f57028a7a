# SPDX-License-Identifier: Apache-2.0
"""The models that real Keras judges (../fixtures), as cases for the program that runs the golden ones.

Which rows a conversion used stands in its report; a mutant is tried with a few models that use its row.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from tree import ROOT

FAMILIES = ("zoo", "zoo1", "zoo3", "zip2", "training", "weights", "lambdas", "op_layers")
TARGETS = (("keras", ".keras"), ("keras-h5", ".h5"))
TRIED = 8  # models for one row
OTHERS = 24  # where no model's report names it


def pick(some, n):
    """n of them, from all over."""
    return some[:: max(1, len(some) // n)][:n]


class Fixtures:
    def __init__(self, build, folder, tree):
        self.folder, self.tree = folder, tree
        self.kferry = Path(build) / "kferry"
        (folder / "cases").mkdir(parents=True, exist_ok=True)
        index = folder / "index.json"
        if not index.exists():
            index.write_text(json.dumps(self.index()))
        self.rules = json.loads(index.read_text())
        self.known = {}

    def index(self):
        """{rule: cases whose conversion used it}"""
        jobs = []
        for family in FAMILIES:
            for path in sorted((ROOT / "tests/fixtures" / family).glob("*")):
                if path.suffix in (".h5", ".keras", ".json", ".safetensors", ".zip") and not self.packed(path):
                    jobs += [(family, path, *target) for target in TARGETS]
        rules = {}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, used in pool.map(lambda job: self.make_case(*job), jobs):
                for rule in used:
                    rules.setdefault(rule, []).append(name)
        return rules

    @staticmethod
    def packed(path):
        return path.suffix == ".zip" and path.with_suffix("").exists()

    def make_case(self, family, path, target, suffix):
        name = f"{family}-{path.name.replace('.', '_')}-{target}"
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [self.kferry, "convert", path, "-q", "-o", f"{folder}/out{suffix}", "--report", f"{folder}/r.json"],
                capture_output=True, timeout=60,
            )
            report = Path(folder) / "r.json"
            used = json.loads(report.read_text()).get("rules") if report.exists() else None
        if not used:
            return name, []
        case = self.folder / "cases" / name
        case.mkdir(exist_ok=True)
        source = case / ("in" + "".join(path.suffixes[-2:]))
        if not source.is_symlink():
            source.symlink_to(path)
        (case / "options.json").write_text(json.dumps({"to": target}))
        return name, [rule if isinstance(rule, str) else rule["name"] for rule in used]

    def cases_of(self, row):
        words = re.findall(r'"((?:[^"\\]|\\.)*)"', row)
        parts = {".".join(words[:n]) for n in (1, 2)} | set(words[1:2])
        named = [cases for rule, cases in self.rules.items() if rule.split(":")[-1].partition(" ")[0] in parts or rule.split(":", 1)[-1] in parts]
        found = sorted({case for cases in named for case in pick(cases, TRIED)})
        everything = sorted({case for cases in self.rules.values() for case in cases})
        return pick(found, TRIED) or pick(everything, OTHERS)

    def outcome(self, cases, environment):
        """What each case gives."""
        with tempfile.TemporaryDirectory() as out:
            subprocess.run(
                ["timeout", "120", self.tree.folder / "golden", "--out", out, self.folder / "cases", *cases],
                env=environment, capture_output=True,
            )
            return {case: self.said(Path(out) / case) for case in cases}

    @staticmethod
    def said(folder):
        parts = [p.read_text() if p.exists() else None for p in (folder / "tree.json", folder / "config.json")]
        report = folder / "report.json"
        return [*parts, json.loads(report.read_text()).get("verdict") if report.exists() else None]

    def differ(self, row, environment):
        """The first case that gives something else than without the mutant, or None."""
        cases = self.cases_of(row)
        new = [case for case in cases if case not in self.known]
        if new:
            self.known.update(self.outcome(new, {"PATH": "/usr/bin:/bin"}))
        got = self.outcome(cases, environment)
        return next((case for case in cases if got[case] != self.known[case]), None)
