"""Wild .keras of Keras 2 to .keras: the tf.keras that wrote them gives their truth, Keras 3 judges.

A file that Windows wrote is read by no Keras on another system: its truth is that of a copy whose groups have slashes.
"""
import collections
import csv
import subprocess

from suite import HERE, convert_all, judge, reasons, table, verdict_of

NEEDS = ("k2", "k213", "k3")
# Who reads what a release wrote: no other one does.
WRITERS = {"2.12": "k213", "2.13": "k213", "2.15": "k2"}


def wild_files(folder):
    """{id: (path, environment that gives its truth)}"""
    index = csv.DictReader((folder / "INDEX.tsv").open(), delimiter="\t")
    return {row["file"].rsplit(".", 1)[0]: (folder / row["file"], WRITERS.get(row["keras_version"][:4])) for row in index
            if row["container"] == "keras zip v2"}


def make_truth(options, files, folder, refs):
    """{id: result} of the files in the environments that wrote them, as Linux would have written them."""
    truth = {}
    for environment in sorted({e for _, e in files.values() if e}):
        python = options.envs / environment / "bin" / "python"
        chosen = {id: path for id, (path, e) in files.items() if e == environment}
        plain = {id: folder / f"{id}.plain.keras" for id in chosen}
        for id, path in chosen.items():
            subprocess.run([python, HERE / "archive.py", "--linux", path, plain[id]], check=True)
        truth.update(judge(python, folder, refs, list(chosen), f"-truth-{environment}", True, plain))
    return truth


def run(options, tally, used):
    if not options.wild or not set(NEEDS) <= set(options.keras):
        return
    files = {id: value for id, value in wild_files(options.wild).items() if options.only in id}
    folder, refs = options.work / "wild-zip2", options.work / "wild-zip2-refs"
    folder.mkdir(parents=True, exist_ok=True)
    truth = make_truth(options, files, folder, refs)
    converted = convert_all(options, {id: path for id, (path, _) in files.items()}, folder)
    done = [id for id in files if converted[id][0] == 0 and truth.get(id, {}).get("ok")]
    results = judge(options.envs / "k3" / "bin" / "python", folder, refs, done)
    count = collections.Counter()
    for id in files:
        status, report = converted[id]
        has_truth = bool(truth.get(id, {}).get("ok"))
        count["with a truth" if has_truth else "without a truth"] += 1
        if status == 65:
            count["refused"] += 1
            print(f"  refused {id}: {reasons(report)}")
            tally.check(not has_truth, f"wild-zip2/{id}", f"refused: {reasons(report)}")
        elif status != 0:
            tally.check(False, f"wild-zip2/{id}", f"exit status {status}: {report.get('error')}")
        elif has_truth:
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok, f"wild-zip2/{id}", verdict_of(results.get(id)))
        else:
            count["converted without a truth"] += 1
            print(f"  no truth {id}: {verdict_of(truth.get(id))}")
    table(f"wild .keras of Keras 2: {len(files)} files", sorted(count.items()))
