"""TensorFlow itself as the judge of SavedModels: loads each and runs its signature.

    savedmodel_run.py LIST REFS RESULTS       lines of LIST: id <TAB> folder <TAB> id in REFS

REFS holds <id>.npz (see samples.py). RESULTS gets a JSON line a folder: id, ok, error, maxdiff, scale. Runs in any TensorFlow 2.
"""
import json
import os
import pathlib
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import tensorflow as tf

import samples


def one(folder, npz, result):
    inputs, expected, _ = samples.read(npz)
    run = tf.saved_model.load(folder).signatures["serving_default"]
    names = sorted(run.structured_input_signature[1])
    outputs = run(**{name: tf.constant(value) for name, value in zip(names, inputs)})
    found = [samples.small(outputs[name].numpy()) for name in sorted(outputs)]
    result["maxdiff"], result["scale"] = samples.difference(found, expected)
    result["ok"] = samples.equal(result["maxdiff"], result["scale"], 1e-5)


def main(listing, refs, results):
    for line in open(listing):
        id, folder, reference = line.rstrip("\n").split("\t")
        result = {"id": id, "ok": False}
        try:
            one(folder, os.path.join(refs, reference + ".npz"), result)
        except Exception as error:
            result["error"] = f"{type(error).__name__}: {str(error).strip()}"[:300]
        with open(results, "a") as log:
            log.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
