"""keras.applications of Keras 3 with random weights, made here and now, written for tf.keras 2.15: the smallest of each family.

A few of them each time, for small images; all with --whole, for images of their own size.
"""
import collections
import subprocess

from suite import HERE, convert_all, count_one, judge, table

NEEDS = {"k2", "k3"}
FAMILIES = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0", "ResNet50", "ResNet50V2", "DenseNet121",
            "NASNetMobile", "Xception", "InceptionV3", "InceptionResNetV2", "VGG16", "ConvNeXtTiny")
SAMPLE = ("MobileNetV3Small", "EfficientNetB0", "ResNet50V2")
SUFFIXES = {"h5": ".h5", "keras": ".keras"}


def run_task(options, tally, used, files, refs, to):
    folder = options.work / f"apps-down-{to}"
    converted = convert_all(options, files, folder, lambda id: ["--keras", "2.15"], to=to, suffix=SUFFIXES[to])
    done = {id: folder / (id + SUFFIXES[to]) for id in files if converted[id][0] == 0}
    results = judge(options.envs / "k2" / "bin" / "python", folder, refs, list(done), files=done)
    count = collections.Counter()
    for id in files:
        used.update(converted[id][1].get("rules", []))
        count_one(tally, count, f"apps-down/{to}/{id}", converted[id], None, None, results.get(id, {}))
    table(f"keras.applications as {to} for 2.15: {len(files)} models", sorted(count.items()))


def run(options, tally, used):
    names = [name for name in (FAMILIES if options.whole else SAMPLE) if options.only in name]
    if not NEEDS <= set(options.keras) or not names:
        return
    refs = options.work / "apps-refs"
    command = [options.envs / "k3" / "bin" / "python", HERE / "apps.py", refs, *["--full"] * options.whole, *names]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    files = {name: refs / f"{name}.keras" for name in names}
    for to in SUFFIXES:
        run_task(options, tally, used, files, refs, to)
