"""What people ran into, by name: each scenario is a file, a target, what the report must say, and real Keras that judges.

The files are those of fixtures/scenarios and, where another family has what a scenario needs, of that; some are made here. Those
scenarios that go down to Keras 2 or to other frameworks are the matter of other parts, and of 18 the training is that of training.py.
"""
import collections
import dataclasses
import json
import pickle
import tarfile
import zipfile

from suite import FIXTURES, convert, judge, reasons, table, verdict_of


@dataclasses.dataclass
class Scenario:
    name: str
    source: object  # files below fixtures/, or a function of (folder) that makes one
    says: str = ""  # in the report
    told: tuple = ()
    to: str = "keras"
    keras: str = "3.15"
    judge: str = "k3"
    refs: str = ""  # the reference below fixtures/, where it is not that of the source
    json: str = ""  # the architecture that weights are loaded into
    refused: bool = False


def lfs_pointer(folder):
    path = folder / "pointer.h5"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 94577296\n")
    return path


def pickled(folder):
    path = folder / "pickled.h5"
    path.write_bytes(pickle.dumps({"model": [1.0, 2.0], "weights": b"\0" * 64}))
    return path


def rezipped(folder, name, keep):
    """A copy of an archive with those members alone."""
    path = folder / name
    with zipfile.ZipFile(FIXTURES / "scenarios/plain.keras") as old, zipfile.ZipFile(path, "w") as new:
        for member in filter(keep, old.namelist()):
            new.writestr(member, old.read(member))
    return path


def no_weights(folder):
    return rezipped(folder, "no_weights.keras", lambda name: name != "model.weights.h5")


def folder_as_tar(folder):
    """An archive that somebody unzipped and packed again."""
    path = folder / "unzipped.tar"
    with zipfile.ZipFile(FIXTURES / "scenarios/plain.keras") as archive:
        archive.extractall(folder / "plain.keras.d")
    with tarfile.open(path, "w") as tar:
        tar.add(folder / "plain.keras.d", "plain")
    return path


def pair(id):
    return ("--architecture", FIXTURES / f"weights/{id}.json")


SCENARIOS = [
    Scenario("1 Teachable Machine: groups of DepthwiseConv2D, models in a Sequential", "scenarios/teachable_machine.h5", "groups"),
    Scenario("1 Teachable Machine for Keras 3.0, which loads no model in a Sequential", "scenarios/teachable_machine.h5",
             "became a functional model", keras="3.0", judge="k30"),
    Scenario("2 U-Net with Conv2DTranspose", "zoo/functional_unet.h5", "groups"),
    Scenario("3 SeparableConv2D as in Xception", "zoo/separable2d.h5", "kernel_initializer"),
    Scenario("4 LSTM and GRU with time_major", "scenarios/recurrent.h5", "time_major"),
    Scenario("4 LSTM with time_major=true", "zoo/lstm_time_major.h5", "time_major", refused=True),
    Scenario("5 Bidirectional LSTM of Keras before 2.4", "zoo/old_bidirectional_hard.h5", "bidirectional"),
    Scenario("6 functional .keras of 2.15 for 3.15", "scenarios/plain.keras"),
    Scenario("6 functional .keras of 2.15 for 3.5", "scenarios/plain.keras", keras="3.5"),
    Scenario("7 two equal Conv2D of 2.13 for 3.15", "scenarios/two_convolutions.keras", "Keras 2.13"),
    Scenario("7 two equal Conv2D of 2.13 for 2.15", "scenarios/two_convolutions.keras", "Keras 2.13", keras="2.15", judge="k2"),
    Scenario("8 Bidirectional LSTM and two Dense of 2.14 for 3.15", "scenarios/bidirectional.keras", "Keras 2.14"),
    Scenario("8 Bidirectional LSTM and two Dense of 2.14 for 2.15", "scenarios/bidirectional.keras", "Keras 2.14", keras="2.15", judge="k2"),
    Scenario("11 model.json and weights .h5", "weights/k2_nested.legacy.h5", told=pair("k2_nested"), refs="weights/k2_nested"),
    Scenario("12 a layer called at two depths", "zoo/shared_at_depths.h5"),
    Scenario("12 a functional model in a functional model", "zoo/nested_functional.h5"),
    Scenario("12 order of the outputs", "zoo/functional_output_order.h5"),
    Scenario("13 nested outputs", "zoo/functional_nested_outputs.h5"),
    Scenario("14 SavedModel of a GRU", "savedmodel/saved_gru_implementation_2.tar"),
    Scenario("15 SavedModel with named inputs", "savedmodel/bare_functional_dict_inputs.tar"),
    Scenario("16 weights .h5 with the architecture, as .weights.h5", "weights/k2_nested.legacy.h5", to="weights.h5",
             told=pair("k2_nested"), refs="weights/k2_nested", json="weights/k3_nested.json"),
    Scenario("16 weights with another model's architecture", "weights/k2_nested.legacy.h5", told=pair("k2_lstm"), refused=True),
    Scenario("17 checkpoint with the architecture", "savedmodel/weights_dense.tar", told=("--architecture", FIXTURES / "savedmodel/weights_dense.json")),
    Scenario("18 Adam with decay and a loss by name", "training/old_decay.h5", "decay", judge=""),
    Scenario("19 Dense and BatchNormalization of 3.15 for 3.12", "zoo3/batch_normalization.keras", "renorm", keras="3.12"),
    Scenario("19 MultiHeadAttention of 3.15 for 3.12", "zoo3/mha.keras", "use_gate", keras="3.12"),
    Scenario("20a Sequential whose config is a list", "zoo/old_sequential_list.h5"),
    Scenario("20b Sequential without an InputLayer, then BatchNormalization", "zoo/old_sequential_batch_norm.h5"),
    Scenario("20c Sequential that lost its input shape", "scenarios/shape_lost.h5", "input_shape", refused=True),
    Scenario("20c Sequential that lost its input shape, which is given", "scenarios/shape_lost.h5", told=("--input-shape", "7")),
    Scenario("extra: .keras written on Windows", "zip2/213w_dense.keras"),
    Scenario("extra: vocabulary of StringLookup", "zip2/215_string_lookup_adapted.keras"),
    Scenario("extra: vocabulary of TextVectorization", "zip2/215_text_vectorization_adapted.keras"),
    Scenario("extra: policy mixed_float16 in an .h5", "zoo/mixed_float16_dense.h5"),
    Scenario("extra: weight_names over 64 KiB in chunks", "zoo/wide_weight_names.h5"),
    Scenario("extra: shards and their .weights.json", "weights/k3_nested.weights.json", told=pair("k3_nested"), refs="weights/k3_nested"),
    Scenario("extra: FixedDropout", "scenarios/fixed_dropout.h5", "FixedDropout"),
    Scenario("extra: pruned layers, and what their masks hide", "scenarios/pruned.h5", "strip_pruning"),
    Scenario("extra: pruned layers in a .keras", "scenarios/pruned_archive.keras", "strip_pruning"),
    Scenario("extra: CuDNNGRU in a Bidirectional", "zoo/cudnn_gru_bidirectional.h5", "CuDNNGRU"),
    Scenario("extra: CuDNNGRU in a nested model", "zoo/cudnn_gru_nested.h5", "CuDNNGRU"),
    Scenario("extra: Concatenate along axis 1 of square tensors", "scenarios/square.h5"),
    Scenario("extra: unzipped .keras as a tar", folder_as_tar, refs="scenarios/plain"),
    Scenario("extra: BatchNormalization with axis [3]", "zoo/old_batch_norm_axis_list.h5", "axis"),
    Scenario("refused: a pickled model", pickled, "pickle", refused=True),
    Scenario("refused: .keras without model.weights.h5", no_weights, "model.weights.h5", refused=True),
    Scenario("refused: bytecode of a Lambda", "scenarios/code.h5", "Lambda", refused=True),
    Scenario("refused: pointer of Git LFS", lfs_pointer, "LFS", refused=True),
    Scenario("refused: weights without a config", "weights/k2_cells.legacy.h5", "architecture", refused=True),
    Scenario("refused: hub.KerasLayer with its address", "scenarios/hub.h5", "https://tfhub.dev/google/nnlm-en-dim50/2", refused=True),
    Scenario("refused: TFOpLambda of no operation of Keras 3", "scenarios/outside.h5", "tf.math.lgamma", refused=True),
    Scenario("refused: LocallyConnected2D with a dense kernel", "zoo/locally_connected2d_implementation_2.h5", "LocallyConnected2D", refused=True),
]
SUFFIXES = {"keras": ".keras", "weights.h5": ".weights.h5"}


