"""What kferry wrote, read again. No Keras is needed.

    once more    the zoo of tf.keras 2.15 as .keras of Keras 3, and that once more: the same tensors by the same names
    there, back  the zoo of tf.keras 2.15 to Keras 3.15 and back, and that of Keras 3.15 to 2.15 and back: `kferry diff` finds the same
                 model, or one of the two reports speaks of every layer where it finds a difference; ROUNDTRIP.tsv lists where
                 neither does, as nothing is computed otherwise
    wild         the same with whole models found in the wild, each of which the reports must tell all of
"""
import collections
import csv
import json
import subprocess

from parts.wild import wild_files
from suite import FIXTURES, HERE, convert_all, listed, reasons, table

QUIET = HERE / "ROUNDTRIP.tsv"
ZOO = FIXTURES / "zoo"
# Release that is written, and every how many-th model: the oldest orders the layers of a graph otherwise.
EVERY = {"3.15": 1, "3.0": 5}
TOLD = {"old_theano_": ["--backend", "theano"]}
# Zoo and suffix of what is read; what is written there and back, for whom; every how many-th model unless all are wanted.
WAYS = {
    "2-3-2": ("zoo", ".h5", ("keras", "3.15"), ("h5", "2.15"), 6),
    "3-2-3": ("zoo3", ".keras", ("h5", "2.15"), ("keras", "3.15"), 4),
    "3-2-3-zip": ("zoo3", ".keras", ("keras", "2.15"), ("keras", "3.15"), 12),
}
# The same for wild files: what the index calls them and the release that wrote them.
WILD_WAYS = {
    "wild-2-3-2": ("h5 whole-model", "2", ("keras", "3.15"), ("h5", "2.15")),
    "wild-3-2-3": ("h5 whole-model", "3", ("h5", "2.15"), ("keras", "3.15")),
    "wild-3-2-3-zip": ("keras zip v3", "3", ("h5", "2.15"), ("keras", "3.15")),
}
# A layer that comes or goes is reported; what is then called, and what comes out, has other numbers.
FOLLOWS = ("call", "outputs")


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


def said(report):
    """Layers that a report speaks of, by their old names and their new ones."""
    lists = ("config_changes", "layer_mismatches", "problems", "findings", "lost", "renamed_layers")
    entries = [entry for name in lists for entry in report.get(name, [])]
    return {entry[key] for entry in entries for key in ("where", "before", "after") if isinstance(entry.get(key), str)}


def unsaid(options, source, back, reports):
    """Differences that no report speaks of, and whether the two files are the same."""
    done = subprocess.run([options.kferry, "diff", source, back, "--json"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        return [done.stderr.strip()[-300:]], False
    found = json.loads(done.stdout)["differences"]
    places = said(reports[0]) | said(reports[1])
    moved = any(entry["what"] == "layer-missing" for entry in found)
    return [entry for entry in found if entry["where"] not in places and not (moved and entry["what"] in FOLLOWS)], not found


def there_and_back(options, tally, used, way, files, steps, quiet):
    """Convert twice, each with `to` and release, and hold what `kferry diff` finds against the reports."""
    folders, results = [options.work / f"roundtrip-{way}-{i}" for i in (1, 2)], []
    paths = files
    for folder, (to, keras) in zip(folders, steps):
        converted = convert_all(options, paths, folder, lambda id: ["--keras", keras] + (backend(id) if not results else []), to=to, suffix=f".{to}")
        paths = {id: folder / f"{id}.{to}" for id in paths if converted[id][0] == 0}
        results.append(converted)
    count = collections.Counter()
    for id in files:
        outcome = [converted[id] for converted in results if id in converted]
        broken = [status for status, _ in outcome if status not in (0, 65)]
        used.update(rule for _, report in outcome for rule in report.get("rules", []))
        if id not in paths:
            count["refused"] += 1
            tally.check(not broken, f"roundtrip/{way}/{id}", f"exit status {broken}")
            continue
        rest, same = unsaid(options, files[id], paths[id], [report for _, report in outcome])
        count["the same" if same else "other, as listed" if rest and id in quiet else "other" if rest else "other, as the reports say"] += 1
        tally.check(bool(rest) == (id in quiet), f"roundtrip/{way}/{id}", json.dumps(rest[:3]) if rest else "is listed, but the reports say it all")
    table(f"there and back {way}: {len(files)} models", sorted(count.items()))


def run_way(options, tally, used, way):
    zoo, suffix, there, back, every = WAYS[way]
    manifest = [row["id"] for row in csv.DictReader((FIXTURES / zoo / "MANIFEST.tsv").open(), delimiter="\t")]
    chosen = manifest if options.whole else manifest[::every]
    files = {id: FIXTURES / zoo / (id + suffix) for id in chosen if options.only in id}
    there_and_back(options, tally, used, way, files, (there, back), listed(QUIET, zoo))


def run_wild(options, tally, used, way):
    container, major, there, back = WILD_WAYS[way]
    files = {id: path for id, path in wild_files(options.wild, container, major).items() if options.only in id}
    there_and_back(options, tally, used, way, files, (there, back), {})


def run(options, tally, used):
    for release in EVERY:
        run_release(options, tally, used, release)
    for way in WAYS:
        run_way(options, tally, used, way)
    for way in WILD_WAYS if options.wild else ():
        run_wild(options, tally, used, way)
