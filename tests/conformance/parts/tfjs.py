"""Models of every source written for TensorFlow.js, which runs them on Node against the outputs of the Keras that made them.

What was written is read back: every tensor must be what it was. Models that TensorFlow.js made itself (fixtures/tfjs) are judged
by Keras 3.
"""
import collections
import csv
import json
import subprocess

from parts.wild import FAMILIES, wild_files
from suite import FIXTURES, HERE, convert_all, count_one, judge, listed, reasons, table, verdict_of

REFUSED = HERE / "REFUSED-tfjs.tsv"
# The zoo, the suffix of what is read, and every how many-th model is taken.
TASKS = {"zoo3": (".keras", 1), "zoo": (".h5", 1), "zoo1": (".h5", 4)}
# Layers that TensorFlow.js has not: of the models with one only every so many-th is tried.
LACKED = set("""SlicingOpLambda AdditiveAttention Discretization IntegerLookup StringLookup TextVectorization ConvLSTM1D ConvLSTM3D
    GroupNormalization UnitNormalization Cropping3D UpSampling3D ZeroPadding3D LocallyConnected1D LocallyConnected2D Hashing
    StackedRNNCells GroupQueryAttention""".split())
EVERY = 12
# Every so many-th that is right is read back, and of those every so many-th judged once more.
BACK, JUDGED = 3, 16
# Of wild files every how many-th is taken there and back.
WILD = 2
# How weights are made smaller, and how far outputs may be off for it. The models, of the zoo of Keras 2.
QUANTIZED = {"float16": 2e-3, "uint16": 1e-3, "uint8": 5e-2}
SMALL = ("dense", "conv2d", "lstm", "bidirectional_gru_before")
THEANO = ("old_theano_",)
# Rows of the tables of TensorFlow.js: used is one that a model which is right has used, or one that refused.
ROWS = ("tfjs:", "tfjs-idle:", "tfjs-masked:", "tfjs-activation:", "tfjs-object:", "tfjs-instead:", "tfjs-operation:")
# Layers that others stand in for with other weights: what is read back is judged, and not held against the weights that there were.
OTHER_WEIGHTS = ("heads", "gru", "both_gru", "normalization")


def judge_there(options, folder, refs, rows):
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
    results = judge_there(options, folder, FIXTURES / zoo, [(id, folder / f"{id}.zip", manifest[id]["tolerance"]) for id in done])
    count, groups = collections.Counter(), collections.defaultdict(collections.Counter)
    for id in files:
        right = bool(results.get(id, {}).get("ok"))
        used.update(rule for rule in converted[id][1].get("rules", []) if right or not rule.startswith(ROWS))
        count_one(tally, count, f"tfjs/{zoo}/{id}", converted[id], refused.get(id), None, results.get(id, {}))
        groups[manifest[id]["group"]]["refused" if converted[id][0] else "right" if right else "not right"] += 1
    table(f"{zoo} for TensorFlow.js: {len(files)} models", sorted(count.items()))
    for group in sorted(groups):
        print(f"    {group}: " + ", ".join(f"{n} {what}" for what, n in sorted(groups[group].items())))


    right = [id for id in done if results.get(id, {}).get("ok")]
    back = {id: files[id] for id in right[:: 1 if options.whole or options.only else BACK]}
    read_back(options, tally, used, zoo, back, told, other={id for id in back if has_other_weights(converted[id][1])})


def values(report):
    """How often each checksum of a tensor is there."""
    return collections.Counter(row["checksum"]["after"]["value"] for row in report.get("tensors", []))


def has_other_weights(report):
    return any(rule.startswith("tfjs-instead:") and rule.split(":")[1] in OTHER_WEIGHTS for rule in report.get("rules", []))


