"""SavedModels and checkpoints of tf.keras 2.15 (fixtures/savedmodel) to .keras, judged by Keras 3, and wild SavedModels.

`expect` of MANIFEST.tsv: `right`, `trained` (a model in the middle of training: its next two steps are those of fixtures/training),
`guessed` (right by guess=yes, and without it refused for a class of the user's), or `refused:TEXT`. Every folder comes as a tar; of some the zip and the plain folder must give the same file. All are written for
the other targets too, and a sample is judged by the Keras of each. Wild ones must predict what tf.keras 2.15 says they do; those that are refused
must name one of the reasons below.
"""
import collections
import csv
import json
import shutil
import subprocess
import tarfile
import zipfile

from suite import FIXTURES, HERE, convert, convert_all, judge, reasons, table, verdict_of

ZOO = FIXTURES / "savedmodel"
# (name, target and what is told, suffix, environment, every how many): targets beside the newest .keras
TARGETS = (("keras-3.0", ("keras", "--keras", "3.0"), ".keras", "k30", 6), ("keras-2.15", ("keras", "--keras", "2.15"), ".keras", "k2", 6),
           ("h5-2.15", ("h5",), ".h5", "k2", 4))
# Optimizers whose state Keras 3 cannot go on with.
LOST = {"trained_legacy_nadam"}
# Of a class of the user's.
GUESSED = {"old_chain", "users_class"}
# What holds variables alone.
NAMED = ("weights_", "object_", "session", "export_", "keras3_")
# Why a wild SavedModel may be refused.
MAY = {"variables-missing", "custom-class", "lambda", "architecture-missing", "not-a-model", "corrupt-model", "no-equal-in-target"}
# And of those, one that TensorFlow runs nevertheless.
CODE = {"custom-class", "architecture-missing"}


