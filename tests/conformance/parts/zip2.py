"""Archives (.keras) of Keras 2.11-2.15 and tf_keras (fixtures/zip2) to .keras, judged by Keras 3."""
import collections
import csv

from suite import FIXTURES, HERE, convert_all, judge, reasons, refusals, table, verdict_of

NEEDS = ("k3", "k30")
ZOO = FIXTURES / "zip2"
RELEASE = {"k3": [], "k30": ["--keras", "3.0"]}
# All are converted; every so many-th is judged.
EVERY = {"k3": 1, "k30": 8}


def case_of(id):
    """The zoo's name of "213_dense", an archive that 2.13 wrote of the case dense."""
    return id.split("_", 1)[1]


def judge_archives(options, tally, environment, used):
    manifest = {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")}
    files = {id: ZOO / f"{id}.keras" for id in manifest if options.only in id}
    folder = options.work / f"zip2-{environment}"
    converted = convert_all(options, files, folder, lambda id: RELEASE[environment])
    refused = refusals(environment)
    limits = {row["id"] for row in csv.DictReader((HERE / "LIMITS.tsv").open(), delimiter="\t") if row["environment"] == environment}
    sample = set(manifest if options.whole else list(manifest)[::EVERY[environment]])
    done = [id for id in files if converted[id][0] == 0 and case_of(id) not in limits and id in sample]
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
        elif status == 0 and id not in sample:
            count[f"{group}: converted only"] += 1
            tally.check(not expected, name, "is listed but was not refused")
        elif status == 0:
            ok = bool(results.get(id, {}).get("ok"))
            count[f"{group}: {'right' if ok else 'wrong'}"] += 1
            tally.check(ok and not expected, name, "is listed but was not refused" if ok else verdict_of(results.get(id)))
        elif status == 65:
            count[f"{group}: refused, {'as' if expected else 'not'} listed"] += 1
            codes = reasons(report)
            tally.check(bool(expected) and expected in codes, name, f"listed {expected}, got {codes}" if expected else f"refused, not listed: {codes}")
        else:
            tally.check(False, name, f"exit status {status}: {report.get('error')}")
    table(f"archives of Keras 2 in {environment}: {len(files)} files, {len(done)} of them judged", sorted(count.items()))


def run(options, tally, used):
    for environment in NEEDS:
        if environment in options.keras:
            judge_archives(options, tally, environment, used)
