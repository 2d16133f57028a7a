"""Sequential and functional topologies: sharing, nesting, several inputs and outputs, names, frozen parts, dtypes."""
import numpy as np

from . import Group, K, L

D, S = L.Dense, K.Sequential
g = Group("sequential")
g.chain("sequential", (6,), lambda: [D(5, activation="relu"), D(5), D(5, activation="softmax")])
g.add("sequential_named", lambda: S([L.Input((6,), name="features"), D(5, name="first"), D(5, name="second")], name="my_model"))
g.add("sequential_by_call", lambda: _called(S([D(5), L.BatchNormalization(), D(5)])))
g.add("sequential_by_build", lambda: _built(S([D(5), D(4)])))
g.add("sequential_single", lambda: S([L.Input((6,)), D(5)]))
g.chain("sequential_no_weights", (4, 6), lambda: [L.Permute((2, 1)), L.Flatten(), L.Activation("relu")])
g.add("sequential_frozen", lambda: S([L.Input((6,)), D(6, trainable=False), L.BatchNormalization(), D(6)]))
g.add("sequential_in_sequential", lambda: S([L.Input((6,)), S([D(5), D(4)]), S([L.Input((4,)), D(4), L.BatchNormalization()]), D(3)]))
g.add("sequential_nested_first", lambda: S([S([L.Input((6,)), D(5), D(4)]), D(3)]))
g.add("sequential_of_functional", lambda: S([L.Input((6,)), inner(6, 5), D(3)]))


def _called(model):
    model(np.zeros((1, 6), "float32"))
    return model


def _built(model):
    model.build((None, 6))
    return model


def inner(n, units, name=None):
    x = L.Input((n,))
    return K.Model(x, D(units, activation="tanh")(L.BatchNormalization()(D(units)(x))), name=name)


g = Group("functional")
g.graph("functional_chain", (6,), lambda x: D(5)(D(5, activation="relu")(x)))
g.graph("functional_residual", (6,), lambda x: D(6)(L.Add()([x, D(6)(D(6, activation="relu")(x))])))
g.graph("functional_towers", [(6,), (6,)], lambda x: D(5)(L.Subtract()([D(5, name="left")(x[0]), D(5, name="right")(x[1])])))
g.graph("functional_three_inputs", [(3,), (3,), (3,)], lambda x: D(4)(L.Concatenate()([D(3)(x[2]), x[0], D(3)(x[1])])))
g.graph("functional_two_outputs", (6,), lambda x: [D(4, name="b")(x), D(4, name="a")(x)])
g.graph("functional_output_twice", (6,), lambda x: (lambda y: [y, D(4)(y), y])(D(4)(x)))
g.graph("functional_output_is_input", (6,), lambda x: [x, D(4)(x)])
g.graph("functional_list_of_one", (6,), lambda x: [D(4)(x)])
g.add("functional_input_list_of_one", lambda: (lambda x: K.Model([x], [D(4)(x)]))(L.Input((6,))))
g.graph("functional_nested_outputs", (6,), lambda x: [D(4)(x), [D(4)(x), D(4)(x)]])
g.graph("functional_dict_outputs", (6,), lambda x: {"zeta": D(4)(x), "alpha": D(4)(x), "mid": D(4)(x)})
g.graph("functional_dict_of_lists", (6,), lambda x: {"many": [D(4)(x), D(4)(x)], "one": D(4)(x)})
g.add("functional_dict_inputs", lambda: _dict(["zeta", "alpha"]))
g.add("functional_dict_both", lambda: _dict(["b", "a"], True))
g.add("functional_inputs_unordered",
      lambda: (lambda a, b: K.Model([b, a], L.Subtract()([D(4)(a), D(4)(b)])))(L.Input((6,), name="a"), L.Input((6,), name="b")))
g.add("functional_nested_inputs",
      lambda: (lambda a, b, c: K.Model([a, [b, c]], L.Concatenate()([D(3)(a), D(3)(b), D(3)(c)])))(*[L.Input((4,)) for _ in range(3)]))
g.add("functional_fixed_batch", lambda: (lambda x: K.Model(x, D(3)(x)))(L.Input(batch_shape=(4, 6))))
g.add("functional_inner_slice", lambda: _cut())
g.add("functional_frozen", lambda: _frozen())
g.add("functional_input_twice", lambda: (lambda x: K.Model(x, L.Add()([x, x])))(L.Input((6,))))
g.add("functional_optional_input", lambda: _optional())


def _dict(keys, outputs=False):
    x = {key: L.Input((4,), name=key) for key in keys}
    y = L.Subtract()([D(4)(x[keys[0]]), D(4)(x[keys[1]])])
    return K.Model(x, {"sum": D(3)(y), "first": D(3)(x[keys[0]])} if outputs else D(3)(y))


def _cut():
    x = L.Input((6,))
    y = D(5, name="two")(D(5, name="one")(x))
    whole = K.Model(x, D(5, name="three")(y))
    return K.Model(whole.input, whole.get_layer("two").output)


