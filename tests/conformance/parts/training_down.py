"""The training zoo (fixtures/training) for releases of Keras 2: what Keras 3 and tf.keras 2.15 compiled, taken on by Keras 2.

What must come of it stands in TRAINING-down.tsv: for a task, patterns of ids and what of the training is lost, in the words of
`expect` in the zoo's MANIFEST.tsv. Any other model must make the two steps that it made where it comes from.
"""
import collections
import csv
import fnmatch

from parts.training import ZOO, judge, lost, rows
from suite import HERE, convert_all, table

# What is read, what is written, for whom, who judges, and every how many-th model is: those that Keras 3 wrote each time.
TASKS = {
    "zip-h5-2.15": (".keras", "h5", ".h5", "2.15", "k2", 3),
    "zip-keras-2.15": (".keras", "keras", ".keras", "2.15", "k2", 3),
    "h5-keras-2.15": (".h5", "keras", ".keras", "2.15", "k2", 6),
    "h5-h5-2.15": (".h5", "h5", ".h5", "2.15", "k2", 6),
    "zip-h5-2.4": (".keras", "h5", ".h5", "2.4", "k24", 4),
}


def expectations():
    return list(csv.DictReader((HERE / "TRAINING-down.tsv").open(), delimiter="\t"))


def expected(listed, task, id):
    """What is lost of a model; the first line that fits counts."""
    fits = (row["expect"] for row in listed if fnmatch.fnmatch(task, row["task"]) and fnmatch.fnmatch(id, row["id"]))
    return next(fits, "right")


def run_task(options, tally, used, listed, task):
    source, to, suffix, keras, environment, every = TASKS[task]
    ids = [id for id in rows() if options.only in id and (ZOO / (id + source)).exists()]
    folder = options.work / f"training-down-{task}"
    converted = convert_all(options, {id: ZOO / (id + source) for id in ids}, folder, lambda id: ["--keras", keras], to=to, suffix=suffix)
    chosen = set(ids if options.whole else ids[::every] + [id for id in ids if id.startswith("k3_")])
    listing = [(id, folder / (id + suffix)) + (("loads",) if report["training"] == "dropped" else ())
               for id, (status, report) in converted.items() if status == 0 and id in chosen]
    judged = environment in options.keras
    results = judge(options.envs / environment / "bin" / "python", folder, listing) if judged else {}
    count = collections.Counter()
    for id, (status, report) in converted.items():
        used.update(report.get("rules", []))
        expect, reason, result = expected(listed, task, id), lost(report), results.get(id, {})
        kind, _, text = expect.partition(":")
        ok = status == 0 and (text in reason if text else not reason) and (bool(result.get("ok")) or not judged or id not in chosen)
        count[("right" if kind == "right" else f"{kind} lost, as expected") if ok else "wrong"] += 1
        tally.check(ok, f"training-down/{task}/{id}",
                    f"expected {expect}, lost {reason or 'nothing'}; {result.get('stage')}: {result.get('error') or result.get('gaps')}")
    table(f"training zoo, {task}: {len(ids)} models, {len(listing) if judged else 0} of them judged by {environment}", sorted(count.items()))


def run(options, tally, used):
    listed = expectations()
    for task in TASKS:
        run_task(options, tally, used, listed, task)
