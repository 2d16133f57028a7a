"""The zoo of tf.keras 2.15 (fixtures/zoo) written for releases of Keras 2, and as legacy .h5 for Keras 3."""
import collections
import csv

from suite import FIXTURES, HERE, convert_all, count_one, judge, listed, table

ZOO = FIXTURES / "zoo"
REFUSED = HERE / "REFUSED-keras2.tsv"
LIMITS = HERE / "LIMITS-keras2.tsv"
# What is written, for whom, who judges, and every how many-th model is judged unless all are wanted. All are converted.
TARGETS = {
    "h5-2.15": ("h5", ".h5", "2.15", "k2", 12),
    "keras-2.15": ("keras", ".keras", "2.15", "k2", 12),
    "keras-2.13": ("keras", ".keras", "2.13", "k213", 15),
    "keras-tf": ("keras", ".keras", "tf_keras-2.21", "ktf", 20),
    "h5-2.4": ("h5", ".h5", "2.4", "k24", 20),
    "h5-2.6": ("h5", ".h5", "2.6", None, 1),
    "h5-3.15": ("h5", ".h5", "3.15", "k3", 20),
}
TOLD = {"old_theano_": ["--backend", "theano"]}
# These run on a CPU only by oneDNN.
ONEDNN = ("channels_first", "conv2d_transpose_dilated")


def told(keras):
    """What a model's conversion is told beside its file."""
    return lambda id: ["--keras", keras] + [word for prefix, words in TOLD.items() if id.startswith(prefix) for word in words]


def judge_all(options, environment, folder, suffix, manifest, done, refs=ZOO):
    paths = {id: folder / (id + suffix) for id in done}
    special = {id for id in done if id in ONEDNN or manifest[id]["group"] in ONEDNN}
    if not done:
        return {}
    python = options.envs / environment / "bin" / "python"
    results = judge(python, folder, refs, [id for id in done if id not in special], files=paths)
    results.update(judge(python, folder, refs, sorted(special), "-onednn", files=paths, onednn=True))
    return results


def run_target(options, tally, used, manifest, target):
    to, suffix, keras, environment, every = TARGETS[target]
    files = {id: ZOO / f"{id}.h5" for id in manifest if options.only in id}
    folder = options.work / f"keras2-{target}"
    converted = convert_all(options, files, folder, told(keras), to=to, suffix=suffix)
    refused, limits = listed(REFUSED, target), listed(LIMITS, target)
    done = [id for id in files if converted[id][0] == 0 and id not in limits]
    chosen = set(done if options.whole else list(manifest)[::every]) if environment in options.keras else set()
    results = judge_all(options, environment, folder, suffix, manifest, [id for id in done if id in chosen])
    count = collections.Counter()
    for id in files:
        used.update(converted[id][1].get("rules", []))
        count_one(tally, count, f"keras2/{target}/{id}", converted[id], refused.get(id), limits.get(id),
                  results.get(id, {}) if id in chosen else None)
    table(f"zoo as {target}: {len(files)} models, {len(chosen & set(done))} of them judged by {environment or 'nobody'}", sorted(count.items()))


def run(options, tally, used):
    manifest = {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t")}
    for target in TARGETS:
        run_target(options, tally, used, manifest, target)
