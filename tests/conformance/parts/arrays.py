"""Models as named tensors and back: safetensors with their config, .npz with it beside them. No Keras is needed."""
import collections
import csv
import json
import subprocess

from parts.wild import FAMILIES, wild_files
from suite import FIXTURES, convert_all, reasons, table

# The zoo, what it is made of, how it is brought back, and every how many-th model is taken.
TASKS = {
    "zoo3": (".keras", "keras", [], 8),
    "zoo": (".h5", "h5", [], 12),
    "zoo1": (".h5", "h5", [], 12),
}
# Of wild files every how many-th.
WILD = 2
THEANO = ("old_theano_",)


def backend(id):
    return ["--backend", "theano"] if id.startswith(THEANO) else []


def written(report):
    """Path and checksum of every tensor in the file that was written."""
    return sorted((row["target"], row["checksum"]["after"]["value"]) for row in report.get("tensors", []))


def config_difference(kferry, paths):
    """Where two models differ beside their training; a vocabulary may stand in the config or in a file beside the weights."""
    done = subprocess.run([str(c) for c in (kferry, "diff", "--json", *paths)], capture_output=True, text=True)
    found = json.loads(done.stdout)["differences"] if done.returncode in (0, 1) else [done.stderr]
    return [one for one in found if not isinstance(one, dict) or (one.get("key") != "vocabulary" and not same_ends(one))]


def same_ends(one):
    """A .json says no release, and before 3.11 a list of one stood for the one tensor of a model, too."""
    return one["what"] in ("inputs", "outputs") and one["a"] == [one["b"]]


def difference(kferry, direct, other, paths):
    """What came back otherwise than the conversion without a detour writes it; empty when nothing did.

    Files that are not byte for byte the same have the same tensors and the same layers: named tensors hold no training state.
    """
    if other[0] != 0:
        return f"exit status {other[0]}: {reasons(other[1])}"
    if paths[0].read_bytes() == paths[1].read_bytes():
        return ""
    mine = set(written(other[1]))
    if not mine <= set(written(direct[1])) or (direct[1]["training"] == "none" and mine != set(written(direct[1]))):
        return "the tensors are written otherwise"
    return str(config_difference(kferry, paths) or "")


def run_task(options, tally, used, task):
    suffix, to, told, every = TASKS[task]
    manifest = [row["id"] for row in csv.DictReader((FIXTURES / task / "MANIFEST.tsv").open(), delimiter="\t")]
    files = {id: FIXTURES / task / (id + suffix) for id in manifest[:: 1 if options.whole else every] if options.only in id}
    run_files(options, tally, used, task, {id: path for id, path in files.items() if path.exists()}, suffix, to, told)


def run_wild(options, tally, used):
    """Wild whole models, as Keras 2 or 3 would have them."""
    for family, (container, major, _) in FAMILIES.items():
        files = list({id: path for id, path in wild_files(options.wild, container, major).items() if options.only in id}.items())
        suffix, to = (".keras", "keras") if major == "3" else (".h5", "h5")
        run_files(options, tally, used, "wild " + family, dict(files[:: 1 if options.whole or options.only else WILD]), suffix, to, [])


def run_files(options, tally, used, task, files, suffix, to, told):
    """There and back, as safetensors with their config and as .npz with it beside them."""
    folder = options.work / f"arrays-{task.replace(' ', '-')}"

    def convert(name, sources, to, end, told=lambda id: []):
        return convert_all(options, sources, folder / name, told, to=to, suffix=end)

    def made(name, results, end):
        return {id: folder / name / (id + end) for id in results if results[id][0] == 0}

    direct = convert("direct", files, to, suffix, lambda id: told + backend(id))
    first = convert("safetensors", files, "safetensors", ".safetensors", backend)
    back = convert("whole", made("safetensors", first, ".safetensors"), to, suffix)
    npz = convert("npz", files, "npz", ".npz", backend)
    # The config that goes with the arrays: of the same release, as both keep the generation.
    config = convert("json", files, "json", ".json", lambda id: backend(id) + (["--keras", "3.15"] if to == "keras" else []))
    arrays = {id: path for id, path in made("npz", npz, ".npz").items() if config[id][0] == 0}
    given = convert("given", arrays, to, suffix, lambda id: ["--architecture", str(folder / "json" / (id + ".json"))])
    count = collections.Counter()
    for id in files:
        if direct[id][0] != 0:
            alone = first[id][0] == 0 and "architecture-missing" in reasons(direct[id][1])
            count["weights alone" if alone else "refused as by the direct way"] += 1
            tally.check(alone or first[id][0] == 65, f"arrays/{task}/{id}", "is refused, but not as safetensors")
            continue
        for form, results in (("safetensors", back), ("npz", given)):
            outcome = results.get(id, (first if form == "safetensors" else npz)[id])
            why = difference(options.kferry, direct[id], outcome, [folder / at / (id + suffix) for at in ("direct", "whole" if form == "safetensors" else "given")])
            count[f"{form}: {'otherwise' if why else 'the same'}"] += 1
            tally.check(not why, f"arrays/{task}/{form}/{id}", why)
        used.update(back.get(id, (0, {}))[1].get("rules", []))
    table(f"{task} as named tensors and back: {len(files)} models", sorted(count.items()))


def run(options, tally, used):
    for task in TASKS:
        run_task(options, tally, used, task)
    if options.wild:
        run_wild(options, tally, used)
