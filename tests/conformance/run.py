#!/usr/bin/env python3
"""Conformance: real Keras loads what kferry wrote and predicts what the original predicted.

    run.py --kferry build/kferry --work DIR --envs DIR [--keras k3] [--wild DIR] [--only TEXT]

The zoo (tests/fixtures/zoo, made by zoo.py in real tf.keras 2.15, outputs included) is converted,
loaded in real Keras and compared; refusals are held against REFUSED.tsv; rows of the core's tables
that no conversion used fail the run. With --wild, whole-model .h5 files of Keras 2 found there are
first run in real tf.keras 2.15, which gives their truth. Ends with `N passed, N failed, N skipped`.
"""
import argparse
import collections
import concurrent.futures
import csv
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ZOO = HERE.parent / "fixtures" / "zoo"
RELEASE = {"k3": None, "k30": "3.0"}
# What a model's conversion is told beside its file.
TOLD = {"old_theano_": ["--backend", "theano"]}
# Keras 3 runs these on a CPU only by oneDNN, which rounds bfloat16 otherwise than 2.15 did.
ONEDNN = ("channels_first", "conv2d_transpose_dilated")
# The oldest Keras 3 sees every EVERY-th model of the zoo, and those that are written otherwise for it.
EVERY = {"k3": 1, "k30": 5}
ALWAYS = ("initializer/", "recurrent/lstm", "recurrent/gru")


def convert(kferry, source, target, report, keras=None):
    """Converts one file; the exit status, and the report."""
    command = [kferry, "convert", source, "-o", target, "--to", "keras", "--report", report]
    if keras:
        command += ["--keras", keras]
    for prefix, told in TOLD.items():
        if pathlib.Path(source).name.startswith(prefix):
            command += told
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    try:
        return done.returncode, json.loads(pathlib.Path(report).read_text())
    except (OSError, ValueError):
        return done.returncode, {"verdict": "none", "error": done.stderr.strip()[-400:]}


def convert_all(options, files, folder, keras=None):
    """{id: (status, report)} of converting {id: path}."""
    folder.mkdir(parents=True, exist_ok=True)

    def one(item):
        id, path = item
        return id, convert(options.kferry, path, folder / f"{id}.keras", folder / f"{id}.json", keras)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(pool.map(one, files.items()))


