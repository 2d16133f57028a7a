"""A small zoo of Keras 3.15 and of tf.keras 2.15 written for every release of Keras 3, judged by each on NumPy.

Only where `rel` is among the environments, see ../environments: tests/full has it. Releases from 3.6 on lose masks on NumPy, and none has
strings there: such models are left to the parts that run on TensorFlow, and so is 3.0, whose NumPy needs PyTorch.
"""
import collections
import csv

from suite import FIXTURES, convert_all, judge, reasons, table, verdict_of

SUFFIXES = {"zoo3": ".keras", "zoo": ".h5"}
EVERY = {"zoo3": 8, "zoo": 30}
LEFT_OUT = ("mask", "embedded", "seq2seq", "theano", "hash", "text_", "string_")


def releases(options):
    found = [path.name for path in (options.envs / "rel").glob("3.*")]
    return sorted((name for name in found if not name.startswith("3.0.")), key=lambda name: [int(part) for part in name.split(".")])


def chosen(options, family):
    ids = [row["id"] for row in csv.DictReader((FIXTURES / family / "MANIFEST.tsv").open(), delimiter="\t")]
    return [id for id in ids[::EVERY[family]] if options.only in id and not any(word in id for word in LEFT_OUT)]


def judge_release(options, tally, release, family):
    ids, minor = chosen(options, family), ".".join(release.split(".")[:2])
    files = {id: FIXTURES / family / (id + SUFFIXES[family]) for id in ids}
    folder = options.work / f"releases-{release}-{family}"
    converted = convert_all(options, files, folder, lambda id: ["--keras", minor])
    done = [id for id in ids if converted[id][0] == 0]
    results = judge(options.envs / "k3" / "bin" / "python", folder, FIXTURES / family, done, backend="numpy", processes=1,
                    packages=(options.envs / "rel" / release, options.envs / "rel" / "treelib"))
    count = collections.Counter()
    for id in ids:
        status, report = converted[id]
        ok = status == 0 and bool(results.get(id, {}).get("ok"))
        # What a release lacks the report must name.
        what = "right" if ok else "refused" if status == 65 and reasons(report) else "wrong"
        count[what] += 1
        tally.check(what != "wrong", f"releases/{release}/{family}/{id}", verdict_of(results.get(id)) if status == 0 else f"exit status {status}")
    return count


def run(options, tally, used):
    if not {"rel", "k3"} <= set(options.keras):
        return
    for release in releases(options):
        count = sum((judge_release(options, tally, release, family) for family in SUFFIXES), collections.Counter())
        table(f"Keras {release} on NumPy: {sum(count.values())} models", sorted(count.items()))
