"""Wild whole models of Keras 1, 2 and 3 to .keras: the Keras that wrote them gives their truth, Keras 3 judges. Those of Keras 3 also
go down to 2.15, which judges them by the same truth."""
import collections
import csv

from suite import convert_all, judge, reasons, table, verdict_of

# What it is called in the index, the release that wrote it, and the environment that gives the truth.
FAMILIES = {
    ".h5 of Keras 1": ("h5 whole-model", "1", "k1"),
    ".h5 of Keras 2": ("h5 whole-model", "2", "k2"),
    ".h5 of Keras 3": ("h5 whole-model", "3", "k3"),
    ".keras of Keras 3": ("keras zip v3", "3", "k3"),
}

# Codes of refusals that are no fault on the way down: what 2.15 has no equal of, and code.
NO_EQUAL = ("no-equal-in-target", "value-no-equal-in-target", "graph-no-equal-in-target", "mask-no-equal-in-target",
            "custom-class", "lambda")


def wild_files(folder, container, major):
    index = csv.DictReader((folder / "INDEX.tsv").open(), delimiter="\t")
    return {row["file"].rsplit(".", 1)[0]: folder / row["file"] for row in index
            if row["container"] == container and row["keras_version"].startswith(major)}


def truths(options, major, environment, files, converted, folder, refs):
    """Real Keras runs the files as they are; one of Keras 1 on the backend that its report names."""
    python = options.envs / environment / "bin" / "python"
    backends = collections.defaultdict(list)
    for id in files:
        backends[converted[id][1].get("source", {}).get("backend") or "tensorflow" if major == "1" else "tensorflow"].append(id)
    return {id: result for backend, ids in backends.items()
            for id, result in judge(python, folder, refs, ids, f"-truth-{backend}", True, files, backend=backend).items()}


def count_files(tally, name, files, converted, truth, results):
    """What became of the files of a family: right, refused and wrong, of those with a truth."""
    count = collections.Counter()
    for id in files:
        status, report = converted[id]
        has_truth = bool(truth.get(id, {}).get("ok"))
        count["with a truth" if has_truth else "without a truth"] += 1
        if status == 65:
            count[f"refused ({'with' if has_truth else 'without'} a truth)"] += 1
            print(f"  refused {id}: {reasons(report)}")
            tally.check(not has_truth or may_refuse(name, report), f"{name}/{id}", f"refused: {reasons(report)}")
        elif status != 0:
            tally.check(False, f"{name}/{id}", f"exit status {status}: {report.get('error')}")
        elif has_truth:
            ok = bool(results.get(id, {}).get("ok"))
            count["right" if ok else "wrong"] += 1
            tally.check(ok, f"{name}/{id}", verdict_of(results.get(id)))
        else:
            count["converted without a truth"] += 1
            print(f"  no truth {id}: {verdict_of(truth.get(id))}")
    table(f"{name}: {len(files)} files", sorted(count.items()))


def may_refuse(name, report):
    """Only the way down may meet what the target does not have: each such refusal names it."""
    return name.startswith("wild-down") and any(code in reasons(report) for code in NO_EQUAL)


def run_down(options, tally, family, files, truth, refs):
    """The files of Keras 3 for 2.15, held against the same truth."""
    for to, suffix in (("h5", ".h5"), ("keras", ".keras")):
        folder = options.work / f"wild-down-{to}-{family.replace(' ', '-')}"
        converted = convert_all(options, files, folder, lambda id: ["--keras", "2.15"], to=to, suffix=suffix)
        paths = {id: folder / (id + suffix) for id in files if converted[id][0] == 0 and truth.get(id, {}).get("ok")}
        results = judge(options.envs / "k2" / "bin" / "python", folder, refs, list(paths), files=paths)
        count_files(tally, f"wild-down {to} of {family}", files, converted, truth, results)


def run_family(options, tally, name):
    container, major, environment = FAMILIES[name]
    files = {id: path for id, path in wild_files(options.wild, container, major).items() if options.only in id}
    folder = options.work / f"wild-{name.replace(' ', '-')}"
    refs = options.work / f"{folder.name}-refs"
    converted = convert_all(options, files, folder)
    truth = truths(options, major, environment, files, converted, folder, refs)
    done = [id for id in files if converted[id][0] == 0 and truth.get(id, {}).get("ok")]
    results = judge(options.envs / "k3" / "bin" / "python", folder, refs, done)
    count_files(tally, f"wild {name}", files, converted, truth, results)
    if major == "3" and "k2" in options.keras:
        run_down(options, tally, name, files, truth, refs)


def run(options, tally, used):
    for name, (_, _, environment) in FAMILIES.items():
        if options.wild and {environment, "k3"} <= set(options.keras):
            run_family(options, tally, name)
