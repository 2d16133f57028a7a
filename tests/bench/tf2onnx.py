#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models of the zoo as ONNX by kferry and by tf2onnx, side by side: how many are right, nodes, seconds, memory.

    tf2onnx.py --kferry build/kferry --python PYTHON-3.9-TO-3.11 --judge PYTHON-WITH-ONNXRUNTIME [--work DIR] [--every 12] [--only ID]

tf2onnx gets an environment of its own below the work folder, with TensorFlow 2.15, and loads each model by tf.keras. Two ways of
using either count: a process for each model, as on the command line, and all models in one go: one Python process that has imported
everything before the clock starts, and one `kferry convert` of a folder. ONNX Runtime judges both results against what Keras kept.
"""
import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
ZOO = TESTS / "fixtures" / "zoo"
PACKAGES = ("tensorflow-cpu==2.15.1", "tf2onnx==1.17.0", "onnx==1.16.2", "numpy<2")
OPSET = "17"
# In one process: a line of JSON for each model.
PEER = """
import json, os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy, tensorflow, tf2onnx
for line in sys.stdin:
    source, target = line.split()
    start, error = time.monotonic(), None
    try:
        model = tensorflow.keras.models.load_model(source, compile=False)
        spec = [tensorflow.TensorSpec(one.shape, one.dtype, name=one.name) for one in model.inputs]
        tf2onnx.convert.from_keras(model, spec, opset=%s, output_path=target)
    except Exception as problem:
        error = type(problem).__name__
    print(json.dumps([time.monotonic() - start, error]), flush=True)
""" % OPSET


def environment(options):
    """The Python of tf2onnx."""
    python = options.work / "tf2onnx" / "bin" / "python"
    if not python.exists():
        subprocess.run([options.python, "-m", "venv", str(python.parents[1])], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
    return str(python)


def run(command, **told):
    """Seconds, MiB of the largest process, and the exit status."""
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **told)
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    return time.monotonic() - start, usage.ru_maxrss / 1024, status


def peer_all(python, pairs):
    """({id: seconds of one in a warm process}, its MiB, {id: error})."""
    process = subprocess.Popen([python, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for source, target in pairs.values():
        process.stdin.write(f"{source} {target}\n")
    process.stdin.close()
    lines = [json.loads(line) for line in process.stdout]
    _, _, usage = os.wait4(process.pid, 0)
    found = dict(zip(pairs, lines))
    return {id: line[0] for id, line in found.items()}, usage.ru_maxrss / 1024, {id: line[1] for id, line in found.items() if line[1]}


def judge(options, folder, ids, manifest):
    """{id: result} of onnx_judge.py."""
    listing, results = folder / "list", folder / "results"
    listing.write_text("".join(f"{id}\t{folder / id}.onnx\t{manifest[id]['tolerance']}\n" for id in ids if (folder / f"{id}.onnx").exists()))
    subprocess.run([options.judge, str(TESTS / "conformance" / "onnx_judge.py"), str(listing), str(ZOO), str(results)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {line["id"]: line for line in map(json.loads, results.open())}


def middle(values):
    return statistics.median(values) if values else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kferry", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--judge", required=True)
    parser.add_argument("--work", type=pathlib.Path, default=None)
    parser.add_argument("--every", type=int, default=12)
    parser.add_argument("--alone", type=int, default=5, help="how many models are given a process of their own by tf2onnx")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    options.work = options.work or pathlib.Path(tempfile.mkdtemp())
    python, manifest = environment(options), {}
    for row in csv.DictReader((ZOO / "MANIFEST.tsv").open(), delimiter="\t"):
        if row["expect"] == "right" and options.only in row["id"] and (ZOO / f"{row['id']}.h5").exists():
            manifest[row["id"]] = row
    ids = list(manifest)[::options.every]
    folders = {name: options.work / name for name in ("kferry", "peer", "alone", "folder")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)

    ours = {id: run([options.kferry, "convert", ZOO / f"{id}.h5", "-o", folders["kferry"] / f"{id}.onnx", "--opset", OPSET]) for id in ids}
    together = run([options.kferry, "convert", *(ZOO / f"{id}.h5" for id in ids), "--to", "onnx", "--opset", OPSET, "-o", f"{folders['folder']}/"])
    warm, size, errors = peer_all(python, {id: (ZOO / f"{id}.h5", folders["peer"] / f"{id}.onnx") for id in ids})
    results = {name: judge(options, folders[name], ids, manifest) for name in ("kferry", "peer")}
    right = {name: [id for id in ids if results[name].get(id, {}).get("ok")] for name in results}
    both = [id for id in ids if id in right["kferry"] and id in right["peer"]]
    alone = {id: run([python, "-m", "tf2onnx.convert", "--keras", ZOO / f"{id}.h5", "--opset", OPSET, "--output", folders["alone"] / f"{id}.onnx"])
             for id in both[:: max(1, len(both) // options.alone)][:options.alone]}

    print(f"{len(ids)} models: right by kferry {len(right['kferry'])}, by tf2onnx {len(right['peer'])}, by both {len(both)}")
    print("  right by tf2onnx alone: " + (" ".join(id for id in right["peer"] if id not in both) or "none"))
    print("  of the others of tf2onnx: " + ", ".join(f"{errors.get(id) or 'other numbers'} ({id})" for id in ids if id not in right["peer"]))
    nodes = [(results["kferry"][id]["nodes"], results["peer"][id]["nodes"], id) for id in both]
    print(f"nodes of those right by both: {sum(a for a, _, _ in nodes)} and {sum(b for _, b, _ in nodes)}; more by kferry: "
          + (" ".join(f"{id} ({a}, {b})" for a, b, id in nodes if a > b) or "none"))
    one, peer = middle([ours[id][0] for id in alone]), middle([row[0] for row in alone.values()])
    print(f"a process for each, median of {len(alone)}: {one * 1000:.0f} ms and {peer * 1000:.0f} ms: {peer / one:.0f} times; "
          f"{middle([ours[id][1] for id in alone]):.0f} MiB and {middle([row[1] for row in alone.values()]):.0f} MiB")
    batch = together[0] / len(ids)
    print(f"all in one go, per model: {batch * 1000:.1f} ms and {middle(list(warm.values())) * 1000:.0f} ms (median), after "
          f"importing: {statistics.mean(warm.values()) / batch:.0f} times by the mean; {together[1]:.0f} MiB and {size:.0f} MiB")


if __name__ == "__main__":
    main()
