"""The zoo of tf.keras 2.15 (fixtures/zoo): legacy .h5 to .keras, judged by Keras 3."""
import collections
import csv

from suite import FIXTURES, HERE, convert_all, judge, reasons, refusals, table, verdict_of

NEEDS = ("k3", "k30")
ZOO = FIXTURES / "zoo"
RELEASE = {"k3": None, "k30": "3.0"}
TOLD = {"old_theano_": ["--backend", "theano"]}
# Keras 3 runs these on a CPU only by oneDNN, which rounds bfloat16 otherwise than 2.15 did.
ONEDNN = ("channels_first", "conv2d_transpose_dilated")
# All are converted. The oldest Keras 3 judges every EVERY-th model of the zoo, and those that are written otherwise for it.
EVERY = {"k3": 1, "k30": 5}
ALWAYS = ("initializer/", "recurrent/lstm", "recurrent/gru")


def told(environment):
    """What a model's conversion is told beside its file."""
    release = RELEASE[environment]
    keras = ["--keras", release] if release else []
    return lambda id: keras + [word for prefix, words in TOLD.items() if id.startswith(prefix) for word in words]


def judge_zoo(options, tally, environment, used):
    manifest = {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")}
    chosen = set(list(manifest)[::EVERY[environment]]) | {id for id, row in manifest.items() if f"{row['group']}/{id}".startswith(ALWAYS)}
    files = {id: ZOO / f"{id}.h5" for id in manifest if options.only in id}
    folder = options.work / f"zoo-{environment}"
    converted = convert_all(options, files, folder, told(environment))
    refused = refusals(environment)
    limits = {row["id"]: row["reason"] for row in csv.DictReader((HERE / "LIMITS.tsv").open(), delimiter="\t")
              if row["environment"] == environment}
    chosen |= {id for id in files if any(rule.startswith("limit:") for rule in converted[id][1].get("rules", []))}
    done = [id for id in files if converted[id][0] == 0 and id not in limits and (id in chosen or options.whole)]
    special = {id for id in done if id in ONEDNN or manifest[id]["group"] in ONEDNN}
    python = options.envs / environment / "bin" / "python"
    results = judge(python, folder, ZOO, [id for id in done if id not in special])
    results.update(judge(python, folder, ZOO, sorted(special), "-onednn", onednn=True))
    count = collections.Counter()
    for id in files:
        status, report = converted[id]
        used.update(report.get("rules", []))
        if id in limits:
            count["beyond this Keras"] += 1
            tally.skip(f"zoo/{environment}/{id}", limits[id])
        elif status == 0 and id not in done:
            count["converted only"] += 1
            tally.check(id not in refused, f"zoo/{environment}/{id}", "is listed but was not refused")
        elif status == 0:
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok and id not in refused, f"zoo/{environment}/{id}", "is listed but was not refused" if ok else verdict_of(results.get(id)))
        elif status == 65:
            expected = refused.get(id, {}).get("code", "")
            count["refused, as listed" if expected else "refused, not listed"] += 1
            codes = reasons(report)
            tally.check(bool(expected) and expected in codes, f"zoo/{environment}/{id}",
                        f"listed {expected}, got {codes}" if expected else f"refused, not listed: {codes}")
        else:
            count["broken"] += 1
            tally.check(False, f"zoo/{environment}/{id}", f"exit status {status}: {report.get('error')}")
    for id in set(refused) - set(manifest):
        tally.check(False, f"refused/{id}", "is listed but is no model of the zoo")
    table(f"zoo in {environment}: {len(files)} models, {len(done)} of them judged", sorted(count.items()))


def run(options, tally, used):
    for environment in NEEDS:
        if environment in options.keras:
            judge_zoo(options, tally, environment, used)
