"""Wild whole-model .h5 of Keras 1 and 2 to .keras: the Keras that wrote them gives their truth, Keras 3 judges."""
import collections
import csv

from suite import convert_all, judge, reasons, table, verdict_of

# The environment that gives the truth, by the release that wrote a file.
TRUTH = {"1": "k1", "2": "k2"}


def wild_files(folder, major):
    index = csv.DictReader((folder / "INDEX.tsv").open(), delimiter="\t")
    return {row["file"].rsplit(".", 1)[0]: folder / row["file"] for row in index
            if row["container"] == "h5 whole-model" and row["keras_version"].startswith(major)}


def truths(options, major, files, converted, folder, refs):
    """Real Keras runs the files as they are; one of Keras 1 on the backend that its report names."""
    python = options.envs / TRUTH[major] / "bin" / "python"
    backends = collections.defaultdict(list)
    for id in files:
        backends[converted[id][1].get("source", {}).get("backend") or "tensorflow" if major == "1" else "tensorflow"].append(id)
    return {id: result for backend, ids in backends.items()
            for id, result in judge(python, folder, refs, ids, f"-truth-{backend}", True, files, backend=backend).items()}


def run_major(options, tally, major):
    files = {id: path for id, path in wild_files(options.wild, major).items() if options.only in id}
    folder, refs = options.work / f"wild-{major}", options.work / f"wild-{major}-refs"
    converted = convert_all(options, files, folder)
    truth = truths(options, major, files, converted, folder, refs)
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
    table(f"wild whole-model .h5 of Keras {major}: {len(files)} files", sorted(count.items()))


def run(options, tally, used):
    for major, environment in TRUTH.items():
        if options.wild and {environment, "k3"} <= set(options.keras):
            run_major(options, tally, major)
