"""What people do with models of Keras 3 where production runs Keras 2, end to end, by the toolchain that they name.

    edge         a .keras of Keras 3 for the .keras of tf.keras 2.15 and of tf_keras
    hardware     several inputs: a legacy .h5, and architecture JSON with legacy weights, loaded in order and by name, as hls4ml, lwtnn and
                 frugally-deep read them; some are read and computed by hls4ml itself, in the environment `hls`
    quantized    int8, int4 and float8 become floats again, within what the report says, and only when that is allowed
"""
import json
import os
import subprocess

from suite import FIXTURES, HERE, convert, judge, reasons, verdict_of

ZOO = FIXTURES / "zoo3"
NEEDS = ("k2", "ktf")
EDGE = ("functional_residual", "shared_siamese", "nested_functional", "lstm")
HARDWARE = ("functional_three_inputs", "shared_dense", "functional_towers")
# What hls4ml computes, to the last bits of its numbers. It merges no more than two tensors.
HLS, HLS_TOLERANCE = ("dense", "conv2d", "functional_residual", "functional_towers"), 1e-4
QUANTIZED = {"quantized_int8_dense": 0.02, "quantized_int4_dense": 1e-5, "quantized_float8_dense": 0.1, "quantized_int8_words": 0.02,
             "quantized_int4_words": 1e-5, "quantized_float8_words": 0.1, "quantized_int8_reversible": 0.02,
             "quantized_int8_reversible_untied": 0.02}


class Scenario:
    """Files converted for one toolchain, and what its Keras says of them."""

    def __init__(self, options, tally, used, name):
        self.options, self.tally, self.used, self.name = options, tally, used, name
        self.folder = options.work / f"scenario-{name}"
        self.folder.mkdir(parents=True, exist_ok=True)

    def convert(self, id, file, to, *told):
        target = self.folder / file
        status, report = convert(self.options.kferry, ZOO / f"{id}.keras", target, f"{target}.json", *told, to=to)
        self.used.update(report.get("rules", []))
        self.tally.check(status == 0, f"scenario/{self.name}/{file}", reasons(report))
        return target, report

    def judge(self, environment, files):
        """`files` is {id: what stands behind the id in the judge's list}."""
        python = self.options.envs / environment / "bin" / "python"
        results = judge(python, self.folder, ZOO, list(files), f"-{environment}", files=files)
        for id in files:
            self.tally.check(bool(results.get(id, {}).get("ok")), f"scenario/{self.name}/{environment}/{id}", verdict_of(results.get(id)))


def edge(options, tally, used):
    scenario = Scenario(options, tally, used, "edge")
    for keras, environment in (("2.15", "k2"), ("tf_keras-2.21", "ktf")):
        files = {id: scenario.convert(id, f"{id}-{environment}.keras", "keras", "--keras", keras)[0] for id in EDGE}
        scenario.judge(environment, files)


def check_json(tally, id, path):
    """What the readers of such a file look at."""
    told = json.loads(path.read_text())
    layers = told["config"]["layers"]
    plain = all(isinstance(node, list) for layer in layers for node in layer["inbound_nodes"])
    tally.check(told["keras_version"].startswith("2.15") and told["backend"] == "tensorflow", f"scenario/hardware/{id}/release", str(told)[:200])
    tally.check(plain and "module" not in layers[-1], f"scenario/hardware/{id}/nodes", str(layers[-1])[:200])


# What a frontend walks: the datasets that layer_names and weight_names lead to.
WALK = """
import h5py, json, sys
with h5py.File(sys.argv[1]) as file:
    text = lambda name: name.decode() if isinstance(name, bytes) else name
    names = [(text(layer), text(weight)) for layer in file.attrs["layer_names"] for weight in file[text(layer)].attrs["weight_names"]]
    print(json.dumps([weight for layer, weight in names if isinstance(file[layer + "/" + weight], h5py.Dataset)]))
"""


def check_names(options, tally, id, path):
    done = subprocess.run([options.envs / "k2" / "bin" / "python", "-c", WALK, path], capture_output=True, text=True)
    names = json.loads(done.stdout) if done.returncode == 0 else []
    tally.check(bool(names) and all(name.endswith(":0") for name in names), f"scenario/hardware/{id}/names", done.stderr[-200:] or str(names)[:200])


def hardware(options, tally, used):
    scenario, whole, parts = Scenario(options, tally, used, "hardware"), {}, {}
    for id in HARDWARE:
        whole[id] = scenario.convert(id, f"{id}.h5", "h5", "--keras", "2.15")[0]
        architecture = scenario.convert(id, f"{id}.architecture.json", "json", "--keras", "2.15")[0]
        weights = scenario.convert(id, f"{id}.weights-only.h5", "h5-weights", "--keras", "2.15")[0]
        check_json(tally, id, architecture)
        check_names(options, tally, id, weights)
        parts[id] = f"{weights}\t1e-5\t{architecture}\t{id}"
    for environment in NEEDS:
        scenario.judge(environment, whole)
    scenario.judge("k2", parts)
    os.environ["KF_BY_NAME"] = "1"
    scenario.judge("k2", parts)
    del os.environ["KF_BY_NAME"]


def hls(options, tally, used):
    """hls4ml reads an architecture and weights of Keras 2 without any Keras, and refuses those of Keras 3."""
    scenario, rows = Scenario(options, tally, used, "hls"), []
    for id in HLS:
        architecture = scenario.convert(id, f"{id}.json", "json", "--keras", "2.15")[0]
        rows.append(f"{id}\t{architecture}\t{scenario.convert(id, f'{id}.h5', 'h5-weights', '--keras', '2.15')[0]}\t{HLS_TOLERANCE}\n")
    listing, results = scenario.folder / "judged.list", scenario.folder / "judged.jsonl"
    listing.write_text("".join(rows))
    python = options.envs / "hls" / "bin" / "python"
    subprocess.run([str(c) for c in (python, HERE / "hls_judge.py", listing, ZOO, results)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = {line["id"]: line for line in map(json.loads, results.open())}
    for id in HLS:
        tally.check(bool(found.get(id, {}).get("ok")), f"scenario/hls/{id}", verdict_of(found.get(id)))


def quantized(options, tally, used):
    scenario = Scenario(options, tally, used, "quantized")
    files = {}
    for id, tolerance in QUANTIZED.items():
        refused, report = convert(options.kferry, ZOO / f"{id}.keras", scenario.folder / "refused.h5", scenario.folder / "refused.json", to="h5")
        tally.check(refused == 65 and "not-allowed" in reasons(report), f"scenario/quantized/{id}/asked", reasons(report))
        path, report = scenario.convert(id, f"{id}.h5", "h5", "--allow", "lossy")
        said = " ".join(entry["reason"] for entry in report.get("config_changes", []) if entry["code"] == "dequantized")
        tally.check(report.get("verdict") == "lossy" and ("at most" in said or "error bound" in said), f"scenario/quantized/{id}/bound", said)
        files[id] = f"{path}\t{tolerance}"
    scenario.judge("k2", files)


def run(options, tally, used):
    if options.only or not set(NEEDS) <= set(options.keras):
        return
    for scenario in (edge, hardware, quantized, *([hls] if "hls" in options.keras else [])):
        scenario(options, tally, used)
