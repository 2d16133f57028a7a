"""How layers are put together: models in models, merged models, shared layers, several inputs and outputs."""
from keras.engine.topology import Merge, merge
from keras.layers import (GRU, LSTM, Activation, BatchNormalization, Convolution2D, Dense, Dropout, Embedding, Flatten, Input,
                          InputLayer, Masking, TimeDistributed)
from keras.models import Model, Sequential

from . import BOTH, add, both_orderings, chain

WORDS = {"limit": 10, "whole": True}


def case(id, **options):
    def keep(build):
        add("topology", id, build, **options)
        return build
    return keep


def branch(size, *more):
    return Sequential([Dense(size, activation="tanh", input_dim=4)] + list(more))


for mode in ("sum", "mul", "ave", "max", "concat", "dot", "cos"):
    add("topology", "merged_" + mode, lambda mode=mode: Sequential(
        [Merge([branch(5), branch(5)], mode=mode)] + ([] if mode == "cos" else [Dense(3)])))

    def functional_merge(mode=mode):
        a, b = Input((4,)), Input((4,))
        return Model([a, b], merge([Dense(5)(a), Dense(5)(b)], mode=mode))
    add("topology", "merge_" + mode, functional_merge)


@case("merged_three", backends=BOTH)
def merged_three():
    return Sequential([Merge([branch(5), branch(2), branch(3)], mode="concat"), Dense(3)])


@case("merged_axis")
def merged_axis():
    one = Sequential([LSTM(4, return_sequences=True, input_shape=(3, 2))])
    two = Sequential([GRU(4, return_sequences=True, input_shape=(5, 2))])
    return Sequential([Merge([one, two], mode="concat", concat_axis=1), LSTM(3)])


@case("merged_dot_axes")
def merged_dot_axes():
    one = Sequential([LSTM(4, return_sequences=True, input_shape=(3, 2))])
    two = Sequential([GRU(4, return_sequences=True, input_shape=(5, 2))])
    return Sequential([Merge([one, two], mode="dot", dot_axes=[2, 2]), Flatten(), Dense(3)])


@case("merged_twice")
def merged_twice():
    inner = Sequential([Merge([branch(5), branch(5)], mode="sum"), Dense(4, activation="relu")])
    return Sequential([Merge([inner, branch(4)], mode="mul"), Dense(3)])


@case("merged_models")
def merged_models():
    a, b = Input((4,)), Input((3,))
    inner = Model([a, b], merge([Dense(5)(a), Dense(5)(b)], mode="sum"))
    return Sequential([Merge([inner, branch(5)], mode="concat"), Dense(3)])


@case("merged_inputs")
def merged_inputs():
    return Sequential([Merge([Sequential([InputLayer(input_shape=(4,))]), branch(4)], mode="sum"), Dense(3)])


@case("merged_images_th", ordering="th", backends=BOTH)
def merged_images_th():
    one = Sequential([Convolution2D(3, 3, 3, border_mode="same", input_shape=(2, 5, 6))])
    two = Sequential([Convolution2D(4, 3, 3, border_mode="same", input_shape=(2, 5, 6))])
    return Sequential([Merge([one, two], mode="concat", concat_axis=1), Flatten(), Dense(3)])


@case("merged_words", inputs=WORDS)
def merged_words():
    one = Sequential([Embedding(10, 4, mask_zero=True, input_length=5), LSTM(4)])
    two = Sequential([Embedding(10, 4, input_length=6), GRU(4)])
    return Sequential([Merge([one, two], mode="concat"), Dropout(0.3), Dense(3, activation="softmax")])


@case("merged_masks", inputs=WORDS, expect="refused:mask-no-equal-in-target", note="Keras 1 forgets the masks")
def merged_masks():
    one = Sequential([Embedding(10, 4, mask_zero=True, input_length=6), Activation("tanh")])
    two = Sequential([Embedding(10, 4, mask_zero=True, input_length=6)])
    return Sequential([Merge([one, two], mode="sum"), LSTM(4)])


@case("merge_masks", inputs=WORDS)
def merge_masks():
    a, b = Input((6,), dtype="int32"), Input((6,), dtype="int32")
    x, y = Embedding(10, 4, mask_zero=True)(a), Embedding(10, 4, mask_zero=True)(b)
    return Model([a, b], LSTM(4)(merge([x, y], mode="sum")))


@case("merge_masks_concat", inputs=WORDS)
def merge_masks_concat():
    a, b = Input((6,), dtype="int32"), Input((6,), dtype="int32")
    x, y = Embedding(10, 4, mask_zero=True)(a), Embedding(10, 3, mask_zero=True)(b)
    return Model([a, b], GRU(4)(merge([x, y], mode="concat")))


@case("merge_axis")
def merge_axis():
    a, b = Input((3, 4)), Input((2, 4))
    return Model([a, b], LSTM(3)(merge([a, b], mode="concat", concat_axis=1)))


