"""Wild whole-model .h5 of Keras 2 to .keras: real tf.keras 2.15 gives their truth, Keras 3 judges."""
import collections
import csv

from suite import convert_all, judge, reasons, table, verdict_of

NEEDS = ("k2", "k3")


def wild_files(folder):
    index = csv.DictReader((folder / "INDEX.tsv").open(), delimiter="\t")
    return {row["file"].rsplit(".", 1)[0]: folder / row["file"] for row in index
            if row["container"] == "h5 whole-model" and row["keras_version"].startswith("2")}


def run(options, tally, used):
    if not options.wild or not set(NEEDS) <= set(options.keras):
        return
    files = {id: path for id, path in wild_files(options.wild).items() if options.only in id}
    folder, refs = options.work / "wild", options.work / "wild-refs"
    truth = judge(options.envs / "k2" / "bin" / "python", folder, refs, list(files), "-truth", True, files) \
        if not folder.mkdir(parents=True, exist_ok=True) else {}
    converted = convert_all(options, files, folder)
    done = [id for id in files if converted[id][0] == 0 and truth.get(id, {}).get("ok")]
    results = judge(options.envs / "k3" / "bin" / "python", folder, refs, done)
    count = collections.Counter()
    for id in files:
        status, report = converted[id]
        has_truth = bool(truth.get(id, {}).get("ok"))
        count["with a truth" if has_truth else "without a truth"] += 1
        if status == 65:
            count[f"refused ({'with' if has_truth else 'without'} a truth)"] += 1
            print(f"  refused {id}: {reasons(report)}")
            tally.check(not has_truth, f"wild/{id}", f"refused: {reasons(report)}")
        elif status != 0:
            tally.check(False, f"wild/{id}", f"exit status {status}: {report.get('error')}")
        elif has_truth:
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok, f"wild/{id}", verdict_of(results.get(id)))
        else:
            count["converted without a truth"] += 1
            print(f"  no truth {id}: {verdict_of(truth.get(id))}")
    table(f"wild whole-model .h5 of Keras 2: {len(files)} files", sorted(count.items()))
