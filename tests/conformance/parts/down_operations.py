"""Operations and activations of Keras 3, a model each, made by Keras 3 here and now, written for Keras 2."""
import collections
import csv
import subprocess

from parts.keras2 import told
from suite import HERE, convert_all, count_one, judge, listed, table

REFUSED = HERE / "REFUSED-down.tsv"
# What is written, for whom, and who judges.
TASKS = {"operations-h5-2.15": ("h5", ".h5", "2.15", "k2"), "operations-keras-2.15": ("keras", ".keras", "2.15", "k2")}
NEEDS = {"k2", "k3"}


def make(options, folder):
    """{id: path} of the models."""
    script = [options.envs / "k3" / "bin" / "python", HERE / "down_zoo.py", folder]
    subprocess.run([str(word) for word in script], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ids = [row["id"] for row in csv.DictReader((folder / "models.tsv").open(), delimiter="\t")]
    return {id: folder / f"{id}.keras" for id in ids if options.only in id}


def run_task(options, tally, used, files, refs, task):
    to, suffix, keras, environment = TASKS[task]
    folder = options.work / f"down-{task}"
    converted = convert_all(options, files, folder, told(keras), to=to, suffix=suffix)
    refused = listed(REFUSED, task)
    done = [id for id in files if converted[id][0] == 0]
    results = judge(options.envs / environment / "bin" / "python", folder, refs, done, files={id: folder / (id + suffix) for id in done})
    count = collections.Counter()
    for id in files:
        used.update(converted[id][1].get("rules", []))
        count_one(tally, count, f"down/{task}/{id}", converted[id], refused.get(id), None, results.get(id, {}))
    table(f"one operation or activation, {task}: {len(files)} models", sorted(count.items()))


def run(options, tally, used):
    if not NEEDS <= set(options.keras):
        return
    refs = options.work / "down-operations"
    files = make(options, refs)
    for task in TASKS:
        run_task(options, tally, used, files, refs, task)
