"""The training zoo of tf.keras 2.15 (fixtures/training): compiled models in the middle of their training, taken on by Keras 3.

`expect` of MANIFEST.tsv: `right` (two more steps give the losses and weights that they gave in tf.keras), or what of the training
is lost, which the report must name: `state:TEXT` the optimizer's state, `part:TEXT` one part of compile(), `all:TEXT` all of it. What
is lost must not keep the file from loading compiled.
"""
import collections
import csv
import json
import subprocess

from suite import FIXTURES, HERE, convert_all, table

ZOO = FIXTURES / "training"
# Which environment judges, for which release, what, and every how many of it.
RUNS = (("k3", None, ".h5", 1), ("k3", None, ".keras", 1), ("k30", "3.0", ".h5", 4), ("k30", "3.0", ".keras", 4))
# 3.0 trains what is frozen too, weighs no loss of a single output, and has not all that came later.
OLD_LOSES = {"model_frozen": "trains", "model_frozen_nested": "trains", "outputs_single_weight": "single output", "k3_lamb": "Lamb",
             "k3_schedule_free": "ScheduleFreeAdamW", "k3_circle": "circle", "k3_metrics": "pearson_correlation",
             "k3_both_huber": "single output", "k3_ctc": "ctc", "k3_accumulation": "gradient accumulation"}


def rows():
    return {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")}


def lost(report):
    return "; ".join(entry["reason"] for entry in report.get("lost", []) if entry["code"] == "training-dropped")


def judge(python, folder, listing):
    results, lines = folder / "judged.jsonl", folder / "judged.list"
    results.unlink(missing_ok=True)
    lines.write_text("".join("\t".join(map(str, line)) + "\n" for line in listing))
    subprocess.run([str(c) for c in (python, HERE / "train_judge.py", lines, ZOO, results)],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return {line["id"]: line for line in map(json.loads, results.open())} if results.exists() else {}


def judge_run(options, tally, used, environment, release, suffix, every):
    manifest = rows()
    told = ["--keras", release] if release else []
    chosen = set(list(manifest)[::every]) | {id for id in manifest if id in OLD_LOSES or id.startswith("k3_")}
    files = {id: ZOO / (id + suffix) for id in manifest if id in chosen and options.only in id and (ZOO / (id + suffix)).exists()}
    folder = options.work / f"training-{environment}{suffix}"
    converted = convert_all(options, files, folder, lambda id: told)
    listing = [(id, folder / f"{id}.keras") + (("loads",) if report["training"] == "dropped" else ())
               for id, (status, report) in converted.items() if status == 0]
    results = judge(options.envs / environment / "bin" / "python", folder, listing)
    count = collections.Counter()
    for id, (status, report) in converted.items():
        used.update(report.get("rules", []))
        expect = manifest[id]["expect"]
        if release and id in OLD_LOSES:
            expect = f"all:{OLD_LOSES[id]}"
        result, reason = results.get(id, {}), lost(report)
        named = (expect == "right") == (report.get("training") in ("adapted", "kept")) and expect.partition(":")[2] in reason
        ok = status == 0 and named and bool(result.get("ok"))
        what = "right" if expect == "right" else "dropped with its reason"
        count[f"{manifest[id]['group']}: {what if ok else 'wrong'}"] += 1
        tally.check(ok, f"training/{environment}/{id}{suffix}", f"{status}, {report.get('training')}, expected {expect}: {reason} {result}")
    table(f"training zoo {suffix} in {environment}: {len(files)} models", sorted(count.items()))


def run(options, tally, used):
    for environment, release, suffix, every in RUNS:
        if environment in options.keras:
            judge_run(options, tally, used, environment, release, suffix, every)
