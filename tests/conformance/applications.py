"""Makes models of keras.applications with random weights and 10 classes, as tf.keras 2.15 writes them.

    applications.py [--small] OUT NAME...     in tf.keras 2.15: OUT/<name>.h5, <name>.keras, <name>.npz and <name>.tolerance

With --small for the smallest images that each takes, without the activation at its end, which such images drive to 0 and 1.

Kernels are as the initializers made them. All other weights are moved from their defaults, which would hide what is swapped.
The tolerance is that of the contract, or four times what rounding the input makes of the outputs in tf.keras where that is more.
"""
import os
import pathlib
import sys
import warnings
import zlib

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import samples

CLASSES = 10
SMALL, SMALLEST = 64, {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
IMAGES = 2
TOLERANCE = 1e-5
# Every layer rounds as the input is rounded here, this many times as much for a deep model.
STEPS = 4


def images(shape, rng):
    """Coarse patches of colour, so that what is pooled over an image differs too."""
    height, width = (size or 224 for size in shape[:2])
    coarse = rng.uniform(0, 255, (IMAGES, 4, 4, shape[2]))
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return (coarse[:, rows][:, :, columns] + rng.uniform(-20, 20, (IMAGES, height, width, shape[2]))).clip(0, 255).astype("float32")


def move(model, inputs, rng):
    """Statistics as of a training step, which keeps the signal alive through deep models; all else but kernels off its default."""
    normal = [layer for layer in model.layers if hasattr(layer, "moving_variance")]
    momentum = [layer.momentum for layer in normal]
    for layer in normal:
        layer.momentum = 0.0
    model(inputs, training=True)
    for layer, before in zip(normal, momentum):
        layer.momentum = before
    for variable in model.trainable_weights:
        if "kernel" not in variable.name:
            start = variable.numpy()
            variable.assign(start + rng.uniform(-0.1, 0.1, start.shape).astype(start.dtype))


def rounding(model, inputs, outputs):
    """How far the outputs move when every input does by the smallest step that there is."""
    moved = model.predict(np.nextafter(inputs, np.float32(np.inf)), verbose=0)
    return float(np.abs(moved - outputs).max() / np.abs(outputs).max())


def options_of(name, small):
    size = SMALLEST.get(name, SMALL)
    return {"input_shape": (size, size, 3), "classifier_activation": None} if small else {}


def make(keras, directory, name, small):
    seed = zlib.crc32(name.encode())
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)

    model = getattr(keras.applications, name)(weights=None, classes=CLASSES, **options_of(name, small))
    inputs = images(model.input_shape[1:], rng)
    move(model, inputs, rng)
    outputs = model.predict(inputs, verbose=0)
    if not np.isfinite(outputs).all() or np.abs(outputs[0] - outputs[1]).max() < 1e-3 * np.abs(outputs).max():
        raise ValueError("outputs that show nothing")
    model.save(directory / f"{name}.h5")
    model.save(directory / f"{name}.keras")
    samples.write(directory / f"{name}.npz", [inputs], [outputs], model.input_names)
    (directory / f"{name}.tolerance").write_text(f"{max(TOLERANCE, STEPS * rounding(model, inputs, outputs)):.3g}")


def main(arguments):
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
    warnings.simplefilter("ignore")
    import keras
    small = arguments[0] == "--small"
    arguments = arguments[small:]
    directory = pathlib.Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    for name in arguments[1:]:
        try:
            make(keras, directory, name, small)
        except Exception as error:
            print(f"FAILED {name}: {type(error).__name__}: {str(error).strip()[:300]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
