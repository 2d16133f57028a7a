"""Models of every source written as ONNX, judged by ONNX Runtime against the outputs of the Keras that made them."""
import collections
import csv
import json
import subprocess
import tarfile

from parts.keras3 import count_one, listed
from suite import FIXTURES, HERE, convert_all, reasons, table, verdict_of

REFUSED = HERE / "REFUSED-onnx.tsv"
LIMITS = HERE / "LIMITS-onnx.tsv"
# What each row of the mapping from Keras to ONNX is proven by: task/model, and how many Transposes each of them may have.
MAPPING = HERE / "MAPPING-onnx.tsv"
# The zoo, the suffix of what is read, the operator set, and every how many-th model is taken (all with --whole).
TASKS = {
    "zoo3-17": ("zoo3", ".keras", "17", 1),
    "zoo-17": ("zoo", ".h5", "17", 1),
    "zoo1-17": ("zoo1", ".h5", "17", 1),
    "own-17": ("onnx", ".keras", "17", 1),
    "own-13": ("onnx", ".keras", "13", 1),
    "own-21": ("onnx", ".keras", "21", 1),
    "zoo3-13": ("zoo3", ".keras", "13", 3),
    "zoo3-21": ("zoo3", ".keras", "21", 3),
}
# Models of zoo3 with weights that are large enough to stand in a file of their own.
BESIDE = ("stft_spectrogram", "stft_spectrogram_phase")
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
    """{task/id: result} of the models that were judged."""
    zoo, suffix, opset, every = TASKS[task]
    manifest = {row["id"]: row for row in csv.DictReader((FIXTURES / zoo / "MANIFEST.tsv").open(), delimiter="\t")}
    chosen = list(manifest) if options.whole or options.only else list(manifest)[::every]
    files = {id: FIXTURES / zoo / (id + suffix) for id in chosen if options.only in id}
    files = {id: path for id, path in files.items() if path.exists()}
    folder = options.work / f"onnx-{task}"
    converted = convert_all(options, files, folder, told(opset), to="onnx", suffix=".onnx")
    refused, limits = ({**listed(path, zoo), **listed(path, task)} for path in (REFUSED, LIMITS))
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
    return {f"{task}/{id}": result for id, result in results.items()}


def run_mapping(options, tally, results):
    """Every row of the mapping, by the models that prove it."""
    count = collections.Counter()
    for row in csv.DictReader(MAPPING.open(), delimiter="\t"):
        for id in row["models"].split():
            if options.only and id not in results:
                continue
            result = results.get(id, {})
            ok = bool(result.get("ok")) and result["transposes"] <= int(row["transposes"] or result["transposes"])
            count["right" if ok else "not right"] += 1
            tally.check(ok, f"onnx/mapping/{row['keras']}/{id}", f"{verdict_of(result)}, {result.get('transposes')} Transposes")
    table("models that prove the mapping to ONNX", sorted(count.items()))


def run_wild(options, tally, files, tolerances, refs):
    """Wild files against what their own Keras says of them, which is in `refs` for those that have a tolerance."""
    folder, count = options.work / "onnx-wild", collections.Counter()
    converted = convert_all(options, files, folder, to="onnx", suffix=".onnx")
    results = judge(options, folder, refs, [(id, folder / f"{id}.onnx", tolerances[id]) for id in tolerances if converted[id][0] == 0])
    for id in files:
        status, report = converted[id]
        if id in results:
            count["right" if results[id].get("ok") else "wrong"] += 1
            tally.check(bool(results[id].get("ok")), f"onnx/wild/{id}", verdict_of(results[id]))
        else:
            count["without a truth" if status == 0 else "refused" if status == 65 else "broken"] += 1
            tally.check(status in (0, 65), f"onnx/wild/{id}", f"exit status {status}: {report.get('error')}")
            if status == 65:
                print(f"  refused {id}: {reasons(report)}")
    table(f"wild files as ONNX: {len(files)}", sorted(count.items()))


def run_beside(options, tally):
    """Models whose weights stand in a file beside them."""
    files = {id: FIXTURES / "zoo3" / f"{id}.keras" for id in BESIDE if options.only in id}
    files = {id: path for id, path in files.items() if path.exists()}
    folder = options.work / "onnx-beside"
    converted = convert_all(options, files, folder, lambda id: ["--archive", "tar"], to="onnx-data", suffix=".tar")
    done = [id for id in files if converted[id][0] == 0]
    for id in done:
        with tarfile.open(folder / f"{id}.tar") as archive:
            archive.extractall(folder / id)
    results = judge(options, folder, FIXTURES / "zoo3", [(id, folder / id / "onnx" / "model.onnx", 1e-5) for id in done])
    for id in files:
        apart = id in done and (folder / id / "onnx" / "model.onnx.data").exists()
        tally.check(apart and bool(results[id].get("ok")), f"onnx/beside/{id}", verdict_of(results.get(id)))


def run(options, tally, used):
    if "onnx" not in options.keras:
        return
    results = {}
    for task in TASKS:
        results.update(run_task(options, tally, used, task))
    run_mapping(options, tally, results)
    run_beside(options, tally)
