"""Models with operations as TensorFlow 2.1 and 2.3 kept them (fixtures/op_layers) to .keras, and a sample of them to the .h5 of Keras 2."""
import collections
import csv

from suite import FIXTURES, convert_all, judge, reasons, table, verdict_of

OP_LAYERS = FIXTURES / "op_layers"
EVERY = 9  # for Keras 2, which has the class itself
TARGETS = {"k3": ("keras", ".keras", 1), "k2": ("h5", ".h5", EVERY)}


def run(options, tally, used):
    rows = [row for row in csv.DictReader((OP_LAYERS / "MANIFEST.tsv").open(), delimiter="\t") if options.only in row["id"]]
    for environment, (to, suffix, every) in TARGETS.items():
        if environment in options.keras:
            run_target(options, tally, used, rows if options.whole else rows[::every], environment, to, suffix)


def run_target(options, tally, used, rows, environment, to, suffix):
    ids = [row["id"] for row in rows if row["expect"] == "right" or environment == "k3"]
    refused = {row["id"] for row in rows if row["expect"] == "refused"}
    folder, count = options.work / "op_layers" / environment, collections.Counter()
    converted = convert_all(options, {id: OP_LAYERS / f"{id}.h5" for id in ids}, folder, to=to, suffix=suffix)
    done = [id for id in ids if converted[id][0] == 0]
    results = judge(options.envs / environment / "bin" / "python", folder, OP_LAYERS, done, files={id: folder / (id + suffix) for id in done})
    for id in ids:
        status, report = converted[id]
        used.update(report.get("rules", []))
        if id in refused:
            count["refused" if status == 65 else "not refused"] += 1
            tally.check(status == 65 and "no-equal-in-target" in reasons(report), f"op_layers/{environment}/{id}", f"exit status {status}: {reasons(report)}")
            continue
        ok = status == 0 and bool(results.get(id, {}).get("ok"))
        count["right" if ok else "wrong"] += 1
        tally.check(ok, f"op_layers/{environment}/{id}", verdict_of(results.get(id)) if status == 0 else f"exit status {status}: {reasons(report)}")
    table(f"operations of TensorFlow 2.1 and 2.3, for {environment}: {len(ids)}", sorted(count.items()))