def rows(options):
    return {row["id"]: row for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t") if options.only in row["id"]}


def told(id):
    architecture = ZOO / f"{id}.json"
    if id.startswith("beside_"):  # what an optimizer is called is not in a checkpoint
        architecture = FIXTURES / "training" / f"{id.removeprefix('beside_')}.h5"
    return (*(("--architecture", architecture) if architecture.exists() else ()), *(("--guess", "yes") if id in GUESSED else ()))


def said(report):
    """All that a report says in words."""
    return "\n".join(report.get("summary", {}).get("lines", [])) or report.get("error", "")


def check_refused(tally, count, id, text, converted):
    status, report = converted
    ok = status == 65 and text in said(report)
    count["refused as expected" if ok else "refused otherwise, or not"] += 1
    tally.check(ok, f"savedmodel/{id}", f"{status}, expected {text}: {said(report)}")


def train_judge(options, folder, ids):
    """{id: result} of going on with the training where the references are those of fixtures/training."""
    results, lines = folder / "trained.jsonl", folder / "trained.list"
    results.unlink(missing_ok=True)
    lines.write_text("".join("\t".join([id.partition("_")[2], str(folder / f"{id}.keras"), *(["loads"] if id in LOST else [])]) + "\n" for id in ids))
    subprocess.run([options.envs / "k3" / "bin" / "python", HERE / "train_judge.py", lines, FIXTURES / "training", results],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    found = {line["id"]: line for line in map(json.loads, results.open())} if results.exists() else {}
    return {id: found[key] for id in ids if (key := id.partition("_")[2]) in found}


def judge_zoo(options, tally, used):
    manifest, folder = rows(options), options.work / "savedmodel"
    converted = convert_all(options, {id: ZOO / f"{id}.tar" for id in manifest}, folder, told)
    trained = [id for id, row in manifest.items() if row["expect"] == "trained"]
    right = [id for id, row in manifest.items() if row["expect"] in ("right", "guessed") and converted[id][0] == 0]
    python = options.envs / "k3" / "bin" / "python"
    files = {id: f"{folder / (id + '.keras')}\t{manifest[id]['tolerance']}" for id in right}
    results = judge(python, folder, ZOO, right, files=files)
    for form in ("trained", "beside"):  # a training of fixtures/training may be in a folder of each
        results.update(train_judge(options, folder, [id for id in trained if id.startswith(form)]))
    count = collections.Counter()
    for id, row in manifest.items():
        status, report = converted[id]
        used.update(report.get("rules", []))
        if row["expect"].startswith("refused:"):
            check_refused(tally, count, id, row["expect"].partition(":")[2], converted[id])
            continue
        kept = row["expect"] != "trained" or (report.get("training") == "dropped") == (id in LOST)
        ok = status == 0 and kept and bool(results.get(id, {}).get("ok"))
        count[f"{row['group']}: {'right' if ok else 'wrong'}"] += 1
        tally.check(ok, f"savedmodel/{id}", f"{status}, {reasons(report)} {verdict_of(results.get(id))} {results.get(id)}")
    table(f"SavedModels and checkpoints of tf.keras 2.15: {len(manifest)} folders", sorted(count.items()))


def judge_targets(options, tally, used):
    """The other targets: all are converted, and one of so many is judged, each by its own Keras."""
    for name, (to, *rest), suffix, environment, every in TARGETS:
        if environment not in options.keras:
            continue
        manifest, folder = {id: row for id, row in rows(options).items() if row["expect"] in ("right", "guessed")}, options.work / f"savedmodel-{name}"
        converted = convert_all(options, {id: ZOO / f"{id}.tar" for id in manifest}, folder, lambda id: (*told(id), *rest), to=to, suffix=suffix)
        chosen = {id for id in list(manifest)[:: 1 if options.whole else every] if converted[id][0] == 0}
        files = {id: f"{folder / (id + suffix)}\t{manifest[id]['tolerance']}" for id in chosen}
        results, count = judge(options.envs / environment / "bin" / "python", folder, ZOO, sorted(chosen), files=files), collections.Counter()
        for id, (status, report) in converted.items():
            used.update(report.get("rules", []))
            # An older target may lack what the model has; then it says so.
            refused, right = status == 65 and "no-equal" in reasons(report), status == 0 and (id not in chosen or bool(results.get(id, {}).get("ok")))
            count["refused" if refused else "wrong" if not right else "right" if id in chosen else "converted only"] += 1
            tally.check(refused or right, f"savedmodel/{name}/{id}", f"{status}, {reasons(report)} {verdict_of(results.get(id))}")
        table(f"the same to {name}: {len(manifest)} of them", sorted(count.items()))


def judge_alone(options, tally, used):
    """Checkpoints without their architecture to .weights.h5 of 2.15, where their names say enough; into the model that they are of."""
    if "k2" not in options.keras:
        return
    ids = [id for id, row in rows(options).items() if row["group"] == "weights"]
    wordless = {id for id in ids if rows(options)[id]["expect"] == "refused:vocabulary"}
    folder, count = options.work / "savedmodel-alone", collections.Counter()
    converted = convert_all(options, {id: ZOO / f"{id}.tar" for id in ids}, folder, lambda id: ("--keras", "2.15"), to="weights.h5", suffix=".weights.h5")
    done = [id for id in ids if converted[id][0] == 0]
    files = {id: f"{folder / (id + '.weights.h5')}\t1e-5\t{ZOO / (id + '.json')}\t{id}" for id in done}
    results = judge(options.envs / "k2" / "bin" / "python", folder, ZOO, done, files=files)
    for id in ids:
        status, report = converted[id]
        used.update(report.get("rules", []))
        ok = bool(results.get(id, {}).get("ok")) if status == 0 else status == 65 and any(
            code in reasons(report) for code in ("architecture-missing", "mapping-ambiguous"))
        # A checkpoint lacks the words that adapt() learned: what was loaded works once the model knows them.
        ok = ok or (status == 0 and id in wordless and "FailedPrecondition" in verdict_of(results.get(id)))
        count[("right" if status == 0 else "refused") if ok else "wrong"] += 1
        tally.check(ok, f"savedmodel/alone/{id}", f"{status}, {reasons(report)} {verdict_of(results.get(id))}")
    table(f"checkpoints without an architecture to .weights.h5: {len(ids)}", sorted(count.items()))


def judge_arrays(options, tally):
    """Checkpoints, and SavedModels without layers, to .npz: the names and bits that TensorFlow reads from them."""
    if "k2" not in options.keras:
        return
    folder = options.work / "savedmodel-arrays"
    ids = [id for id in rows(options) if id.startswith(NAMED)]
    converted = convert_all(options, {id: ZOO / f"{id}.tar" for id in ids}, folder, lambda id: ("--keras", "2.15"), to="npz", suffix=".npz")
    done = [id for id in ids if converted[id][0] == 0]
    listing, results, count = folder / "arrays.list", folder / "arrays.jsonl", collections.Counter()
    results.unlink(missing_ok=True)
    listing.write_text("".join(f"{id}\t{ZOO / (id + '.tar')}\t{folder / (id + '.npz')}\n" for id in done))
    subprocess.run([options.envs / "k2" / "bin" / "python", HERE / "checkpoint_arrays.py", listing, results],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    found = {line["id"]: line for line in map(json.loads, results.open())} if results.exists() else {}
    for id in ids:
        ok = bool(found.get(id, {}).get("ok"))
        count["the same" if ok else "wrong"] += 1
        count["tensors"] += found.get(id, {}).get("tensors", 0)
        tally.check(ok, f"savedmodel/arrays/{id}", f"{converted[id][0]}, {reasons(converted[id][1])} {found.get(id)}")
    table(f"variables as arrays, beside tf.train.load_checkpoint(): {len(ids)}", sorted(count.items()))


def unpacked(archive, folder):
    """The only folder in a tar."""
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(archive) as members:
        members.extractall(folder)
    return next(folder.iterdir())


def judge_mended(options, tally):
    """What an optimizer's slots keep TensorFlow 2.16 and later from loading loads when it is mended, and predicts the same."""
    folder = options.work / "savedmodel-mended"
    ids = [id for id in rows(options) if id.startswith("trained_legacy_")]
    converted = convert_all(options, {id: ZOO / f"{id}.tar" for id in ids}, folder, to="savedmodel-repaired", suffix=".tar")
    listing, results, count = folder / "run.list", folder / "run.jsonl", collections.Counter()
    results.unlink(missing_ok=True)
    lines = [(f"before/{ids[0]}", unpacked(ZOO / f"{ids[0]}.tar", folder / "before"), ids[0])] if ids else []
    lines += [(id, unpacked(folder / f"{id}.tar", folder / id), id) for id in ids if converted[id][0] == 0]
    listing.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
    subprocess.run([options.envs / "k3" / "bin" / "python", HERE / "savedmodel_run.py", listing, ZOO, results],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    found = {line["id"]: line for line in map(json.loads, results.open())} if results.exists() else {}
    for id, _, _ in lines:
        before = id.startswith("before/")
        ok = "add_slot" in found.get(id, {}).get("error", "") if before else bool(found.get(id, {}).get("ok"))
        count[("fails before, as it must" if before else "right") if ok else "wrong"] += 1
        tally.check(ok, f"savedmodel/mended/{id}", str(found.get(id)))
    table(f"SavedModels mended for TensorFlow 2.16 and later: {len(ids)}", sorted(count.items()))


def judge_guessed(options, tally):
    """A model of a class of the user's is none of Keras', unless by guess."""
    folder = options.work / "savedmodel-users"
    files = {id: ZOO / f"{id}.tar" for id, row in rows(options).items() if row["expect"] == "guessed"}
    for id, (status, report) in convert_all(options, files, folder).items():
        tally.check(status == 65 and "custom-class" in reasons(report), f"savedmodel/users/{id}", f"{status}, {reasons(report)}")


def judge_packings(options, tally):
    """Folder, tar, .tar.gz and zip are one model."""
    ids = [id for id, row in rows(options).items() if row["group"] in ("saved", "weights")][::20]
    folder = options.work / "savedmodel-packed"
    for id in ids:
        plain = folder / id
        shutil.rmtree(plain, ignore_errors=True)
        with tarfile.open(ZOO / f"{id}.tar") as archive:
            archive.extractall(plain)
        with zipfile.ZipFile(folder / f"{id}.zip", "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            for file in sorted(plain.rglob("*")):
                archive.write(file, file.relative_to(plain))
        with tarfile.open(folder / f"{id}.tar.gz", "w:gz") as archive:
            archive.add(plain, id)
        made = []
        for i, source in enumerate((ZOO / f"{id}.tar", plain, folder / f"{id}.zip", folder / f"{id}.tar.gz")):
            status, report = convert(options.kferry, source, folder / f"{id}-{i}.keras", folder / f"{id}-{i}.json", *told(id))
            made.append((status, (folder / f"{id}-{i}.keras").read_bytes() if status == 0 else reasons(report)))
        tally.check(made[0][0] == 0 and all(one == made[0] for one in made), f"savedmodel/packed/{id}", str([status for status, _ in made]))


def judge_wild(options, tally):
    index = csv.DictReader((options.wild / "INDEX.tsv").open(), delimiter="\t")
    files = {row["file"]: options.wild / row["file"] for row in index if row["container"].startswith("SavedModel") and options.only in row["file"]}
    folder, count = options.work / "savedmodel-wild", collections.Counter()
    converted = convert_all(options, files, folder)
    truth = judge(options.envs / "k2" / "bin" / "python", folder, folder / "refs", list(files), "-truth", True, files)
    done = [id for id in files if converted[id][0] == 0 and truth.get(id, {}).get("ok")]
    results = judge(options.envs / "k3" / "bin" / "python", folder, folder / "refs", done)
    for id in files:
        status, report = converted[id]
        known = "with" if truth.get(id, {}).get("ok") else "without"
        count[f"{known} a truth"] += 1
        codes = {entry["code"] for kind in ("layer_mismatches", "needs", "problems") for entry in report.get(kind, [])}
        if status == 65:
            count[f"refused {known} a truth: {', '.join(sorted(codes))}"] += 1
            print(f"  refused {id}: {reasons(report)}")
            # What only Python code computes has a truth, and no config.
            tally.check(bool(codes & MAY) and (known == "without" or bool(codes & CODE)), f"savedmodel/wild/{id}", reasons(report))
        elif status == 0 and known == "with":
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok, f"savedmodel/wild/{id}", verdict_of(results.get(id)))
        else:
            tally.check(status == 0, f"savedmodel/wild/{id}", f"exit status {status}: {report.get('error')}")
            print(f"  no truth {id}: {verdict_of(truth.get(id))}")
    table(f"wild SavedModels: {len(files)} folders", sorted(count.items()))


def run(options, tally, used):
    if "k3" not in options.keras:
        return
    judge_zoo(options, tally, used)
    judge_guessed(options, tally)
    judge_packings(options, tally)
    judge_targets(options, tally, used)
    judge_alone(options, tally, used)
    judge_arrays(options, tally)
    judge_mended(options, tally)
    if options.wild and "k2" in options.keras:
        judge_wild(options, tally)
