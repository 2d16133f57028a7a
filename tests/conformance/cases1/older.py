"""Files as Keras 1.0 and 1.1 wrote them: made by 1.2.2 and then edited, so that they predict the same."""
from keras.layers import BatchNormalization, Convolution1D, Dense, Flatten
from keras.regularizers import activity_l2, l1l2

from . import BOTH, add, chain


def replaced(release, *pairs):
    def edit(file):
        text = file.attrs["model_config"]
        text = text if isinstance(text, str) else text.decode()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        file.attrs["model_config"] = text.encode()
        file.attrs["keras_version"] = release.encode()
    return edit


def old_kernels(file):
    """Before 1.1.0 the kernel of a Convolution1D was (filters, inputs, length, 1)."""
    file.attrs["keras_version"] = b"1.0.8"
    for name, group in file["model_weights"].items():
        for weight in [w.decode() for w in group.attrs["weight_names"] if group[w.decode()].ndim == 4]:
            kernel = group[weight][()].transpose(3, 2, 0, 1)
            del group[weight]
            group[weight] = kernel


add("older", "older_regularizers", chain(lambda: Dense(5, W_regularizer=l1l2(0.01, 0.02), input_dim=6)),
    edit=replaced("1.1.2", ("L1L2Regularizer", "WeightRegularizer")))
add("older", "older_activity", chain(lambda: Dense(5, activity_regularizer=activity_l2(0.01), input_dim=6)),
    edit=replaced("1.1.2", ("L1L2Regularizer", "ActivityRegularizer")))
add("older", "older_batch_norm", chain(lambda: BatchNormalization(input_shape=(6,))), edit=replaced("1.0.7"))
add("older", "older_conv1d", chain(lambda: Convolution1D(4, 3, input_shape=(7, 3)), lambda: Convolution1D(3, 3), Flatten,
                                   lambda: Dense(2)), edit=old_kernels, backends=BOTH)
