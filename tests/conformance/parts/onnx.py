"""Models of every source written as ONNX, judged by ONNX Runtime against the outputs of the Keras that made them."""
import collections
import csv
import json
import subprocess

from parts.keras3 import count_one, listed
from suite import FIXTURES, HERE, convert_all, table

REFUSED = HERE / "REFUSED-onnx.tsv"
LIMITS = HERE / "LIMITS-onnx.tsv"
# The zoo, the suffix of what is read, the operator set, and every how many-th model is taken.
TASKS = {
    "zoo3-17": ("zoo3", ".keras", "17", 1),
    "zoo-17": ("zoo", ".h5", "17", 1),
    "zoo1-17": ("zoo1", ".h5", "17", 1),
    "own-17": ("onnx", ".keras", "17", 1),
    "own-13": ("onnx", ".keras", "13", 1),
    "zoo3-13": ("zoo3", ".keras", "13", 3),
    "zoo3-21": ("zoo3", ".keras", "21", 3),
}
THEANO = ("old_theano_",)
# Rows of the tables of ONNX: used is one that a model which is right has used.
ROWS = ("onnx:", "onnx-operation:", "onnx-activation:", "onnx-gate:")


def judge(options, folder, refs, rows):
    """{id: result} of onnx_judge.py."""
    listing, results = folder / "judged.list", folder / "judged.jsonl"
    listing.write_text("".join(f"{id}\t{path}\t{tolerance}\n" for id, path, tolerance in rows))
    python = options.envs / "onnx" / "bin" / "python"
    subprocess.run([str(c) for c in (python, HERE / "onnx_judge.py", listing, refs, results)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {line["id"]: line for line in map(json.loads, results.open())}


def told(opset):
    return lambda id: ["--opset", opset] + (["--backend", "theano"] if id.startswith(THEANO) else [])


def run_task(options, tally, used, task):
    zoo, suffix, opset, every = TASKS[task]
    manifest = {row["id"]: row for row in csv.DictReader((FIXTURES / zoo / "MANIFEST.tsv").open(), delimiter="\t")}
    files = {id: FIXTURES / zoo / (id + suffix) for id in list(manifest)[::every] if options.only in id}
    files = {id: path for id, path in files.items() if path.exists()}
    folder = options.work / f"onnx-{task}"
    converted = convert_all(options, files, folder, told(opset), to="onnx", suffix=".onnx")
    refused, limits = listed(REFUSED, task), listed(LIMITS, task)
    done = [id for id in files if converted[id][0] == 0 and id not in limits]
    results = judge(options, folder, FIXTURES / zoo, [(id, folder / f"{id}.onnx", manifest[id]["tolerance"]) for id in done])
    count, groups = collections.Counter(), collections.defaultdict(collections.Counter)
    for id in files:
        right = bool(results.get(id, {}).get("ok"))
        used.update(rule for rule in converted[id][1].get("rules", []) if right or not rule.startswith(ROWS))
        count_one(tally, count, f"onnx/{task}/{id}", converted[id], refused.get(id), limits.get(id), results.get(id, {}))
        groups[manifest[id]["group"]]["refused" if converted[id][0] else "right" if right else "not right"] += 1
    table(f"{zoo} as ONNX, opset {opset}: {len(files)} models", sorted(count.items()))
    for group in sorted(groups):
        print(f"    {group}: " + ", ".join(f"{n} {what}" for what, n in sorted(groups[group].items())))


def run(options, tally, used):
    if "onnx" not in options.keras:
        return
    for task in TASKS:
        run_task(options, tally, used, task)