def one(options, folder, number, scenario):
    """(exit status, report, what was written)."""
    source = scenario.source(folder) if callable(scenario.source) else FIXTURES / scenario.source
    written = folder / f"{number:02}{SUFFIXES[scenario.to]}"
    shards = sorted(source.parent.glob(f"{source.name.split('.')[0]}_[0-9]*.weights.h5")) if source.name.endswith(".weights.json") else []
    status, report = convert(options.kferry, source, written, folder / f"{number:02}.json", *shards, *scenario.told, "--keras", scenario.keras,
                             to=scenario.to)
    return status, report, written


def judge_all(options, folder, done):
    """{number: result} of all environments that are there."""
    results = {}
    for environment in {scenario.judge for _, scenario in done} & set(options.keras):
        files = {}
        for number, scenario in done:
            refs = scenario.refs or str(scenario.source).rsplit(".", 1)[0]
            if scenario.judge == environment:
                tolerance = "1e-2" if "float16" in scenario.name else "1e-5"
                architecture = FIXTURES / scenario.json if scenario.json else ""
                files[f"{number:02}"] = f"{folder / f'{number:02}'}{SUFFIXES[scenario.to]}\t{tolerance}\t{architecture}\t{refs}"
        python = options.envs / environment / "bin" / "python"
        results.update(judge(python, folder, FIXTURES, sorted(files), f"-{environment}", files=files, processes=1))
    return results


def outcome(scenario, status, report, result, judged):
    """What became of one, and why it is not as it should be ("" where it is)."""
    if scenario.refused != (status == 65):
        return "wrong", f"exit status {status}: {reasons(report)}"
    if scenario.says not in json.dumps(report):
        return "wrong", f"the report does not say {scenario.says}"
    if scenario.refused:
        return "refused", ""
    if status != 0 or (judged and not (result or {}).get("ok")):
        return "wrong", verdict_of(result) if status == 0 else f"exit status {status}: {reasons(report)}"
    return "right" if judged else "converted", ""


def run(options, tally, used):
    folder, count = options.work / "scenarios", collections.Counter()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [(number, scenario) for number, scenario in enumerate(SCENARIOS) if options.only in scenario.name]
    converted = {number: one(options, folder, number, scenario) for number, scenario in chosen}
    results = judge_all(options, folder, [(n, s) for n, s in chosen if converted[n][0] == 0 and not s.refused])
    for number, scenario in chosen:
        status, report, _ = converted[number]
        used.update(report.get("rules", []))
        what, why = outcome(scenario, status, report, results.get(f"{number:02}"), scenario.judge in options.keras)
        count[what] += 1
        print(f"  {what:9}  {scenario.name}")
        tally.check(not why, f"scenarios/{scenario.name}", why)
    table(f"scenarios: {len(chosen)}", sorted(count.items()))
