"""keras.applications with random weights and 10 classes, as tf.keras 2.15 writes them, to .keras, judged by the newest Keras 3.

The smallest of each family for small images, every other one as .h5 and as .keras; with `--whole` all of them, for images of their own
size, as both: tests/full has that. Each is written as ONNX, too, and judged by ONNX Runtime. They are made when the test runs, a few
at a time, as they are large.
"""
import collections
import shutil
import subprocess

from parts import onnx
from suite import HERE, convert_all, judge, reasons, table, verdict_of

NEEDS = {"k2", "k3"}
SUFFIXES = (".h5", ".keras")
AT_ONCE, SMALL_AT_ONCE = 4, 6
# Models with layers that no others have, and that the two kinds of files call otherwise.
OWN_LAYERS = {"ConvNeXtTiny", "InceptionResNetV2"}
# The smallest of each family first.
FAMILIES = {
    "ConvNeXt": ["ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge"],
    "DenseNet": ["DenseNet121", "DenseNet169", "DenseNet201"],
    "EfficientNet": [f"EfficientNetB{n}" for n in range(8)],
    "EfficientNetV2": [f"EfficientNetV2{n}" for n in ("B0", "B1", "B2", "B3", "S", "M", "L")],
    "Inception": ["InceptionV3"],
    "InceptionResNet": ["InceptionResNetV2"],
    "MobileNet": ["MobileNet"],
    "MobileNetV2": ["MobileNetV2"],
    "MobileNetV3": ["MobileNetV3Small", "MobileNetV3Large"],
    "NASNet": ["NASNetMobile", "NASNetLarge"],
    "RegNetX": [f"RegNetX{n}" for n in ("002", "004", "006", "008", "016", "032", "040", "064", "080", "120", "160", "320")],
    "RegNetY": [f"RegNetY{n}" for n in ("002", "004", "006", "008", "016", "032", "040", "064", "080", "120", "160", "320")],
    "ResNet": ["ResNet50", "ResNet101", "ResNet152"],
    "ResNetV2": ["ResNet50V2", "ResNet101V2", "ResNet152V2"],
    "ResNetRS": [f"ResNetRS{n}" for n in (50, 101, 152, 200, 270, 350, 420)],
    "VGG": ["VGG16", "VGG19"],
    "Xception": ["Xception"],
}


def chosen(options):
    names = [name for family in FAMILIES.values() for name in (family if options.whole else family[:1])]
    return [name for name in names if options.only in name]


def make(options, folder, names):
    """In two processes."""
    command = [str(options.envs / "k2" / "bin" / "python"), str(HERE / "applications.py"), *([] if options.whole else ["--small"]), str(folder)]
    running = [subprocess.Popen(command + names[i::2], stderr=subprocess.DEVNULL) for i in range(2)]
    for process in running:
        process.wait()


def tolerance(folder, id):
    return (folder / f"{id.rsplit('.', 1)[0]}.tolerance").read_text()


def suffixes(options, name, index):
    return SUFFIXES if options.whole or name in OWN_LAYERS else SUFFIXES[index % 2:][:1]


def judge_some(options, tally, used, count, folder, names):
    make(options, folder, names)
    made = [name for name in names if (folder / f"{name}.tolerance").exists()]
    for name in set(names) - set(made):
        tally.check(False, f"applications/{name}", "tf.keras 2.15 could not make it")
    files = {f"{name}{suffix}": folder / (name + suffix) for i, name in enumerate(made) for suffix in suffixes(options, name, i)}
    converted = convert_all(options, files, folder / "converted")
    done = [id for id in files if converted[id][0] == 0]
    paths = {id: f"{folder / 'converted' / id}.keras\t{tolerance(folder, id)}\t\t{id.rsplit('.', 1)[0]}" for id in done}
    results = judge(options.envs / "k3" / "bin" / "python", folder, folder, done, files=paths)
    for id in files:
        status, report = converted[id]
        used.update(report.get("rules", []))
        ok = status == 0 and bool(results.get(id, {}).get("ok"))
        count["right" if ok else "refused" if status == 65 else "wrong"] += 1
        tally.check(ok, f"applications/{id}", verdict_of(results.get(id)) if status == 0 else f"{status}: {reasons(report)}")


def judge_as_onnx(options, tally, used, count, folder, names):
    """The same models as ONNX, each once, by ONNX Runtime."""
    files = {name: next(path for path in (folder / (name + suffix) for suffix in SUFFIXES) if path.exists()) for name in names}
    converted = convert_all(options, files, folder / "onnx", to="onnx", suffix=".onnx")
    done = [(name, folder / "onnx" / f"{name}.onnx", tolerance(folder, name + ".onnx")) for name in files if converted[name][0] == 0]
    results = onnx.judge(options, folder / "onnx", folder, done)
    for name in files:
        status, report = converted[name]
        ok = status == 0 and bool(results.get(name, {}).get("ok"))
        used.update(rule for rule in report.get("rules", []) if ok or not rule.startswith(onnx.ROWS))
        count["right as ONNX" if ok else "refused as ONNX" if status == 65 else "wrong as ONNX"] += 1
        tally.check(ok, f"applications/onnx/{name}", verdict_of(results.get(name)) if status == 0 else f"{status}: {reasons(report)}")


def run(options, tally, used):
    names, count = chosen(options), collections.Counter()
    if not NEEDS <= set(options.keras):
        return
    at_once = AT_ONCE if options.whole else SMALL_AT_ONCE
    for start in range(0, len(names), at_once):
        folder = options.work / "applications"
        judge_some(options, tally, used, count, folder, names[start:start + at_once])
        if "onnx" in options.keras:
            judge_as_onnx(options, tally, used, count, folder, [name for name in names[start:start + at_once] if (folder / f"{name}.tolerance").exists()])
        shutil.rmtree(folder)
    kinds = "as .h5 and as .keras" if options.whole else "as .h5 or as .keras"
    table(f"keras.applications of tf.keras 2.15 in k3: {len(names)} models, each {kinds}", sorted(count.items()))
