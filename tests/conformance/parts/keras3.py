"""The zoo of Keras 3.15 (fixtures/zoo3): its .keras and its legacy .h5, written for Keras 3.15, as both, and for the oldest Keras 3."""
import collections
import csv

from suite import FIXTURES, HERE, convert_all, count_one, judge, listed, table

ZOO = FIXTURES / "zoo3"
REFUSED = HERE / "REFUSED-keras3.tsv"
LIMITS = HERE / "LIMITS-keras3.tsv"
# Suffix of the source, what is written, release that it is written for, who judges, and every how many-th model is judged unless all are wanted. All
# are converted.
TASKS = {
    "zip-3.15": (".keras", "keras", "3.15", "k3", 4),
    "h5-3.15": (".h5", "keras", "3.15", "k3", 4),
    "zip-3.0": (".keras", "keras", "3.0", "k30", 6),
    "zip-h5-3.15": (".keras", "h5", "3.15", "k3", 12),
}
# Groups, and models, that are written otherwise for other releases, or that Keras itself cannot read back from an .h5: judged each time.
ALWAYS = ("quantized", "masks", "operation_graph", "nested", "shared")
ALWAYS_IDS = ("operations_21",)


def run_task(options, tally, used, manifest, task):
    suffix, to, keras, environment, every = TASKS[task]
    files = {id: ZOO / (id + suffix) for id in manifest if options.only in id and (ZOO / (id + suffix)).exists()}
    folder = options.work / f"keras3-{task}"
    converted = convert_all(options, files, folder, lambda id: ["--keras", keras], to=to, suffix=f".{to}")
    refused, limits = listed(REFUSED, task), listed(LIMITS, task)
    done = [id for id in files if converted[id][0] == 0 and id not in limits]
    sample = set(list(manifest)[::every]) | {id for id, row in manifest.items() if row["group"] in ALWAYS or id in ALWAYS_IDS}
    chosen = set(done if options.whole else sample) if environment in options.keras else set()
    judged = [id for id in done if id in chosen]
    paths = {id: folder / f"{id}.{to}" for id in judged}
    results = judge(options.envs / environment / "bin" / "python", folder, ZOO, judged, files=paths) if judged else {}
    count = collections.Counter()
    for id in files:
        used.update(converted[id][1].get("rules", []))
        count_one(tally, count, f"keras3/{task}/{id}", converted[id], refused.get(id), limits.get(id),
                  results.get(id, {}) if id in chosen else None)
    unread = sum(manifest[id]["h5"] != "right" and bool(results.get(id, {}).get("ok")) for id in files)
    if suffix == ".h5":
        count["right, and Keras itself does not read the file right"] = unread
    table(f"zoo of Keras 3, {task}: {len(files)} models, {len(judged)} of them judged by {environment}", sorted(count.items()))


def run(options, tally, used):
    manifest = {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")}
    for task in TASKS:
        run_task(options, tally, used, manifest, task)