def _frozen():
    x = L.Input((6,))
    model = K.Model(x, D(6)(L.BatchNormalization()(D(6)(x))))
    model.trainable = False
    return model


def _optional():
    a, b = L.Input((6,), name="a"), L.Input((6,), name="b", optional=True)
    return K.Model([a, b], L.Add()([D(6)(a), D(6)(b)]))


g = Group("shared")


def twice(layer, second=None):
    return lambda x: L.Concatenate()([layer(x), (second or layer)(layer(x))])


g.graph("shared_dense", (6,), lambda x: twice(D(6))(x))
g.graph("shared_siamese", [(6,), (6,)], lambda x: (lambda d: L.Subtract()([d(x[0]), d(x[1])]))(D(5)))
g.graph("shared_depths", (6,), lambda x: (lambda a, b: a(b(a(b(x)))))(D(6, name="a"), D(6, name="b")))
g.graph("shared_lstm", [(5, 3), (4, 3)], lambda x: (lambda r: L.Concatenate()([r(x[1]), r(x[0])]))(L.LSTM(4)))
g.graph("shared_operations", (6,), lambda x: (lambda d: d(d(x) + 1.0) * d(x))(D(6)))
g.add("shared_inside_and_outside", lambda: _inside_and_outside())


def _inside_and_outside():
    x = L.Input((6,))
    layer = D(6, name="both")
    part = K.Model(x, D(6)(layer(x)), name="part")
    y = L.Input((6,))
    return K.Model(y, L.Add()([part(y), layer(y)]))


g = Group("nested")
g.graph("nested_functional", (6,), lambda x: D(3)(inner(6, 5)(x)))
g.graph("nested_functional_last", (6,), lambda x: inner(6, 5)(x))
g.graph("nested_twice", (6,), lambda x: (lambda m: L.Subtract()([m(x), m(m(x))]))(inner(6, 6)))
g.graph("nested_twice_outputs", (6,), lambda x: (lambda m: [m(m(x)), m(x)])(inner(6, 6)))
g.graph("nested_sequential", (6,), lambda x: D(3)(S([D(5), L.BatchNormalization(), D(4)])(x)))
g.graph("nested_sequential_input", (6,), lambda x: S([L.Input((6,)), D(5), D(4)])(x))
g.graph("nested_deep", (6,), lambda x: S([L.Input((6,)), S([D(5), inner(5, 4)]), D(4)])(inner(6, 6)(x)))
g.graph("nested_same_classes", (6,), lambda x: inner(6, 5, "one")(inner(6, 6, "two")(x)) + inner(6, 5, "three")(x))
g.graph("nested_frozen_part", (6,), lambda x: D(3)(_half_frozen()(x)))
g.graph("nested_frozen_whole", (6,), lambda x: D(3)(_thawed_part()(x)))
g.graph("nested_many_outputs", (6,), lambda x: (lambda a, b: L.Add()([D(4)(b), a]))(*_many()(x)))
g.graph("nested_dict", (6,), lambda x: _dict(["u", "v"], True)({"v": D(4)(x), "u": D(4)(x)}))
g.graph("nested_operations", (6,), lambda x: D(3)(_with_operations()(x)))
g.graph("nested_masks", ((5,), "int32"), lambda x: L.Dense(2)(_masked()(x)), inputs=dict(whole=True))
g.graph("nested_mask_outside", ((5,), "int32"), lambda x: L.LSTM(3)(_sequence()(L.Embedding(10, 4, mask_zero=True)(x))), inputs=dict(whole=True))
g.graph("nested_time_distributed", (3, 6), lambda x: L.TimeDistributed(inner(6, 4))(x))
g.graph("nested_time_distributed_sequential", (3, 6), lambda x: L.TimeDistributed(S([L.Input((6,)), D(4), D(4)]))(x))


def _half_frozen():
    x = L.Input((6,))
    return K.Model(x, D(6)(L.BatchNormalization()(D(6, trainable=False)(x))))


def _thawed_part():
    model = inner(6, 6)
    model.trainable = False
    model.layers[1].trainable = True
    return model


def _many():
    x = L.Input((6,))
    return K.Model(x, [D(4)(x), D(5)(x)])


def _with_operations():
    x = L.Input((6,))
    return K.Model(x, K.ops.concatenate([D(6)(x) * 0.5, K.ops.tanh(x)], axis=-1)[:, 2:8])


def _masked():
    x = L.Input((5,), dtype="int32")
    return K.Model(x, L.LSTM(3)(L.Embedding(10, 4, mask_zero=True)(x)))


def _sequence():
    x = L.Input((5, 4))
    return K.Model(x, L.LSTM(4, return_sequences=True)(x))


g = Group("names")
g.add("names_spaces", lambda: S([L.Input((6,), name="an input"), D(5, name="hidden layer"), D(5, name="dense.1:0")], name="a model"))
g.add("names_crossed", lambda: S([L.Input((6,)), D(6, name="dense_1"), D(6, name="dense"), D(6, name="dense_2")]))
g.add("names_unicode", lambda: S([L.Input((6,)), D(5, name="schicht_\u00fc"), D(5, name="\u5c42")]))
