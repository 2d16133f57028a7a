"""ONNX Runtime as the judge: checks models, feeds the kept inputs, compares with the kept outputs.

    onnx_judge.py LIST REFS RESULTS    lines of LIST: id <TAB> path <TAB> tolerance

REFS holds <id>.npz (see samples.py). A model is right when onnx.checker and strict shape inference find nothing, its inputs have the
names that Keras gives them, and ONNX Runtime computes what is kept. RESULTS gets a JSON line a file, as judge.py writes it, with
`nodes`, how many nodes the graph has, and `transposes`, how many of them are a Transpose.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

import samples

DTYPES = {"float": "float32", "double": "float64", "string": "object"}


def dtype_of(kind):
    """numpy's name of "tensor(float)"."""
    name = kind[len("tensor("):-1]
    return DTYPES.get(name, name)


def feeds_of(session, inputs, names):
    """The kept inputs by name where the names are the model's, else in their order."""
    wanted = session.get_inputs()
    kept = dict(zip(names, inputs)) if len(set(names)) == len(inputs) else {}
    if not all(one.name in kept for one in wanted):
        kept = dict(zip((one.name for one in wanted), inputs))
    return {one.name: np.asarray(kept[one.name]).astype(dtype_of(one.type)) for one in wanted}


def judge(path, npz, tolerance, result):
    model = onnx.load(path)
    result["nodes"] = len(model.graph.node)
    result["transposes"] = sum(node.op_type == "Transpose" for node in model.graph.node)
    result["stage"] = "check"
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True)
    result["stage"] = "load"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs, expected, names = samples.read(npz)
    result["stage"] = "predict"
    outputs = session.run(None, feeds_of(session, inputs, names))
    result["stage"] = "compare"
    result["maxdiff"], result["scale"] = samples.difference([samples.small(o) for o in outputs], expected)
    result["ok"] = samples.equal(result["maxdiff"], result["scale"], tolerance)
    result["stage"] = "done"


def main(listing, refs, results):
    with open(results, "w") as log:
        for line in open(listing):
            id, path, tolerance = line.rstrip("\n").split("\t")
            result = {"id": id, "ok": False}
            try:
                judge(path, pathlib.Path(refs, id + ".npz"), float(tolerance), result)
            except Exception as error:
                result["error"] = f"{type(error).__name__}: {str(error).strip()}"[:400]
            log.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
