"""hls4ml as the judge: reads architectures with their weights, builds them with the C++ compiler, compares with the kept outputs.

    hls_judge.py LIST REFS RESULTS    lines of LIST: id <TAB> architecture <TAB> weights <TAB> tolerance

REFS holds <id>.npz (see samples.py). RESULTS gets a JSON line a file, as judge.py writes it. Runs in the environment `hls`, which has
no Keras: hls4ml reads the files by itself. It computes in numbers of fixed point, here of 20 bits behind the point.
"""
import json
import pathlib
import sys
import tempfile

from hls4ml.converters.keras_v2_to_hls import keras_v2_to_hls

import samples

PRECISION = "ap_fixed<32,12>"


def config_of(architecture, weights, folder):
    model = {"Precision": PRECISION, "ReuseFactor": 1, "Strategy": "Latency"}
    return {"KerasJson": architecture, "KerasH5": weights, "OutputDir": folder, "ProjectName": "judged", "Backend": "Vitis",
            "IOType": "io_parallel", "HLSConfig": {"Model": model}}


def judge(architecture, weights, npz, tolerance, result):
    inputs, expected, _ = samples.read(npz)
    with tempfile.TemporaryDirectory() as folder:
        model = keras_v2_to_hls(config_of(architecture, weights, folder))
        result["stage"] = "predict"
        model.compile()
        outputs = samples.flat(model.predict(inputs if len(inputs) > 1 else inputs[0]))
    result["stage"] = "compare"
    outputs = [output.reshape(wish.shape) for output, wish in zip(outputs, expected)]
    result["maxdiff"], result["scale"] = samples.difference(outputs, expected)
    result["ok"] = samples.equal(result["maxdiff"], result["scale"], tolerance)
    result["stage"] = "done"


def main(listing, refs, results):
    with open(results, "w") as log:
        for line in open(listing):
            id, architecture, weights, tolerance = line.rstrip("\n").split("\t")
            result = {"id": id, "ok": False, "stage": "load"}
            try:
                judge(architecture, weights, pathlib.Path(refs, id + ".npz"), float(tolerance), result)
            except Exception as error:
                result["error"] = f"{type(error).__name__}: {str(error).strip()}"[:400]
            log.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
