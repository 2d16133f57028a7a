"""What the parts of the conformance run share: converting, judging by real Keras, counting."""
import concurrent.futures
import csv
import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
# The judges that wait, by what they are started with; each takes about 400 MiB.
RUNNING, ENVIRONMENTS_KEPT = {}, 3


def convert(kferry, source, target, report, *told, to="keras"):
    """Converts one file, with what is `told` on the command line; the exit status, and the report."""
    command = [kferry, "convert", source, "-o", target, "--to", to, "--report", report, *told]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    try:
        return done.returncode, json.loads(pathlib.Path(report).read_text())
    except (OSError, ValueError):
        return done.returncode, {"verdict": "none", "error": done.stderr.strip()[-400:]}


def convert_all(options, files, folder, told=lambda id: (), to="keras", suffix=".keras"):
    """{id: (status, report)} of converting {id: path}, each with what `told(id)` says."""
    folder.mkdir(parents=True, exist_ok=True)

    def one(item):
        id, path = item
        return id, convert(options.kferry, path, folder / (id + suffix), folder / f"{id}.json", *told(id), to=to)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(pool.map(one, files.items()))


def judges(python, environment, processes):
    """So many processes of judge.py that have imported Keras already; of the environments used last, a few stay."""
    key = (str(python), *sorted(environment.items()))
    started = RUNNING.pop(key, [])
    while len(started) < processes:
        started.append(subprocess.Popen([str(python), str(HERE / "judge.py"), "--serve"], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
    RUNNING[key] = started
    while len(RUNNING) > ENVIRONMENTS_KEPT:
        for process in RUNNING.pop(next(iter(RUNNING))):
            process.stdin.close()
            process.wait()
    return started[:processes]


def judge(python, folder, refs, ids, suffix="", reference=False, files=None, onednn=False, backend="tensorflow", packages=(), processes=2):
    """{id: result} of judge.py in a real Keras, which prefers the `packages` in those folders to the environment's own.

    Keras 3.4 to 3.8 unpack every archive to a file of the same name beside it: one process.
    """
    if not ids:
        return {}
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1" if onednn else "0", "KERAS_BACKEND": backend}
    if packages:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, packages))
    if pathlib.Path(python).parts[-3] == "ktf":
        environment["TF_USE_LEGACY_KERAS"] = "1"
    results = [folder / f"judged{suffix}-{i}.jsonl" for i in range(processes)]
    asked = judges(python, environment, processes)
    for i, (process, result) in enumerate(zip(asked, results)):
        result.unlink(missing_ok=True)
        listing = result.with_suffix(".list")
        listing.write_text("".join(f"{id}\t{(files or {}).get(id, folder / (id + '.keras'))}\n" for id in ids[i::processes]))
        arguments = (["--reference"] if reference else []) + [str(path) for path in (listing, refs, result)]
        process.stdin.write(json.dumps(arguments) + "\n")
        process.stdin.flush()
    for process in asked:
        if not process.stdout.readline():  # the next is asked of others
            RUNNING.clear()
    lines = [json.loads(line) for result in results if result.exists() for line in result.open()]
    return {line["id"]: line for line in lines}


def refusals(environment):
    """{id of a zoo model: row} of what must be refused for the release of an environment."""
    names = ["REFUSED.tsv", "REFUSED-3.0.tsv" if environment == "k30" else "REFUSED-3.7.tsv"]
    return {row["id"]: row for name in names for row in csv.DictReader((HERE / name).open(), delimiter="\t")}


def reasons(report):
    """Codes and places of what was refused."""
    entries = report.get("layer_mismatches", []) + report.get("needs", []) + report.get("problems", [])
    return "; ".join(sorted({f"{e['code']}: {e['reason']}" for e in entries})) or report.get("error", "")


class Tally:
    """Counts, says what failed as it is found, and once more at the end, where a log that is cut still shows it."""

    def __init__(self):
        self.passed, self.skipped, self.failures = 0, 0, []

    @property
    def failed(self):
        return len(self.failures)

    def check(self, ok, name, why=""):
        if ok:
            self.passed += 1
        else:
            self.failures.append(f"FAILED {name}: {' '.join(str(why).split())[:500]}")
            print(self.failures[-1], flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print(f"skipped {name}: {why}", flush=True)

    def summary(self):
        """Every failed check, and the counts as the last line."""
        print(f"\nfailed checks: {self.failed or 'none'}")
        for failure in self.failures:
            print(failure)
        print(f"conformance: {self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)


def verdict_of(result):
    if not result:
        return "was not judged"
    return f"{result['stage']}: {result.get('error') or 'difference %.3g of %.3g' % (result.get('maxdiff', -1), result.get('scale', -1))}"


def listed(path, name):
    """{id: row} of a list whose first column names a task or a target, or * for all."""
    rows = csv.DictReader(path.open(), delimiter="\t")
    return {row["id"]: row for row in rows if row[rows.fieldnames[0]] in ("*", name)}


def count_one(tally, count, name, outcome, row, limit, result):
    """What became of one model; `result` is None where nobody judged it."""
    status, report = outcome
    if status == 0 and limit:
        count["beyond this Keras"] += 1
        tally.skip(name, limit["reason"])
    elif status == 0:
        ok = result is None or bool(result.get("ok"))
        count["converted only" if result is None else "right" if ok else "wrong"] += 1
        tally.check(ok and not row, name, verdict_of(result) if not ok else "is listed but was not refused")
    elif status == 65:
        count["refused, as listed" if row else "refused, not listed"] += 1
        tally.check(bool(row) and row["code"] in reasons(report), name, f"refused: {reasons(report)}")
    else:
        count["broken"] += 1
        tally.check(False, name, f"exit status {status}: {report.get('error')}")


def table(title, rows):
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {value:6}  {name}")


