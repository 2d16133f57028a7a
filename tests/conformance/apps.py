"""Builds keras.applications with random weights and 10 classes, and what they predict. Runs in Keras 3.

    apps.py OUT [--full] NAME...      <name>.keras and <name>.npz (see samples.py) of each; --full: for images of their own size
"""
import os
import pathlib
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import keras as K
import numpy as np

import samples

# The smallest input that each takes.
SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}


def build(name, full):
    size = SIZES.get(name, 64)
    model = getattr(K.applications, name)(weights=None, classes=10, input_shape=None if full else (size, size, 3))
    rng = np.random.default_rng(9)
    for weight in model.weights:  # statistics and scales that do something
        if weight.path.rsplit("/", 1)[1] in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.8, 1.2, weight.shape))
        elif weight.path.rsplit("/", 1)[1] in ("beta", "moving_mean", "bias"):
            weight.assign(rng.uniform(-0.1, 0.1, weight.shape))
    return model, rng.uniform(0, 255, (4, *model.input_shape[1:])).astype("float32")


def main(out, *names):
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    for name in set(names) - {"--full"}:
        K.backend.clear_session()
        K.utils.set_random_seed(4)
        model, x = build(name, "--full" in names)
        model.save(directory / f"{name}.keras")
        samples.write(directory / f"{name}.npz", [x], samples.flat(model.predict_on_batch(x)), ["x"])


if __name__ == "__main__":
    main(*sys.argv[1:])
