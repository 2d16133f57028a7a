"""Models of every source written for TensorFlow.js, which runs them on Node against the outputs of the Keras that made them."""
import collections
import csv
import json
import subprocess

from suite import FIXTURES, HERE, convert_all, count_one, listed, table

REFUSED = HERE / "REFUSED-tfjs.tsv"
# The zoo, the suffix of what is read, and every how many-th model is taken.
TASKS = {"zoo3": (".keras", 1), "zoo": (".h5", 1), "zoo1": (".h5", 4)}
# Layers that TensorFlow.js has not: of the models with one only every so many-th is tried.
LACKED = set("""TFOpLambda SlicingOpLambda Subtract MultiHeadAttention Attention AdditiveAttention Normalization SeparableConv1D
    Discretization IntegerLookup StringLookup TextVectorization ConvLSTM1D ConvLSTM3D EinsumDense Conv1DTranspose DepthwiseConv1D
    GroupNormalization UnitNormalization GlobalAveragePooling3D GlobalMaxPooling3D Cropping1D Cropping3D UpSampling1D UpSampling3D
    ZeroPadding1D ZeroPadding3D LocallyConnected1D LocallyConnected2D Hashing StackedRNNCells GroupQueryAttention""".split())
EVERY = 12
THEANO = ("old_theano_",)
# Rows of the tables of TensorFlow.js: used is one that a model which is right has used, or one that refused.
ROWS = ("tfjs:", "tfjs-idle:", "tfjs-activation:", "tfjs-object:")


def judge(options, folder, refs, rows):
    """{id: result} of tfjs_judge.py."""
    listing, results = folder / "judged.list", folder / "judged.jsonl"
    listing.write_text("".join(f"{id}\t{path}\t{tolerance}\n" for id, path, tolerance in rows))
    python = options.envs / "tfjs" / "bin" / "python"
    subprocess.run([str(c) for c in (python, HERE / "tfjs_judge.py", listing, refs, results)], check=True)
    return {line["id"]: line for line in map(json.loads, results.open())}


def chosen(options, zoo):
    """{id: path} of the models that are tried, and the rows of the manifest."""
    suffix, every = TASKS[zoo]
    rows = list(csv.DictReader((FIXTURES / zoo / "MANIFEST.tsv").open(), delimiter="\t"))
    rows = rows if options.whole or options.only else rows[::every]
    lacked = [row["id"] for row in rows if LACKED & set(row["classes"].replace(",", " ").split()) or row["group"].startswith("operations")]
    passed = set() if options.whole or options.only else set(lacked) - set(lacked[::EVERY])
    paths = {row["id"]: FIXTURES / zoo / (row["id"] + suffix) for row in rows if row["id"] not in passed and options.only in row["id"]}
    return {id: path for id, path in paths.items() if path.exists()}, {row["id"]: row for row in rows}


def run_task(options, tally, used, zoo):
    files, manifest = chosen(options, zoo)
    folder = options.work / f"tfjs-{zoo}"
    told = lambda id: ["--backend", "theano"] if id.startswith(THEANO) else []
    converted = convert_all(options, files, folder, told, to="tfjs", suffix=".zip")
    refused = listed(REFUSED, zoo)
    done = [id for id in files if converted[id][0] == 0]
    results = judge(options, folder, FIXTURES / zoo, [(id, folder / f"{id}.zip", manifest[id]["tolerance"]) for id in done])
    count, groups = collections.Counter(), collections.defaultdict(collections.Counter)
    for id in files:
        right = bool(results.get(id, {}).get("ok"))
        used.update(rule for rule in converted[id][1].get("rules", []) if right or not rule.startswith(ROWS))
        count_one(tally, count, f"tfjs/{zoo}/{id}", converted[id], refused.get(id), None, results.get(id, {}))
        groups[manifest[id]["group"]]["refused" if converted[id][0] else "right" if right else "not right"] += 1
    table(f"{zoo} for TensorFlow.js: {len(files)} models", sorted(count.items()))
    for group in sorted(groups):
        print(f"    {group}: " + ", ".join(f"{n} {what}" for what, n in sorted(groups[group].items())))


def run(options, tally, used):
    if "tfjs" not in options.keras:
        return
    for zoo in TASKS:
        run_task(options, tally, used, zoo)
