"""Wild architectures, and weights with the architecture found beside them: the Keras that wrote them gives their truth.

Weights with their architecture go to `.keras`, and to `weights.h5`, which Keras 3 loads into the model made of our `json`. An
architecture alone is given seeded weights by the Keras that wrote it, and must become the same `json` with them and without.
"""
import collections
import csv
import json

from suite import convert, judge, reasons, table, verdict_of

NEEDS = ("k1", "k2", "k24", "k3")
PAIR = "json+h5 pair: h5 weights-only"
# The bytecode of a Lambda is read by the Python that wrote it: before 2.6 mostly 3.6, which k24 has.
ENVIRONMENTS = {"1": "k1", "2": "k2", "lambda": "k24"}
# Seeded weights give some models outputs of a thousandth, in the noise of float32, and deep ones none but 0 and 1: then so
# many times what a millionth of the inputs makes of the outputs in the Keras that gives the truth.
SEEDED, STEPS = 5e-5, 4


def rows_of(options, container):
    index = csv.DictReader((options.wild / "INDEX.tsv").open(), delimiter="\t")
    return [row for row in index if row["container"] == container and options.only in row["file"]]


def sources(options, folder):
    """{id: (weights, architecture, environment)}: those of an architecture alone are yet to be made."""
    found = {}
    for row in rows_of(options, PAIR):
        architecture = options.wild / row["companion"]
        if architecture.exists():
            found[row["file"]] = (options.wild / row["file"], architecture, ENVIRONMENTS[(row["keras_version"] or "1")[0]])
    for row in rows_of(options, "json"):
        writer = "lambda" if row["lambda"] == "yes" and row["keras_version"] < "2.6" else (row["keras_version"] or "1")[0]
        found[row["file"]] = (folder / f"{row['file']}.seeded.h5", options.wild / row["file"], ENVIRONMENTS[writer])
    return found


def needs_onednn(architecture):
    """Keras 3 on TensorFlow runs channels_first on a CPU only by it."""
    text = architecture.read_text()
    return "channels_first" in text or 'dim_ordering": "th"' in text.replace("\\", "")


def backend_of(options, folder, weights, architecture):
    """The backend that wrote weights of Keras 1, as their report names it."""
    _, report = convert(options.kferry, weights, folder / "backend.keras", folder / "backend.json", "--architecture", architecture)
    return report.get("source", {}).get("backend") or "tensorflow"


def make_truth(options, found, folder, refs):
    truth, groups = {}, collections.defaultdict(dict)
    for id, (weights, architecture, environment) in found.items():
        if folder in weights.parents:
            weights.unlink(missing_ok=True)
        backend = backend_of(options, folder, weights, architecture) if environment == "k1" and weights.exists() else "tensorflow"
        groups[environment, backend][id] = f"{weights}\t{architecture}"
    for (environment, backend), files in groups.items():
        python = options.envs / environment / "bin" / "python"
        truth.update(judge(python, folder, refs, list(files), f"-truth-{environment}-{backend}", True, files, backend=backend))
    return truth


class Family:
    def __init__(self, options, folder, truth):
        self.options, self.folder, self.truth, self.results, self.judged = options, folder, truth, {}, {}

    def run(self, id, way, to, suffix, source, *told):
        name = f"{id}.{way}"
        target = self.folder / (name + suffix)
        self.results[name] = convert(self.options.kferry, source, target, self.folder / f"{name}.report", *told, to=to)
        return target

    def one(self, id, weights, architecture):
        given = ("--architecture", architecture)
        alone = self.run(id, "architecture", "json", ".json", architecture, "--keras", "3.15")
        if not weights.exists():
            return
        keras = self.run(id, "keras", "keras", ".keras", weights, *given)
        pair = self.run(id, "pair", "weights.h5", ".weights.h5", weights, *given)
        ours = self.run(id, "json", "json", ".json", weights, *given, "--keras", "3.15")
        tolerance = 1e-5
        if self.folder in weights.parents:
            tolerance = max(SEEDED, STEPS * self.truth.get(id, {}).get("rounding", 0))
        self.judged[f"{id}.keras"] = f"{keras}\t{tolerance}\t\t{id}"
        self.judged[f"{id}.pair"] = f"{pair}\t{tolerance}\t{ours}\t{id}"
        if self.results[f"{id}.architecture"][0] == 0 and ours.exists():
            same = json.loads(alone.read_text()) == json.loads(ours.read_text())
            self.judged[f"{id}.json"] = None if same else "is another one than without the weights"


def check(family, tally, name, result, count, has_truth):
    way, (status, report) = name.rsplit(".", 1)[1], family.results[name]
    if status == 65:
        count[f"{way}: refused, {'with' if has_truth else 'without'} a truth"] += 1
        print(f"  refused {name}: {reasons(report)}")
        codes = {entry["code"] for key in ("needs", "problems") for entry in report.get(key, [])}
        tally.check(not has_truth or codes == {"weights-needed"}, f"wild-separate/{name}", f"refused: {reasons(report)}")
    elif status != 0:
        tally.check(False, f"wild-separate/{name}", f"exit status {status}: {report.get('error')}")
    elif way == "json":
        wrong = family.judged.get(name)
        count[f"{way}: {'wrong' if wrong else 'the same as alone'}"] += 1
        tally.check(not wrong, f"wild-separate/{name}", wrong)
    elif has_truth and way != "architecture":
        ok = bool(result and result["ok"])
        count[f"{way}: {'right' if ok else 'wrong'}"] += 1
        tally.check(ok, f"wild-separate/{name}", verdict_of(result))
    else:
        count[f"{way}: converted"] += 1


def run(options, tally, used):
    if not options.wild or not set(NEEDS) <= set(options.keras):
        return
    folder, refs = options.work / "wild-separate", options.work / "wild-separate-refs"
    folder.mkdir(parents=True, exist_ok=True)
    found, count = sources(options, folder), collections.Counter()
    truth = make_truth(options, found, folder, refs)
    family = Family(options, folder, truth)
    for id, (weights, architecture, _) in found.items():
        family.one(id, weights, architecture)
    done = {name: how for name, how in family.judged.items() if how and "\t" in how and family.results[name][0] == 0 and
            truth.get(name.rsplit(".", 1)[0], {}).get("ok")}
    first = {name: how for name, how in done.items() if needs_onednn(found[name.rsplit(".", 1)[0]][1])}
    python = options.envs / "k3" / "bin" / "python"
    results = judge(python, folder, refs, [name for name in done if name not in first], files=done)
    results.update(judge(python, folder, refs, list(first), "-onednn", files=first, onednn=True))
    for id in found:
        has_truth = bool(truth.get(id, {}).get("ok"))
        count["files with a truth" if has_truth else "files without a truth"] += 1
        if not has_truth:
            print(f"  no truth {id}: {verdict_of(truth.get(id))}")
    for name in family.results:
        check(family, tally, name, results.get(name), count, bool(truth.get(name.rsplit(".", 1)[0], {}).get("ok")))
    table(f"wild weights with architectures, and architectures: {len(found)} files", sorted(count.items()))
