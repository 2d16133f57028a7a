"""Models with a Lambda (fixtures/lambdas) to .keras and to the .h5 of Keras 2: what is understood is judged, all
else must be refused as code."""
import collections
import csv

from suite import FIXTURES, convert_all, judge, reasons, table, verdict_of

LAMBDAS = FIXTURES / "lambdas"
# What no operation of Keras 2 is saved with: an ellipsis.
UNSAID = {"k2": {"k2_ellipsis", "k211_ellipsis"}}


def run(options, tally, used):
    manifest = {row["id"]: row for row in csv.DictReader((LAMBDAS / "MANIFEST.tsv").open(), delimiter="\t") if options.only in row["id"]}
    if "k3" in options.keras:
        run_target(options, tally, used, manifest, "k3", {})
    if "k2" in options.keras:
        run_target(options, tally, used, manifest, "k2", {"to": "h5", "suffix": ".h5"})


def run_target(options, tally, used, manifest, environment, target):
    files = {id: next(path for path in LAMBDAS.glob(f"{id}.*") if path.suffix != ".npz") for id in manifest}
    folder, count = options.work / "lambdas" / environment, collections.Counter()
    converted = convert_all(options, files, folder, **target)
    done = [id for id in files if converted[id][0] == 0]
    results = judge(options.envs / environment / "bin" / "python", folder, LAMBDAS, done,
                    files={id: folder / (id + target.get("suffix", ".keras")) for id in done})
    for id, row in manifest.items():
        status, report = converted[id]
        used.update(report.get("rules", []))
        if row["expect"] == "refused" or id in UNSAID.get(environment, ()):
            count["refused" if status == 65 else "not refused"] += 1
            tally.check(status == 65 and "lambda:" in reasons(report), f"lambdas/{environment}/{id}", f"exit status {status}: {reasons(report)}")
            continue
        ok = status == 0 and bool(results.get(id, {}).get("ok"))
        count["right" if ok else "wrong"] += 1
        tally.check(ok, f"lambdas/{environment}/{id}", verdict_of(results.get(id)) if status == 0 else f"exit status {status}: {reasons(report)}")
    table(f"models with a Lambda, for {environment}: {len(files)}", sorted(count.items()))
