"""Archives (.keras) of Keras 2.11-2.15 and tf_keras (fixtures/zip2) to .keras, judged by Keras 3."""
import collections
import csv

from suite import FIXTURES, HERE, convert_all, judge, reasons, table, verdict_of

NEEDS = ("k3", "k30")
ZOO = FIXTURES / "zip2"
RELEASE = {"k3": [], "k30": ["--keras", "3.0"]}
EVERY = {"k3": 1, "k30": 8}


def case_of(id):
    """The zoo's name of "213_dense", an archive that 2.13 wrote of the case dense."""
    return id.split("_", 1)[1]


def judge_archives(options, tally, environment, used):
    manifest = {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")}
    files = {id: ZOO / f"{id}.keras" for id in list(manifest)[::EVERY[environment]] if options.only in id}
    folder = options.work / f"zip2-{environment}"
    converted = convert_all(options, files, folder, lambda id: RELEASE[environment])
    refused = {row["id"]: row for row in csv.DictReader((HERE / "REFUSED.tsv").open(), delimiter="\t")}
    limits = {row["id"] for row in csv.DictReader((HERE / "LIMITS.tsv").open(), delimiter="\t") if row["environment"] == environment}
    done = [id for id in files if converted[id][0] == 0 and case_of(id) not in limits]
    results = judge(options.envs / environment / "bin" / "python", folder, ZOO, done)
    count = collections.Counter()
    for id in files:
        status, report = converted[id]
        used.update(report.get("rules", []))
        name, group = f"zip2/{environment}/{id}", manifest[id]["group"]
        expected = refused.get(case_of(id), {}).get("code", "")
        if case_of(id) in limits:
            count[f"{group}: beyond this Keras"] += 1
            tally.skip(name, "see LIMITS.tsv")
        elif status == 0:
            ok = bool(results.get(id, {}).get("ok"))
            count[f"{group}: {'right' if ok else 'wrong'}"] += 1
            tally.check(ok, name, verdict_of(results.get(id)))
        elif status == 65:
            count[f"{group}: refused, {'as' if expected else 'not'} listed"] += 1
            codes = reasons(report)
            if environment == "k3" or expected:
                tally.check(bool(expected) and expected in codes, name, f"refused: {codes}")
        else:
            tally.check(False, name, f"exit status {status}: {report.get('error')}")
    table(f"archives of Keras 2 in {environment}: {len(files)} files", sorted(count.items()))


def run(options, tally, used):
    for environment in NEEDS:
        if environment in options.keras:
            judge_archives(options, tally, environment, used)