def read_back(options, tally, used, zoo, files, told, judged=True, other=()):
    """To .keras from what was written for TensorFlow.js, and by way of a file of the Keras whose words that speaks."""
    folder = options.work / f"tfjs-{zoo}-back"
    release = lambda id: [*told(id), "--keras", "2.12"]
    by_way = convert_all(options, files, folder / "h5", release, to="h5", suffix=".h5")
    direct = convert_all(options, {id: folder / "h5" / f"{id}.h5" for id in files if by_way[id][0] == 0}, folder / "direct")
    back = convert_all(options, {id: options.work / f"tfjs-{zoo}" / f"{id}.zip" for id in files}, folder)
    for id in files:
        status, report = back[id]
        used.update(report.get("rules", []))
        wanted_status, wanted_report = direct.get(id, (0, {}))
        wanted, found = values(wanted_report), values(report)
        same = found == wanted if wanted_report.get("training") == "none" else not found - wanted
        stands_in = status == 0 != wanted_status  # for a layout that Keras 3 computes otherwise
        tally.check(stands_in or (status == wanted_status and (same or id in other)), f"tfjs/{zoo}/back/{id}", reasons(report) if status else "a tensor is read otherwise")
    chosen = [id for id in files if back[id][0] == 0 and id not in other][:: 1 if options.whole or options.only else JUDGED]
    chosen += [id for id in other if back[id][0] == 0]
    if "k3" not in options.keras or not judged:
        return
    results = judge(options.envs / "k3" / "bin" / "python", folder, FIXTURES / zoo, chosen)
    for id in chosen:
        tally.check(bool(results.get(id, {}).get("ok")), f"tfjs/{zoo}/back/{id}/judged", str(results.get(id)))
    table(f"{zoo} back from TensorFlow.js: {len(files)} models", [(len(chosen), "of them judged by Keras 3")])


def run_wild(options, tally, used):
    """Wild whole models there and back: what TensorFlow.js has all layers of comes back tensor by tensor."""
    files = {id: path for container, major, _ in FAMILIES.values() for id, path in wild_files(options.wild, container, major).items()
             if options.only in id}
    files = dict(list(files.items())[:: 1 if options.whole or options.only else WILD])
    converted = convert_all(options, files, options.work / "tfjs-wild", to="tfjs", suffix=".zip")
    done = {id: path for id, path in files.items() if converted[id][0] == 0}
    for id in files:
        tally.check(converted[id][0] in (0, 65), f"tfjs/wild/{id}", f"exit status {converted[id][0]}: {converted[id][1].get('error')}")
    read_back(options, tally, used, "wild", done, lambda id: [], judged=False, other={id for id in done if has_other_weights(converted[id][1])})
    table(f"wild files for TensorFlow.js: {len(files)} models", [(len(done), "there and back"), (len(files) - len(done), "refused")])


def run_quantized(options, tally):
    """TensorFlow.js loads models with small weights itself, and predicts nearly the same."""
    files = {id: FIXTURES / "zoo" / f"{id}.h5" for id in SMALL if options.only in id}
    for kind, tolerance in QUANTIZED.items():
        folder = options.work / f"tfjs-{kind}"
        converted = convert_all(options, files, folder, lambda id: ["--quantize", kind, "--allow", "lossy"], to="tfjs", suffix=".zip")
        done = [id for id in files if converted[id][0] == 0]
        results = judge_there(options, folder, FIXTURES / "zoo", [(id, folder / f"{id}.zip", tolerance) for id in done])
        for id in files:
            tally.check(bool(results.get(id, {}).get("ok")), f"tfjs/{kind}/{id}", verdict_of(results.get(id)))


def run_own(options, tally, used):
    """What TensorFlow.js made and computed itself."""
    manifest = csv.DictReader((FIXTURES / "tfjs" / "MANIFEST.tsv").open(), delimiter="\t")
    files = {row["id"]: FIXTURES / "tfjs" / f"{row['id']}.tar" for row in manifest if options.only in row["id"]}
    folder = options.work / "tfjs-own"
    converted, refused = convert_all(options, files, folder), listed(REFUSED, "own")
    done = [id for id in files if converted[id][0] == 0]
    results = judge(options.envs / "k3" / "bin" / "python", folder, FIXTURES / "tfjs", done)
    count = collections.Counter()
    for id in files:
        used.update(converted[id][1].get("rules", []))
        count_one(tally, count, f"tfjs/own/{id}", converted[id], refused.get(id), None, results.get(id, {}))
    table(f"made by TensorFlow.js, in Keras 3: {len(files)} models", sorted(count.items()))


def run(options, tally, used):
    if "k3" in options.keras:
        run_own(options, tally, used)
    if "tfjs" not in options.keras:
        return
    for zoo in TASKS:
        run_task(options, tally, used, zoo)
    run_quantized(options, tally)
    if options.wild:
        run_wild(options, tally, used)
