"""Models with a Lambda (fixtures/lambdas) to .keras: what is understood is judged by Keras 3, all else must be refused as code."""
import collections
import csv

from suite import FIXTURES, convert_all, judge, reasons, table, verdict_of

LAMBDAS = FIXTURES / "lambdas"


def run(options, tally, used):
    if "k3" not in options.keras:
        return
    manifest = {row["id"]: row for row in csv.DictReader((LAMBDAS / "MANIFEST.tsv").open(), delimiter="\t") if options.only in row["id"]}
    files = {id: next(path for path in LAMBDAS.glob(f"{id}.*") if path.suffix != ".npz") for id in manifest}
    folder, count = options.work / "lambdas", collections.Counter()
    converted = convert_all(options, files, folder)
    results = judge(options.envs / "k3" / "bin" / "python", folder, LAMBDAS, [id for id in files if converted[id][0] == 0])
    for id, row in manifest.items():
        status, report = converted[id]
        used.update(report.get("rules", []))
        if row["expect"] == "refused":
            count["refused" if status == 65 else "not refused"] += 1
            tally.check(status == 65 and "lambda:" in reasons(report), f"lambdas/{id}", f"exit status {status}: {reasons(report)}")
            continue
        ok = status == 0 and bool(results.get(id, {}).get("ok"))
        count["right" if ok else "wrong"] += 1
        tally.check(ok, f"lambdas/{id}", verdict_of(results.get(id)) if status == 0 else f"exit status {status}: {reasons(report)}")
    table(f"models with a Lambda: {len(files)}", sorted(count.items()))
