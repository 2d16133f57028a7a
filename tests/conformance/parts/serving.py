"""Models of every source written as SavedModels that serve, judged by TensorFlow 2.15 and 2.21 against the outputs of their own Keras.

Each is loaded twice by serving_judge.py: by Python, and through the C API as TensorFlow Serving loads it. A selection of each zoo is
taken, and with `--whole` all of it. Some are run by saved_model_cli as well. What is refused stands in REFUSED-savedmodel.tsv.
"""
import collections
import csv
import json
import os
import re
import subprocess
import tarfile

from parts import onnx
from suite import FIXTURES, HERE, convert_all, count_one, judge, listed, reasons, table, verdict_of

REFUSED = HERE / "REFUSED-savedmodel.tsv"
LIMITS = HERE / "LIMITS-savedmodel.tsv"
# The zoo, the suffix of what is read, and every how many-th model TensorFlow 2.15 and 2.21 get.
TASKS = {"zoo3": ("zoo3", ".keras", 3, 8), "zoo": ("zoo", ".h5", 8, 24), "zoo1": ("zoo1", ".h5", 8, 24), "own": ("onnx", ".keras", 1, 3)}
# Models that are always judged: what they show is no operator of their own.
ALWAYS = {"activation_sparsemax", "mha_window", "conv2d_groups", "name_upper_case"}
RELEASES = ("k2", "k3")
# What saved_model_cli shows and runs, in this environment.
CLI, COMMANDS = "k2", ("dense_softmax", "lstm_states")
ROWS = ("tensorflow:",)
# A LayerNormalization of one element gives nothing but rounding, and is found in the wild: so many times what that makes.
STEPS = 4


def judge_in(environment, options, folder, refs, rows):
    """{id: result} of serving_judge.py for (id, tar, tolerance, source)."""
    listing, results = folder / f"judged-{environment}.list", folder / f"judged-{environment}.jsonl"
    results.unlink(missing_ok=True)
    listing.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    subprocess.run([str(c) for c in (options.envs / environment / "bin" / "python", HERE / "serving_judge.py", listing, refs, results)],
                   check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {line["id"]: line for line in map(json.loads, results.open())} if results.exists() else {}


def told(id):
    return ["--backend", "theano"] if id.startswith("old_theano_") else []


def merged(found, id, asked):
    """The results of one model in all environments that were asked as one: the first that is not right."""
    results = [found[name].get(id) for name in asked]
    return None if not results else next((r or {} for r in results if not (r or {}).get("ok")), results[0])


def operators(report):
    return {rule for rule in report.get("rules", []) if rule.startswith(ROWS)}


def with_all_operators(chosen, done, converted, used):
    """Those `chosen` of `done`, and the first model of each operator that none of them and nothing before has used."""
    chosen, seen = set(chosen), set(used)
    for id in sorted(done, key=lambda id: id not in chosen):
        own = operators(converted[id][1])
        if id in chosen or own - seen:
            chosen.add(id)
            seen |= own
    return [id for id in done if id in chosen]


def run_task(options, tally, used, task):
    zoo, suffix, *every = TASKS[task]
    manifest = {row["id"]: row for row in csv.DictReader((FIXTURES / zoo / "MANIFEST.tsv").open(), delimiter="\t")}
    files = {id: FIXTURES / zoo / (id + suffix) for id in manifest if options.only in id}
    files = {id: path for id, path in files.items() if path.exists()}
    folder = options.work / f"serving-{task}"
    converted = convert_all(options, files, folder, told, to="savedmodel", suffix=".tar")
    refused, limits = listed(REFUSED, task), listed(LIMITS, task)
    done = [id for id in files if converted[id][0] == 0 and id not in limits]
    steps = {name: 1 if options.whole or options.only else step for name, step in zip(RELEASES, every)}
    asked = {name: [id for k, id in enumerate(done) if k % steps[name] == min(i, steps[name] - 1) or id in ALWAYS]
             for i, name in enumerate(RELEASES) if name in options.keras}
    first = next(iter(asked))
    asked[first] = with_all_operators(asked[first], done, converted, used)
    found = {name: judge_in(name, options, folder, FIXTURES / zoo,
                            [(id, folder / f"{id}.tar", manifest[id]["tolerance"], files[id]) for id in ids]) for name, ids in asked.items()}
    count = collections.Counter()
    for id in files:
        result = merged(found, id, [name for name, ids in asked.items() if id in ids])
        right = bool((result or {}).get("ok"))
        used.update(set(converted[id][1].get("rules", [])) - (set() if right else operators(converted[id][1])))
        count_one(tally, count, f"serving/{task}/{id}", converted[id], refused.get(id), limits.get(id), result)
    table(f"{zoo} as SavedModels: {len(files)} models; judged: " + ", ".join(f"{len(ids)} in {name}" for name, ids in asked.items()),
          sorted(count.items()))


def unpacked(path, folder):
    with tarfile.open(path) as archive:
        archive.extractall(folder)
    return folder / "saved_model"


def run_cli(options, tally):
    """saved_model_cli shows the signature, and runs it with the inputs that are kept."""
    home, tool = options.work / "serving-zoo3", options.envs / CLI / "bin" / "saved_model_cli"
    for id in COMMANDS if tool.exists() else ():
        if not (home / f"{id}.tar").exists():
            continue
        folder = unpacked(home / f"{id}.tar", options.work / "serving-cli" / id)
        command = [str(c) for c in (tool, "show", "--dir", folder, "--tag_set", "serve", "--signature_def", "serving_default")]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        shown = subprocess.run(command, capture_output=True, text=True, env=environment)
        name = (re.findall(r"inputs\['(.*?)'\]", shown.stdout) or [""])[0]
        given = f"{name}={FIXTURES / 'zoo3' / (id + '.npz')}[in0]"
        command = [str(c) for c in (tool, "run", "--dir", folder, "--tag_set", "serve", "--signature_def", "serving_default", "--inputs", given)]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment)
        tally.check("predict" in shown.stdout and "Result for output key" in ran.stdout, f"serving/cli/{id}", shown.stdout[-200:] + ran.stderr[-200:])


