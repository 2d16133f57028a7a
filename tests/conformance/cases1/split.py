"""Layers that several layers of later Keras compute."""
from keras import backend as K
from keras.engine.topology import Merge
from keras.layers import Activation, Dense, Highway, Input, MaxoutDense, TimeDistributed, merge
from keras.models import Model, Sequential
from keras.regularizers import l2

from . import add, chain


def split(id, make, **options):
    add("split", id, make, **options)


def refused(id, code, make):
    split(id, make, expect="refused:" + code)


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
