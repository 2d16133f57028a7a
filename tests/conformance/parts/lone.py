"""Wild weights that no architecture came with, to `weights.h5`: a model of the layers that they show loads both (lone.py).

As they are, and where their layers have names of the user's by guess=yes. Keras 2.15 gives the truth of legacy weights, the newest Keras 3
that of those of saving_lib. What lone.py can build no model of is converted and not judged.
"""
import collections
import csv
import json
import os
import subprocess

from suite import HERE, convert, reasons, table

NEEDS = {"k2", "k3"}
CONTAINERS = {"h5 weights-only": "k2", "weights.h5 (Keras 3 layout)": "k3"}
# What weights alone do not tell, each a reason that the refusal names.
CODES = ("architecture-missing", "mapping-ambiguous")


def ask(options, environment, task, files, folder):
    """{id: answer} of lone.py."""
    listing = folder / f"{task}-{environment}.list"
    listing.write_text("".join(f"{id}\t{path}\n" for id, path in files.items()))
    command = [options.envs / environment / "bin" / "python", HERE / "lone.py", task, listing, folder / "refs"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "tensorflow"})
    return {line["id"]: line for line in map(json.loads, filter(lambda text: text.startswith("{"), done.stdout.splitlines()))}


def convert_one(options, path, target):
    """Alone, then by guess; (status, report, how)."""
    for how, told in (("alone", ()), ("guessed", ("--guess", "yes"))):
        status, report = convert(options.kferry, path, target, target.with_suffix(".report"), *told, to="weights.h5")
        if status == 0 or not any(code in reasons(report) for code in CODES):
            break
    return status, report, how


def check(tally, count, id, outcome, truth, result):
    status, report, how = outcome
    if status == 65:
        count["refused"] += 1
        print(f"  refused {id}: {reasons(report)}")
        tally.check(any(code in reasons(report) for code in CODES), f"lone/{id}", f"refused: {reasons(report)}")
    elif status != 0 or not truth.get("ok"):
        count["broken" if status else "converted, not judged"] += 1
        print(f"  not judged {id}: {truth.get('error')}")
        tally.check(status == 0, f"lone/{id}", f"exit status {status}: {report.get('error')}")
    else:
        count[f"right, {how}" if result.get("ok") else "wrong"] += 1
        tally.check(result.get("ok", False), f"lone/{id}", result.get("error") or f"difference {result.get('maxdiff')}")


def run(options, tally, used):
    if not options.wild or not NEEDS <= set(options.keras):
        return
    folder, count = options.work / "lone", collections.Counter()
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    index = csv.DictReader((options.wild / "INDEX.tsv").open(), delimiter="\t")
    rows = [row for row in index if row["container"] in CONTAINERS and options.only in row["file"]]
    outcomes = {row["file"]: convert_one(options, options.wild / row["file"], folder / f"{row['file']}.out.weights.h5") for row in rows}
    done = {row["file"]: row for row in rows if outcomes[row["file"]][0] == 0}
    truth = {}
    for container, environment in CONTAINERS.items():
        truth.update(ask(options, environment, "truth", {id: options.wild / id for id, row in done.items() if row["container"] == container}, folder))
    results = ask(options, "k3", "judge", {id: folder / f"{id}.out.weights.h5" for id in done if truth.get(id, {}).get("ok")}, folder)
    for id in outcomes:
        used.update(outcomes[id][1].get("rules", []))
        check(tally, count, id, outcomes[id], truth.get(id, {}), results.get(id, {}))
    table(f"wild weights without an architecture: {len(rows)} files", sorted(count.items()))
