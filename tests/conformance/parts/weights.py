"""Weights and architectures of real Keras in separate files (fixtures/weights), judged by Keras 3.

Of each model: its architecture to `json`; its weights with the architecture to `.keras` and to `weights.h5`, which is loaded into
the model made from our `json`; and its weights alone to `weights.h5`, loaded into the model that real Keras 3.15 wrote down; once more with what guess=yes takes,
which is right where the layers have names of the user's.
"""
import collections
import concurrent.futures
import csv
import fnmatch
import json

from pack import files_of
from suite import FIXTURES, HERE, convert, judge, reasons, table, verdict_of

WEIGHTS = FIXTURES / "weights"
SUFFIXES = {"legacy": ".legacy.h5", "weights": ".weights.h5", "shards": ".weights.json", "arrays": ".arrays.npz"}
SHARDED = "k3"
NEWEST = "3.15"
# The oldest Keras 3 sees every EVERY-th model.
EVERY = 4


def sources():
    """(id, form, files) of each file of weights."""
    for row in csv.DictReader((WEIGHTS / "MANIFEST.tsv").open(), delimiter="\t"):
        for form, suffix in SUFFIXES.items():
            path = WEIGHTS / (row["id"] + suffix)
            if path.exists():
                yield row["id"], form, [path, *(file for file in files_of(WEIGHTS, row["id"]) if form == "shards" and file.name[len(row["id"])] == "_")]


class Family:
    """The conversions of one run, and what is to be judged of them."""

    def __init__(self, options, release):
        self.options, self.release = options, release
        self.folder = options.work / f"weights-{release}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.results, self.judged = {}, {}

    def path(self, name, suffix):
        return self.folder / (name + suffix)

    def run(self, name, to, suffix, files, architecture=None, told=()):
        told = [*told, *files[1:], *(["--architecture", architecture] if architecture else []), "--keras", self.release]
        target = self.path(name, suffix)
        self.results[name] = convert(self.options.kferry, files[0], target, self.path(name, ".report"), *told, to=to)
        return target

    def one(self, id, form, files):
        """All ways of one file; what is judged is noted as (file, architecture, reference)."""
        architecture, stem = WEIGHTS / f"{id}.json", f"{id}.{form}"
        keras = self.run(f"{stem}.keras", "keras", ".keras", files, architecture)
        weights = self.run(f"{stem}.pair", "weights.h5", ".weights.h5", files, architecture)
        ours = self.run(f"{stem}.json", "json", ".json", files, architecture)
        alone = self.run(f"{stem}.alone", "weights.h5", ".weights.h5", files)
        real = WEIGHTS / f"{SHARDED}_{id.split('_', 1)[1]}.json"
        guess = self.run(f"{stem}.guess", "weights.h5", ".weights.h5", files, told=["--guess", "yes"])
        self.judged[f"{stem}.keras"] = (keras, None, id)
        self.judged[f"{stem}.pair"] = (weights, ours, id)
        self.judged[f"{stem}.alone"] = (alone, real, id)
        if "named" in id:
            self.judged[f"{stem}.guess"] = (guess, real, id)

    def architecture(self, id):
        """The architecture by itself says the same as with weights, or is refused."""
        self.run(f"{id}.architecture", "json", ".json", [WEIGHTS / f"{id}.json"])

    def convert(self, chosen):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda source: self.one(*source), chosen))
            list(pool.map(self.architecture, sorted({id for id, _, _ in chosen})))

    def judge(self, environment):
        """Not what older Keras is to load without an architecture: there is no model of its own to load it into."""
        done = {name: how for name, how in self.judged.items()
                if self.results[name][0] == 0 and not (self.release != NEWEST and name.endswith((".alone", ".guess")))}
        files = {name: f"{path}\t1e-5\t{architecture or ''}\t{id}" for name, (path, architecture, id) in done.items()}
        return judge(self.options.envs / environment / "bin" / "python", self.folder, WEIGHTS, list(files), files=files)

    def same_architecture(self, id):
        ours = [json.loads(path.read_text()) for path in sorted(self.folder.glob(f"{id}.*.json"))]
        return all(one == ours[0] for one in ours)


def code_of(refused, name):
    """The code that a conversion is refused with as the list says, "" for one that is not."""
    return next((row["code"] for row in refused if fnmatch.fnmatch(name, row["name"])), "")


def check(family, tally, label, name, results, code):
    """One conversion; what became of it."""
    status, report = family.results[name]
    way = name.rsplit(".", 1)[1]
    if status == 65:
        tally.check(bool(code) and code in reasons(report), label, f"refused: {reasons(report)}")
        return f"{way}: refused"
    if status != 0 or code:
        tally.check(False, label, f"exit status {status}: {report.get('error')}" if status else f"is listed as refused ({code}), but was not")
        return f"{way}: broken"
    if way == "architecture":
        tally.check(family.same_architecture(name.rsplit(".", 1)[0]), label, "the config is another than with the weights")
        return f"{way}: converted"
    if name not in family.judged or (family.release != NEWEST and way in ("alone", "guess")):
        return f"{way}: converted"
    ok = bool(results.get(name, {}).get("ok"))
    tally.check(ok, label, verdict_of(results.get(name)))
    return f"{way}: {'right' if ok else 'wrong'}"


def run_release(options, tally, environment, release, used):
    names = ["REFUSED.weights.tsv"] + ([] if release == NEWEST else ["REFUSED.weights-3.0.tsv"])
    refused = [row for name in names for row in csv.DictReader((HERE / name).open(), delimiter="\t")]
    chosen = [source for source in sources() if options.only in source[0]]
    family = Family(options, release)
    family.convert(chosen if release == NEWEST else chosen[::EVERY])
    results, count = family.judge(environment), collections.Counter()
    for name, (_, report) in sorted(family.results.items()):
        used.update(report.get("rules", []))
        count[check(family, tally, f"weights/{environment}/{name}", name, results, code_of(refused, name))] += 1
    table(f"weights and architectures in {environment}: {len(chosen)} files of weights", sorted(count.items()))


def run(options, tally, used):
    for environment, release in (("k3", NEWEST), ("k30", "3.0")):
        if environment in options.keras:
            run_release(options, tally, environment, release, used)
