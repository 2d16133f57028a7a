"""TensorFlow.js as the judge: loads layers models, feeds the kept inputs, compares with the kept outputs.

    tfjs_judge.py LIST REFS RESULTS    lines of LIST: id <TAB> path of the zip <TAB> tolerance

REFS holds <id>.npz (see samples.py). RESULTS gets a JSON line a file, as judge.py writes it. Runs in the environment `tfjs`.
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import numpy as np

import samples

HERE = pathlib.Path(__file__).resolve().parent


def feeds_of(npz):
    inputs, _, names = samples.read(npz)
    for name, value in zip(names, map(np.asarray, inputs)):
        data = [one if math.isfinite(one) else str(one).replace("inf", "Infinity") for one in value.astype("float64").ravel().tolist()]
        yield {"name": name, "dtype": str(value.dtype), "shape": list(value.shape), "data": data}


def run(jobs, folder):
    """{id: what Node found}."""
    (folder / "jobs").write_text("".join(json.dumps(job) + "\n" for job in jobs))
    prefix = pathlib.Path(sys.prefix)
    subprocess.run([prefix / "bin" / "node", HERE / "tfjs_run.js", prefix / "node_modules", folder / "jobs", folder / "results"], check=True)
    return {result["id"]: result for result in map(json.loads, (folder / "results").open())}


def compare(found, npz, tolerance, result):
    result["stage"] = found["stage"]
    if found["stage"] != "done":
        result["error"] = found["error"]
        return
    outputs = [np.array([float(one) for one in output["data"]]).reshape(output["shape"]) for output in found["outputs"]]
    result["stage"] = "compare"
    result["maxdiff"], result["scale"] = samples.difference(outputs, samples.read(npz)[1])
    result["ok"] = samples.equal(result["maxdiff"], result["scale"], tolerance)
    result["stage"] = "done"


def main(listing, refs, results):
    rows = [line.rstrip("\n").split("\t") for line in open(listing)]
    with tempfile.TemporaryDirectory() as scratch, open(results, "w") as log:
        folder, jobs = pathlib.Path(scratch), []
        for id, path, _ in rows:
            zipfile.ZipFile(path).extractall(folder / id)
            jobs.append({"id": id, "model": str(folder / id), "feeds": list(feeds_of(pathlib.Path(refs, id + ".npz")))})
        found = run(jobs, folder)
        for id, _, tolerance in rows:
            result = {"id": id, "ok": False}
            try:
                compare(found[id], pathlib.Path(refs, id + ".npz"), float(tolerance), result)
            except Exception as error:
                result["error"] = f"{type(error).__name__}: {str(error).strip()}"[:400]
            log.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