def run_wild(options, tally):
    """Wild files of Keras: what their own Keras says is what the SavedModel computes."""
    index = list(csv.DictReader((options.wild / "INDEX.tsv").open(), delimiter="\t"))
    files = {row["file"]: options.wild / row["file"] for row in index if options.only in row["file"]}
    folder, count = options.work / "serving-wild", collections.Counter()
    converted = convert_all(options, files, folder, to="savedmodel", suffix=".tar")
    done = [id for id in files if converted[id][0] == 0]
    truth = {}
    for name in RELEASES:
        if name in options.keras:
            left = {id: f"{files[id]}\t" for id in done if id not in truth}  # with how far rounding moves it
            made = judge(options.envs / name / "bin" / "python", folder, folder / "refs", list(left), "-truth", True, left)
            truth.update({id: result for id, result in made.items() if result.get("ok")})
    if "onnx" in options.keras:
        onnx.run_wild(options, tally, files, {id: max(1e-5, STEPS * result["rounding"]) for id, result in truth.items()}, folder / "refs")
    results = judge_in(RELEASES[0], options, folder, folder / "refs",
                       [(id, folder / f"{id}.tar", max(1e-5, STEPS * result["rounding"]), files[id]) for id, result in truth.items()])
    for id in files:
        status, report = converted[id]
        if status == 0 and id in truth:
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok, f"serving/wild/{id}", verdict_of(results.get(id)))
        elif status == 65:
            count["refused"] += 1
            print(f"  refused {id}: {reasons(report)}")
        else:
            count["without a truth" if status == 0 else "broken"] += 1
            tally.check(status == 0, f"serving/wild/{id}", f"exit status {status}: {report.get('error')}")
    table(f"wild files as SavedModels: {len(files)}", sorted(count.items()))


def run(options, tally, used):
    if not set(RELEASES) & set(options.keras):
        return
    for task in TASKS:
        run_task(options, tally, used, task)
    if CLI in options.keras:
        run_cli(options, tally)
    if options.wild:
        run_wild(options, tally)
