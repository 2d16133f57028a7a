"""Models of Keras 3 written for Keras 2: the zoo of Keras 3.15 (fixtures/zoo3), and that of tf.keras 2.15 by way of Keras 3."""
import collections
import csv

from parts.keras2 import judge_all, told
from suite import FIXTURES, HERE, convert_all, count_one, listed, table

REFUSED = HERE / "REFUSED-down.tsv"
LIMITS = HERE / "LIMITS-down.tsv"
# The zoo, the suffix of what is read, what is written, for whom, who judges, and every how many-th model is judged.
TASKS = {
    "zip3-h5-2.15": ("zoo3", ".keras", "h5", ".h5", "2.15", "k2", 4),
    "zip3-keras-2.15": ("zoo3", ".keras", "keras", ".keras", "2.15", "k2", 6),
    "zip3-keras-2.13": ("zoo3", ".keras", "keras", ".keras", "2.13", "k213", 12),
    "h5-h5-2.15": ("zoo3", ".h5", "h5", ".h5", "2.15", "k2", 8),
    "again-h5-2.15": ("zoo", ".keras", "h5", ".h5", "2.15", "k2", 15),
}
# Models of the zoo of Keras 2 that are of no Keras 2 that runs here, or whose way up changes them.
ONLY_UP = ("old_theano_",)


def sources(options, tally, manifest, task):
    """{id: path} of what a task reads; the zoo of Keras 2 is first written for Keras 3.15."""
    zoo, suffix = TASKS[task][:2]
    ids = [id for id in manifest if options.only in id]
    if zoo == "zoo3":
        return {id: FIXTURES / zoo / (id + suffix) for id in ids if (FIXTURES / zoo / (id + suffix)).exists()}
    folder = options.work / "down-up"
    files = {id: FIXTURES / zoo / f"{id}.h5" for id in ids if not id.startswith(ONLY_UP)}
    up = convert_all(options, files, folder, told("3.15"))
    return {id: folder / (id + suffix) for id, (status, _) in up.items() if status == 0}


def run_task(options, tally, used, task):
    zoo, _, to, suffix, keras, environment, every = TASKS[task]
    path = FIXTURES / zoo / "MANIFEST.tsv"
    if not path.exists():
        return tally.skip(f"down/{task}", f"there is no {zoo}")
    manifest = {row["id"]: row for row in csv.DictReader(path.open(), delimiter="\t")}
    files = sources(options, tally, manifest, task)
    folder = options.work / f"down-{task}"
    converted = convert_all(options, files, folder, told(keras), to=to, suffix=suffix)
    refused, limits = listed(REFUSED, task), listed(LIMITS, task)
    done = [id for id in files if converted[id][0] == 0 and id not in limits]
    chosen = set(done if options.whole else list(manifest)[::every]) if environment in options.keras else set()
    results = judge_all(options, environment, folder, suffix, manifest, [id for id in done if id in chosen], FIXTURES / zoo)
    count = collections.Counter()
    for id in files:
        used.update(converted[id][1].get("rules", []))
        count_one(tally, count, f"down/{task}/{id}", converted[id], refused.get(id), limits.get(id),
                  results.get(id, {}) if id in chosen else None)
    table(f"{zoo}, {task}: {len(files)} models, {len(chosen & set(done))} of them judged by {environment}", sorted(count.items()))


def run(options, tally, used):
    for task in TASKS:
        run_task(options, tally, used, task)