def judge(python, folder, refs, ids, suffix="", reference=False, files=None, onednn=False):
    """{id: result} of judge.py in a real Keras, in two processes."""
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1" if onednn else "0"}
    parts = [ids[i::2] for i in range(2)]
    results = [folder / f"judged{suffix}-{i}.jsonl" for i in range(2)]
    running = []
    for part, result in zip(parts, results):
        result.unlink(missing_ok=True)
        listing = result.with_suffix(".list")
        listing.write_text("".join(f"{id}\t{(files or {}).get(id, folder / (id + '.keras'))}\n" for id in part))
        command = [python, HERE / "judge.py"] + (["--reference"] if reference else [])
        running.append(subprocess.Popen([str(c) for c in command + [listing, refs, result]], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for process in running:
        process.wait()
    lines = [json.loads(line) for result in results if result.exists() for line in result.open()]
    return {line["id"]: line for line in lines}


def reasons(report):
    """Codes and places of what was refused."""
    entries = report.get("layer_mismatches", []) + report.get("needs", []) + report.get("problems", [])
    return "; ".join(sorted({f"{e['code']}: {e['reason']}" for e in entries}))[:300] or report.get("error", "")


class Tally:
    """Counts, and says what failed as it is found."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0

    def check(self, ok, name, why=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {why}", flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print(f"skipped {name}: {why}", flush=True)


def verdict_of(result):
    if not result:
        return "was not judged"
    return f"{result['stage']}: {result.get('error') or 'difference %.3g of %.3g' % (result.get('maxdiff', -1), result.get('scale', -1))}"


def table(title, rows):
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {value:6}  {name}")


def run_zoo(options, tally, environment, used):
    manifest = {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")}
    chosen = set(list(manifest)[::EVERY[environment]]) | {id for id, row in manifest.items() if f"{row['group']}/{id}".startswith(ALWAYS)}
    files = {id: ZOO / f"{id}.h5" for id in manifest if id in chosen and options.only in id}
    release = RELEASE[environment]
    folder = options.work / f"zoo-{environment}"
    converted = convert_all(options, files, folder, release)
    refused = {(row["id"]): row for row in csv.DictReader((HERE / "REFUSED.tsv").open(), delimiter="\t")}
    limits = {row["id"]: row["reason"] for row in csv.DictReader((HERE / "LIMITS.tsv").open(), delimiter="\t")
              if row["environment"] == environment}
    done = [id for id in files if converted[id][0] == 0 and id not in limits]
    special = {id for id in done if id in ONEDNN or manifest[id]["group"] in ONEDNN}
    python = options.envs / environment / "bin" / "python"
    results = judge(python, folder, ZOO, [id for id in done if id not in special])
    results.update(judge(python, folder, ZOO, sorted(special), "-onednn", onednn=True))
    count = collections.Counter()
    for id in files:
        status, report = converted[id]
        used.update(report.get("rules", []))
        if id in limits:
            count["beyond this Keras"] += 1
            tally.skip(f"zoo/{environment}/{id}", limits[id])
        elif status == 0:
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok, f"zoo/{environment}/{id}", verdict_of(results.get(id)))
        elif status == 65:
            expected = refused.get(id, {}).get("code", "")
            count["refused, as listed" if expected else "refused, not listed"] += 1
            codes = reasons(report)
            if environment == "k3" or expected:
                tally.check(bool(expected) and expected in codes, f"zoo/{environment}/{id}",
                            f"refused: {codes}" if not expected else f"listed {expected}, got {codes}")
        else:
            count["broken"] += 1
            tally.check(False, f"zoo/{environment}/{id}", f"exit status {status}: {report.get('error')}")
    if environment == "k3" and not options.only:
        for id in refused:
            tally.check(converted.get(id, (0,))[0] == 65, f"refused/{id}", "is listed but was not refused")
    table(f"zoo in {environment}: {len(files)} models", sorted(count.items()))


def run_coverage(options, tally, used):
    """Every row of the tables, used by at least one conversion of the zoo."""
    worker = pathlib.Path(options.kferry).resolve().parent / "kferry-worker"
    rows = subprocess.run([worker, "rules"], capture_output=True, text=True, check=True).stdout.splitlines()
    unused = {line.strip() for line in (HERE / "UNUSED.txt").read_text().splitlines() if line and line[0] != "#"}
    for row in rows:
        tally.check((row in used) != (row in unused), f"row/{row}",
                    "is listed as unused but was used" if row in used else "no conversion of the zoo used it")


def wild_files(folder):
    index = csv.DictReader((folder / "INDEX.tsv").open(), delimiter="\t")
    return {row["file"].rsplit(".", 1)[0]: folder / row["file"] for row in index
            if row["container"] == "h5 whole-model" and row["keras_version"].startswith("2")}


def run_wild(options, tally):
    files = {id: path for id, path in wild_files(options.wild).items() if options.only in id}
    folder, refs = options.work / "wild", options.work / "wild-refs"
    truth = judge(options.envs / "k2" / "bin" / "python", folder, refs, list(files), "-truth", True, files) \
        if not folder.mkdir(parents=True, exist_ok=True) else {}
    converted = convert_all(options, files, folder)
    done = [id for id in files if converted[id][0] == 0 and truth.get(id, {}).get("ok")]
    results = judge(options.envs / "k3" / "bin" / "python", folder, refs, done)
    count = collections.Counter()
    for id in files:
        status, report = converted[id]
        has_truth = bool(truth.get(id, {}).get("ok"))
        count["with a truth" if has_truth else "without a truth"] += 1
        if status == 65:
            count[f"refused ({'with' if has_truth else 'without'} a truth)"] += 1
            print(f"  refused {id}: {reasons(report)}")
            tally.check(not has_truth, f"wild/{id}", f"refused: {reasons(report)}")
        elif status != 0:
            tally.check(False, f"wild/{id}", f"exit status {status}: {report.get('error')}")
        elif has_truth:
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok, f"wild/{id}", verdict_of(results.get(id)))
        else:
            count["converted without a truth"] += 1
            print(f"  no truth {id}: {verdict_of(truth.get(id))}")
    table(f"wild whole-model .h5 of Keras 2: {len(files)} files", sorted(count.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kferry", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--envs", type=pathlib.Path, required=True)
    parser.add_argument("--wild", type=pathlib.Path)
    parser.add_argument("--keras", nargs="*", default=["k3", "k30"])
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    subprocess.run([sys.executable, HERE / "pack.py", "unpack", ZOO, ZOO], check=True)
    tally, used = Tally(), set()
    for environment in options.keras:
        run_zoo(options, tally, environment, used)
    if not options.only:
        run_coverage(options, tally, used)
    if options.wild:
        run_wild(options, tally)
    print(f"conformance: {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
