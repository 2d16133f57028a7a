"""What kferry wrote, read again: the zoo of tf.keras 2.15 as .keras of Keras 3, and that once more. No Keras is needed."""
import collections
import csv

from suite import FIXTURES, convert_all, reasons, table

ZOO = FIXTURES / "zoo"
# Release that is written, and every how many-th model: the oldest orders the layers of a graph otherwise.
EVERY = {"3.15": 1, "3.0": 5}
TOLD = {"old_theano_": ["--backend", "theano"]}


def backend(id):
    return [word for prefix, words in TOLD.items() if id.startswith(prefix) for word in words]


def written(report):
    """Path and checksum of every tensor in the file that was written."""
    return sorted((row["target"], row["checksum"]["after"]["value"]) for row in report.get("tensors", []))


def difference(first, second):
    """What the second conversion wrote otherwise than the first; empty when there is nothing."""
    if second[0] != 0:
        return f"exit status {second[0]}: {reasons(second[1])}"
    return "" if written(first[1]) == written(second[1]) else "the tensors are written otherwise"


def run_release(options, tally, used, release):
    manifest = [row["id"] for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")]
    files = {id: ZOO / f"{id}.h5" for id in manifest[::EVERY[release]] if options.only in id}
    folders = [options.work / f"roundtrip-{release}-{i}" for i in (1, 2)]
    first = convert_all(options, files, folders[0], lambda id: ["--keras", release] + backend(id))
    done = {id: folders[0] / f"{id}.keras" for id in files if first[id][0] == 0}
    second = convert_all(options, done, folders[1], lambda id: ["--keras", release])
    count = collections.Counter({"refused the first time": len(files) - len(done)})
    for id in done:
        why = difference(first[id], second[id])
        used.update(second[id][1].get("rules", []))
        count["other" if why else "the same"] += 1
        tally.check(not why, f"roundtrip/{release}/{id}", why)
    table(f"zoo, written for {release} and read again: {len(files)} models", sorted(count.items()))


def run(options, tally, used):
    for release in EVERY:
        run_release(options, tally, used, release)
