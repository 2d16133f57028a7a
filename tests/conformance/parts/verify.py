"""The script of --verify: real Keras 2.15 records what models predict, and Keras, ONNX Runtime, TensorFlow and TensorFlow.js compare
what was written of them."""
import os
import subprocess

from suite import FIXTURES

MODELS = ("lstm", "dense_softmax", "bidirectional_gru_before")
# What is written of the first model, and the environment that compares it.
TARGETS = {"keras": ("k3", ".keras"), "h5": ("k2", ".h5"), "onnx": ("onnx", ".onnx"), "savedmodel": ("k2", ".tar"), "tfjs": ("tfjs", ".tfjs.zip")}
# Whose tensors the script cannot ask for.
MUTE = ("onnx", "savedmodel", "tfjs")


def script(options, environment, path, *arguments):
    """Exit status and what was said."""
    home = options.envs / environment
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "KERAS_BACKEND": "tensorflow",
                 "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "NODE_PATH": str(home / "node_modules")}
    done = subprocess.run([str(c) for c in (home / "bin" / "python", path, *arguments)], env=variables, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr[-400:]


def convert(options, id, to, suffix, folder):
    made = folder / f"{id}{suffix}"
    command = [options.kferry, "convert", FIXTURES / "zoo" / f"{id}.h5", "--to", to, "-o", made, "--verify", "script", "--checksum", "sha256"]
    subprocess.run([str(c) for c in command], check=True, capture_output=True)
    return made, folder / f"{id}{suffix}.verify.py"


def run(options, tally, used):
    if "k2" not in options.keras or options.only:
        return
    folder = options.work / "verify"
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "verify.npz"
    for id in MODELS:
        targets = {to: row for to, row in TARGETS.items() if row[0] in options.keras and (id == MODELS[0] or to == "keras")}
        made = {to: convert(options, id, to, row[1], folder) for to, row in targets.items()}
        if not made:
            continue
        status, said = script(options, "k2", next(iter(made.values()))[1], "record", FIXTURES / "zoo" / f"{id}.h5", "--record", record)
        tally.check(status == 0 and "are those of the report" in said, f"verify/{id}/record", said)
        for to, (path, program) in made.items():
            status, said = script(options, targets[to][0], program, "compare", path, "--record", record)
            checked = "are those of the report" in said or to in MUTE
            tally.check(status == 0 and checked and "NOT" not in said, f"verify/{id}/{to}", said)
    if "k3" in options.keras:  # the record is that of the last model
        path, program = folder / f"{MODELS[0]}.keras", folder / f"{MODELS[-1]}.keras.verify.py"
        status, said = script(options, "k3", program, "compare", path, "--record", record)
        tally.check(status == 1 and "other values than in the report" in said, "verify/another model", said)
