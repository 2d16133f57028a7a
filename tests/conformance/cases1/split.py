"""Layers that several layers of later Keras compute."""
from keras import backend as K
from keras.engine.topology import Merge
from keras.layers import (LSTM, Activation, Convolution1D, Convolution2D, Dense, Flatten, Highway, Input, Masking, MaxoutDense,
                          ParametricSoftplus, SReLU, TimeDistributed, merge)
from keras.models import Model, Sequential
from keras.regularizers import l2

from . import BOTH, THEANO, add, chain


def split(id, make, **options):
    add("split", id, make, **options)


def refused(id, code, make, **options):
    split(id, make, expect="refused:" + code, **options)


def merged(mode, **told):
    return lambda: Sequential([Merge([Sequential([Dense(4, input_dim=3)]), Sequential([Dense(4, input_dim=3)])], mode=mode, **told), Dense(2)])


def graph():
    """Both in a graph with two inputs, a Highway called twice and one that is an output."""
    a, b, shared = Input((4,)), Input((4,)), Highway(activation="tanh")
    joined = merge([shared(a), shared(b)], mode="concat")
    return Model([a, b], [MaxoutDense(3)(joined), Highway(activation="hard_sigmoid")(a)])


def nested():
    inner = Sequential([MaxoutDense(4, input_dim=5), Highway()])
    return Sequential([Dense(5, input_dim=3), inner, Activation("tanh")])


def curves():
    """Both in a graph, each called twice."""
    a, b, softplus, srelu = Input((4,)), Input((4,)), ParametricSoftplus(), SReLU()
    return Model([a, b], [merge([softplus(a), softplus(b)], mode="sum"), Dense(3)(merge([srelu(b), srelu(a)], mode="concat"))])


def with_shared(activation):
    """Keras 1.2.2 does not save shared_axes, nor load such a model again."""
    return chain(lambda: Convolution1D(4, 2, input_shape=(6, 3)), lambda: activation(shared_axes=[1]), Flatten, lambda: Dense(3))


def with_shared_image(ordering):
    axes, shape = {"tf": ([1, 2], (5, 6, 3)), "th": ([2, 3], (3, 5, 6))}[ordering]
    return chain(lambda: Convolution2D(4, 2, 2, input_shape=shape), lambda: SReLU(shared_axes=axes), Flatten, lambda: Dense(3))


def masked(activation):
    return chain(lambda: Masking(input_shape=(5, 3)), activation, lambda: LSTM(4))


split("maxout", chain(lambda: MaxoutDense(5, nb_feature=3, input_dim=6)))
split("maxout_no_bias", chain(lambda: Dense(6, input_dim=4), lambda: MaxoutDense(5, nb_feature=2, bias=False), lambda: Dense(3)))
split("maxout_regularized", chain(lambda: MaxoutDense(5, W_regularizer=l2(0.01), W_constraint="maxnorm", init="he_normal", input_dim=6)))
split("highway", chain(lambda: Highway(input_dim=6)))
split("highway_no_bias", chain(lambda: Dense(6, input_dim=4), lambda: Highway(activation="relu", bias=False), lambda: Dense(3)))
split("highway_deep", chain(lambda: Dense(6, input_dim=4), *[lambda: Highway(activation="relu") for _ in range(4)]))
split("highway_and_maxout", graph)
split("highway_nested", nested)
split("merged_lambda", merged(lambda x: x[0] - x[1], output_shape=(4,)))
split("merged_lambda_distance", merged(lambda x: K.abs(x[0] - x[1]), output_shape=lambda shapes: shapes[0]))
split("merged_lambda_scaled", merged(lambda x: x[0] * 0.25 + x[1], output_shape=(4,)))
refused("maxout_of_steps", "no-equal-in-target", chain(lambda: TimeDistributed(MaxoutDense(5), input_shape=(4, 3))))
refused("highway_of_steps", "no-equal-in-target", chain(lambda: TimeDistributed(Highway(), input_shape=(4, 3))))
refused("merged_lambda_unknown", "lambda", merged(lambda x: sum(x[i] for i in range(2)), output_shape=(4,)))
split("parametric_softplus", chain(lambda: ParametricSoftplus(input_shape=(6,))), backends=BOTH)
split("parametric_softplus_image", chain(lambda: Convolution2D(4, 2, 2, input_shape=(5, 6, 3)), ParametricSoftplus))
split("parametric_softplus_shared", with_shared(ParametricSoftplus), reloads=False)
split("srelu", chain(lambda: SReLU(input_shape=(6,))))
split("srelu_hidden", chain(lambda: Dense(8, input_dim=4), SReLU, lambda: Dense(3)))
split("srelu_image", chain(lambda: Convolution2D(4, 2, 2, input_shape=(5, 6, 3)), SReLU))
split("srelu_shared", with_shared(SReLU), reloads=False)
split("srelu_shared_first", with_shared_image("th"), reloads=False, ordering="th")
split("curves", curves)
refused("srelu_shared_last", "no-equal-in-target", with_shared_image("tf"), reloads=False)
refused("parametric_softplus_masked", "no-equal-in-target", masked(ParametricSoftplus))
refused("srelu_masked", "no-equal-in-target", masked(SReLU))
refused("srelu_of_steps", "no-equal-in-target", chain(lambda: TimeDistributed(SReLU(), input_shape=(4, 3))))
refused("srelu_unlike", "no-equal-in-target", chain(lambda: SReLU(input_shape=(6,))), backends=THEANO)