@case("merge_dot_matrices")
def merge_dot_matrices():
    a, b = Input((3, 4)), Input((2, 4))
    return Model([a, b], merge([a, b], mode="dot", dot_axes=[2, 2]))


@case("nested_first")
def nested_first():
    return Sequential([branch(5, Dense(4)), Dense(3)])


@case("nested_middle", backends=BOTH)
def nested_middle():
    inner = branch(5, BatchNormalization(), Dense(4))
    return Sequential([Dense(4, input_dim=6), inner, Dense(3)])


@case("nested_two")
def nested_two():
    return Sequential([Dense(4, input_dim=6), branch(4), branch(4), Dense(3)])


@case("nested_model")
def nested_model():
    a = Input((4,))
    inner = Model(a, Dense(3)(BatchNormalization()(Dense(5)(a))), name="inner")
    x = Input((4,), name="x")
    return Model(x, Dense(2)(inner(x)))


@case("nested_masks", inputs=WORDS)
def nested_masks():
    return Sequential([Sequential([Embedding(10, 4, mask_zero=True, input_length=6), Dropout(0.2)]), LSTM(4)])


@case("nested_in_functional")
def nested_in_functional():
    x = Input((4,))
    return Model(x, Dense(2)(branch(5, Dense(3))(x)))


@case("nested_shared")
def nested_shared():
    inner = branch(5, Dense(3))
    a, b = Input((4,)), Input((4,))
    return Model([a, b], merge([inner(a), inner(b)], mode="concat"))


@case("nested_deep")
def nested_deep():
    return Sequential([Sequential([branch(5), Dense(4)]), Dense(3)])


@case("shared_layers", backends=BOTH)
def shared_layers():
    dense = Dense(5, activation="tanh")
    a, b = Input((4,)), Input((4,))
    return Model([a, b], Dense(2)(merge([dense(a), dense(b)], mode="mul")))


@case("shared_in_chain")
def shared_in_chain():
    dense = Dense(4, activation="tanh")
    return Sequential([Dense(4, input_dim=4), dense, dense, Dense(2)])


@case("two_outputs")
def two_outputs():
    x = Input((4,))
    h = Dense(5, activation="relu")(x)
    return Model(x, [Dense(2)(h), Dense(3)(h)])


@case("two_ways")
def two_ways():
    a, b = Input((4,), name="a"), Input((3,), name="b")
    h = merge([Dense(5)(a), Dense(5)(b)], mode="max")
    return Model([a, b], [Dense(2, name="one")(h), merge([h, Dense(5)(h)], mode="ave", name="two")])


@case("input_again")
def input_again():
    x = Input((4,))
    return Model(x, merge([x, Dense(4)(x)], mode="sum"))


@case("whole_numbers", inputs=WORDS)
def whole_numbers():
    x = Input((5,), dtype="int32", name="words")
    return Model(x, Dense(3)(Flatten()(Embedding(10, 4)(x))))


@case("slashes")
def slashes():
    return Sequential([Dense(5, input_dim=4, name="first/dense"), Dense(3, name="second/dense")])


@case("frozen")
def frozen():
    return Sequential([Dense(5, input_dim=4, trainable=False), BatchNormalization(trainable=False), Dense(3)])


@case("frozen_inside")
def frozen_inside():
    inner = branch(5, BatchNormalization(trainable=False), Dense(4, trainable=False), BatchNormalization())
    return Sequential([Dense(4, input_dim=6), inner, Dense(3)])


@case("time_distributed_frozen")
def time_distributed_frozen():
    inner = branch(5, BatchNormalization(), Dense(3))
    return Sequential([TimeDistributed(inner, input_shape=(3, 4)), LSTM(3)])


@case("masking_in_functional")
def masking_in_functional():
    x = Input((5, 3))
    return Model(x, LSTM(4)(Masking(0.0)(x)))


def fit(optimizer, loss, **told):
    def train(model, inputs):
        import numpy as np
        model.compile(optimizer, loss, **told)
        targets = np.random.RandomState(3).uniform(size=(4, model.output_shape[1]))
        model.fit(inputs[0], targets / targets.sum(1, keepdims=True), nb_epoch=2, batch_size=4, verbose=0)
    return train


for optimizer in ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"):
    add("topology", "trained_" + optimizer, chain(lambda: Dense(5, input_dim=4), lambda: Dense(3, activation="softmax")),
        train=fit(optimizer, "categorical_crossentropy", metrics=["accuracy"]), reloads=False, note="training is not carried over")
add("topology", "trained_lstm", chain(lambda: LSTM(5, input_shape=(4, 3)), lambda: Dense(2)), train=fit("adam", "mse"), reloads=False,
    note="training is not carried over")
both_orderings("topology", "trained_conv", lambda shape: chain(
    lambda: Convolution2D(3, 3, 3, input_shape=shape(5, 6, 2)), lambda: BatchNormalization(axis=1), Flatten, lambda: Dense(2))(),
    train=fit("rmsprop", "mse"), reloads=False, note="training is not carried over")
