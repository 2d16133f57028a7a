"""The zoo of Keras 1.2.2 (fixtures/zoo1): whole models .h5 of both backends to .keras, judged by Keras 3."""
import collections
import csv

from suite import FIXTURES, HERE, convert_all, judge, reasons, table, verdict_of

NEEDS = ("k3", "k30")
ZOO = FIXTURES / "zoo1"
RELEASE = {"k3": None, "k30": "3.0"}
# The oldest Keras 3 sees every EVERY-th model without images, and those whose helper objects are written otherwise for it.
EVERY = {"k3": 1, "k30": 6}
ALWAYS = ("init_", "lstm_told", "gru_told")
GROUPS = {"k3": None, "k30": ("core", "recurrent")}


def told(environment):
    release = RELEASE[environment]
    return lambda id: ["--keras", release] if release else []


def judge_zoo(options, tally, environment, used):
    manifest = {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")}
    groups = GROUPS[environment]
    chosen = [id for id, row in manifest.items() if not groups or row["group"] in groups]
    chosen = set(chosen[::EVERY[environment]]) | {id for id in chosen if id.startswith(ALWAYS)}
    files = {id: ZOO / f"{id}.h5" for id in manifest if id in chosen and options.only in id}
    folder = options.work / f"zoo1-{environment}"
    converted = convert_all(options, files, folder, told(environment))
    refused = {row["id"]: row for row in csv.DictReader((HERE / "REFUSED-keras1.tsv").open(), delimiter="\t")}
    results = judge(options.envs / environment / "bin" / "python", folder, ZOO, [id for id in files if converted[id][0] == 0],
                    onednn=True)
    count = collections.Counter()
    for id in files:
        status, report = converted[id]
        used.update(report.get("rules", []))
        name = f"zoo1/{environment}/{id}"
        if status == 0:
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok and id not in refused, name, "is listed but was not refused" if ok else verdict_of(results.get(id)))
        elif status == 65:
            expected = refused.get(id, {}).get("code", "")
            count["refused, as listed" if expected else "refused, not listed"] += 1
            codes = reasons(report)
            tally.check(bool(expected) and expected in codes, name,
                        f"listed {expected}, got {codes}" if expected else f"refused: {codes}")
        else:
            count["broken"] += 1
            tally.check(False, name, f"exit status {status}: {report.get('error')}")
    if environment == "k3" and not options.only:
        for id in set(refused) - set(manifest):
            tally.check(False, f"refused/{id}", "is listed but is no model of the zoo")
    table(f"zoo of Keras 1 in {environment}: {len(files)} models", sorted(count.items()))


def run(options, tally, used):
    for environment in NEEDS:
        if environment in options.keras:
            judge_zoo(options, tally, environment, used)
