"""What has no equal in later Keras."""
from keras.engine.topology import Merge
from keras.layers import (AveragePooling2D, BatchNormalization, Convolution1D, Convolution2D, Deconvolution2D, Dense, Flatten, Lambda,
                          LocallyConnected1D, LocallyConnected2D, LSTM, MaxPooling1D, MaxPooling2D, TimeDistributed, UpSampling2D,
                          ZeroPadding2D)
from keras.models import Sequential

from . import THEANO, add, chain


def refused(id, code, make, **options):
    add("refused", id, make, expect="refused:" + code, **options)


class Own(Dense):
    """A layer that Keras does not have."""


refused("batch_norm_by_sample", "value-no-equal-in-target", chain(lambda: BatchNormalization(mode=1, input_shape=(6,))))
refused("batch_norm_by_batch", "value-no-equal-in-target", chain(lambda: BatchNormalization(mode=2, input_shape=(6,))))
refused("local1d", "no-equal-in-target", chain(lambda: LocallyConnected1D(4, 3, input_shape=(7, 3))))
refused("local2d", "no-equal-in-target", chain(lambda: LocallyConnected2D(3, 3, 3, input_shape=(5, 6, 2))))
refused("local2d_th", "no-equal-in-target", chain(lambda: LocallyConnected2D(3, 3, 2, input_shape=(2, 5, 6))), ordering="th")
add("refused", "lambda", chain(lambda: Dense(5, input_dim=6), lambda: Lambda(lambda x: x * 2)))
refused("lstm_hard", "value-no-equal-in-target", chain(lambda: LSTM(5, activation="hard_sigmoid", input_shape=(4, 3))))
refused("own_layer", "custom-class", chain(lambda: Own(5, input_dim=6), lambda: Dense(2)), reloads=False)
refused("own_inside", "custom-class", lambda: Sequential([Dense(4, input_dim=6), Sequential([Dense(3, input_dim=4), Own(2)])]),
        reloads=False)
refused("ordering_unsaid", "mapping-ambiguous", chain(lambda: UpSampling2D((2, 2), input_shape=(3, 4, 2))))
refused("ordering_unsaid_padding", "mapping-ambiguous", chain(lambda: ZeroPadding2D((1, 1), input_shape=(3, 4, 2)), Flatten,
                                                              lambda: Dense(3)))
refused("backend_unsaid", "backend-unknown", chain(lambda: MaxPooling2D((2, 2), border_mode="same", input_shape=(5, 6, 3))))
refused("bias_axis", "no-equal-in-target", chain(lambda: Convolution2D(4, 3, 3, input_shape=(2, 5, 6))), ordering="th")
refused("deconv_too_long", "value-no-equal-in-target", chain(
    lambda: Deconvolution2D(4, 4, 4, output_shape=(None, 8, 9, 4), border_mode="same", subsample=(2, 2), input_shape=(4, 5, 3))))
for id, make in (("pool_same_even", lambda: MaxPooling2D((2, 2), border_mode="same")),
                 ("pool_same_stride", lambda: AveragePooling2D((3, 3), strides=(2, 2), border_mode="same"))):
    refused("border_" + id, "value-no-equal-in-target", chain(lambda: Convolution2D(4, 2, 2, input_shape=(6, 7, 3)), make),
            backends=THEANO)
refused("border_pool1d_same", "value-no-equal-in-target", chain(
    lambda: Convolution1D(4, 2, input_shape=(8, 3)), lambda: MaxPooling1D(2, border_mode="same")), backends=THEANO)
for id, make in (("deconv_same_stride", lambda: Deconvolution2D(4, 3, 3, output_shape=(None, 7, 9, 4), border_mode="same",
                                                                subsample=(2, 2), input_shape=(4, 5, 3))),
                 ("time_distributed_even", lambda: TimeDistributed(Convolution2D(4, 2, 2, border_mode="same"),
                                                                   input_shape=(3, 4, 5, 2)))):
    refused("border_" + id, "value-no-equal-in-target", chain(make), backends=THEANO)


def cosine_of_matrices():
    branches = [Sequential([LSTM(4, return_sequences=True, input_shape=(3, 2))]) for _ in range(2)]
    return Sequential([Merge(branches, mode="cos", dot_axes=1)])


refused("merged_cosine_of_matrices", "no-equal-in-target", cosine_of_matrices)
