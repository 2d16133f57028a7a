"""Sequential and functional topologies: sharing, nesting, several inputs and outputs, names, frozen parts."""
import numpy as np

from . import Group, K, L, inputs_of, tf

D, S = L.Dense, K.Sequential

g = Group("sequential")
g.chain("sequential_input", (6,), lambda: [D(5, activation="relu"), D(5), D(5, activation="softmax")])
g.add("sequential_input_shape", lambda: S([D(5, activation="relu", input_shape=(6,)), D(5), D(5)]))
g.add("sequential_input_dim", lambda: S([D(5, input_dim=6), D(5)]))
g.add("sequential_batch_input_shape", lambda: S([L.LSTM(4, batch_input_shape=(4, 5, 3), return_sequences=True), L.LSTM(4)]))
g.add("sequential_embedding_first", lambda: S([L.Embedding(10, 4, input_length=5), L.Flatten(), D(3)]), inputs=dict(whole=True))
g.add("sequential_conv_first", lambda: S([L.Conv2D(3, 3, input_shape=(6, 6, 2)), L.Conv2D(3, 3), L.Flatten(), D(3)]))
g.add("sequential_named_input", lambda: S([L.Input((6,), name="features"), D(5, name="first"), D(5, name="second")], name="my_model"))
g.add("sequential_single", lambda: S([L.Input((6,)), D(5)]))
g.add("sequential_input_layer", lambda: S([L.InputLayer((6,), name="start"), D(5)]))
g.add("sequential_add", lambda: _added())


def _added():
    model = S(name="grown")
    model.add(D(5, input_shape=(6,)))
    model.add(L.Dropout(0.5))
    model.add(D(5))
    return model


def by_call(layers, shape):
    def build():
        model = S(layers())
        model(np.zeros((1,) + shape, "float32"))
        return model
    return build


def by_build(layers, shape):
    def build():
        model = S(layers())
        model.build((None,) + shape)
        return model
    return build


g.add("sequential_by_call", by_call(lambda: [D(5), D(5)], (6,)))
g.add("sequential_by_call_conv", by_call(lambda: [L.Conv2D(3, 3, activation="relu"), L.GlobalAveragePooling2D(), D(3)], (6, 6, 2)))
g.add("sequential_by_call_lstm", by_call(lambda: [L.LSTM(4, return_sequences=True), L.LSTM(4)], (5, 3)))
g.add("sequential_by_build", by_build(lambda: [D(5), L.BatchNormalization(), D(5)], (6,)))
g.add("sequential_by_build_frozen", by_build(lambda: [D(6, trainable=False), D(6), L.BatchNormalization()], (6,)))
g.add("sequential_frozen_first", lambda: S([L.Input((6,)), D(6, trainable=False), D(6), D(6, trainable=False)]))
g.chain("sequential_no_weights", (4, 6), lambda: [L.Permute((2, 1)), L.Flatten(), L.Activation("relu")])
g.chain("sequential_one_weightless", (6,), lambda: [L.Activation("tanh")])
g.chain("sequential_zeros", (6,), lambda: [D(5, kernel_initializer="zeros"), L.Activation("sigmoid")], keep=True, weak=True, note="all weights are zero")

g = Group("functional")


def residual(x):
    y = D(6, activation="relu")(x)
    return D(6)(L.Add()([x, D(6)(y)]))


def two_towers(x):
    a, b = D(5, name="left")(x[0]), D(5, name="right")(x[1])
    return D(5)(L.Subtract()([a, b]))


g.graph("functional_chain", (6,), lambda x: D(5)(D(5, activation="relu")(x)))
g.graph("functional_residual", (6,), residual)
g.graph("functional_two_towers", [(6,), (6,)], two_towers)
g.graph("functional_three_inputs", [(3,), (3,), (3,)], lambda x: D(4)(L.Concatenate()([D(3)(x[2]), x[0], D(3)(x[1])])))
g.graph("functional_two_outputs", (6,), lambda x: [D(4, name="b")(x), D(4, name="a")(x)])
g.graph("functional_output_order", (6,), lambda x: (lambda a, b, c: [c, a, b])(D(4)(x), D(4)(x), D(4)(x)))
g.graph("functional_output_twice", (6,), lambda x: (lambda y: [y, D(4)(y), y])(D(4)(x)))
g.graph("functional_output_is_input", (6,), lambda x: [x, D(4)(x)])
g.add("functional_only_input_as_output", lambda: (lambda x: K.Model(x, x))(L.Input((6,))))
g.add("functional_one_of_two_is_input", lambda: (lambda x, y: K.Model([x, y], [D(4)(x), y]))(L.Input((6,)), L.Input((6,))))
g.graph("functional_nested_outputs", (6,), lambda x: [D(4)(x), [D(4)(x), D(4)(x)]])
g.graph("functional_tuple_outputs", (6,), lambda x: (D(4)(x), D(4)(x)))
g.graph("functional_dict_outputs", (6,), lambda x: {"zeta": D(4)(x), "alpha": D(4)(x), "mid": D(4)(x)})
g.graph("functional_dict_of_lists", (6,), lambda x: {"many": [D(4)(x), D(4)(x)], "one": D(4)(x)})


def dict_inputs(keys, names=None, **options):
    """Model with a dictionary of inputs, given in an order that is not the alphabet's."""
    def build():
        x = {key: L.Input((4,), name=(names or {}).get(key, key)) for key in keys}
        y = L.Subtract()([D(4, name="d1")(x[keys[0]]), D(4, name="d2")(x[keys[1]])])
        return K.Model(x, {"sum": D(3)(y), "first": D(3)(x[keys[0]])} if options.get("outputs") else D(3)(y))
    return build


g.add("functional_dict_inputs", dict_inputs(["zeta", "alpha"]))
g.add("functional_dict_inputs_other_names", dict_inputs(["zeta", "alpha"], dict(zeta="a_input", alpha="z_input")))
g.add("functional_dict_both", dict_inputs(["b", "a"], outputs=True))
g.add("functional_inputs_unordered", lambda: (lambda a, b: K.Model([b, a], L.Subtract()([D(4)(a), D(4)(b)])))(L.Input((6,), name="a"), L.Input((6,), name="b")))
g.add("functional_nested_inputs", lambda: (lambda a, b, c: K.Model([a, [b, c]], L.Concatenate()([D(3)(a), D(3)(b), D(3)(c)])))(*[L.Input((4,)) for _ in range(3)]))
g.add("functional_fixed_batch", lambda: (lambda x: K.Model(x, D(3)(x)))(L.Input(batch_shape=(4, 6))))
g.add("functional_unused_kwargs", lambda: (lambda x: K.Model(inputs=x, outputs=D(3, name="out")(x), name="named"))(L.Input((6,), name="in")))
g.add("functional_inner_slice", lambda: _cut())


def _cut():
    x = L.Input((6,))
    a = D(5, name="one")(x)
    b = D(5, name="two")(a)
    whole = K.Model(x, D(5, name="three")(b))
    return K.Model(whole.input, whole.get_layer("two").output)


def frozen_some(x):
    return D(6, name="c")(D(6, trainable=False, name="b")(L.BatchNormalization()(D(6, trainable=False, name="a")(x))))


g.graph("functional_frozen_layers", (6,), frozen_some)
g.add("functional_frozen_model", lambda: _frozen_model())


def _frozen_model():
    x = L.Input((6,))
    model = K.Model(x, D(6)(L.BatchNormalization()(D(6)(x))))
    model.trainable = False
    return model


g.graph("functional_training_false", (6,), lambda x: D(4)(L.Dropout(0.5)(L.BatchNormalization()(x, training=False), training=False)))
TRUE = dict(expect="refused:training", note="normalizes by the batch at inference too; Keras 3 ignores the argument in a functional model")
g.graph("functional_training_true", (6,), lambda x: D(4)(L.BatchNormalization()(x, training=True)), **TRUE)
g.graph("functional_training_true_image", (4, 4, 3), lambda x: L.Conv2D(3, 2)(L.BatchNormalization()(x, training=True)), **TRUE)
g.graph("functional_two_heads_conv", (6, 6, 2), lambda x: (lambda y: [D(3)(L.Flatten()(y)), L.Conv2D(2, 1)(y)])(L.Conv2D(3, 3, activation="relu")(x)))
g.graph("functional_weightless", [(3, 4), (3, 4)], lambda x: L.GlobalMaxPooling1D()(L.Concatenate()([L.Multiply()(x), L.Subtract()(x)])))
g.graph("functional_squeeze_excite", (5, 5, 4), lambda x: L.Multiply()([x, L.Reshape((1, 1, 4))(D(4, activation="sigmoid")(D(2, activation="relu")(L.GlobalAveragePooling2D()(x))))]))
g.graph("functional_unet", (8, 8, 2), lambda x: _unet(x))


def _unet(x):
    a = L.Conv2D(3, 3, padding="same", activation="relu")(x)
    b = L.Conv2D(3, 3, padding="same", activation="relu")(L.MaxPooling2D()(a))
    up = L.Conv2DTranspose(3, 2, strides=2)(b)
    return L.Conv2D(2, 1, activation="sigmoid")(L.Concatenate()([a, up]))


g = Group("shared")


def twice(x):
    layer = D(6, activation="tanh")
    return D(3)(layer(layer(x)))


def depths(x):
    layer = D(6)
    a = layer(x)
    b = layer(D(6, activation="relu")(a))
    return L.Concatenate()([layer(b), a])


def siamese(x):
    tower = D(5, activation="relu")
    return L.Subtract()([tower(x[0]), tower(x[1])])


def shared_lstm(x):
    layer = L.LSTM(4)
    return L.Subtract()([layer(x[0]), layer(x[1])])


def shared_norm(x):
    norm, dense = L.BatchNormalization(), D(6)
    return L.Subtract()([norm(dense(x)), dense(norm(x))])


g.graph("shared_twice", (6,), twice)
g.graph("shared_at_depths", (6,), depths)
g.graph("shared_siamese", [(6,), (6,)], siamese)
g.graph("shared_lstm", [(5, 3), (5, 3)], shared_lstm)
g.graph("shared_batch_norm", (6,), shared_norm)
g.graph("shared_bidirectional", [(5, 3), (4, 3)], lambda x: (lambda l: L.Concatenate()([l(x[1]), l(x[0])]))(L.Bidirectional(L.GRU(3))))
g.graph("shared_embedding", [((5,), "int32"), ((4,), "int32")], lambda x: (lambda l: L.Concatenate(axis=1)([l(x[1]), l(x[0])]))(L.Embedding(10, 3)))
g.graph("shared_second_output_only", (6,), lambda x: (lambda l: (l(x), l(D(6)(x)))[1])(D(6)), note="the first call of the layer is outside the graph")
g.graph("shared_calls_crossed", [(6,), (6,)], lambda x: (lambda l: (lambda a, b: [b, a])(l(x[0]), l(x[1])))(D(6)))

g = Group("nested")


def inner(name=None, out=6, frozen=()):
    """Functional model 6 -> `out` with a BatchNormalization in the middle."""
    x = L.Input((6,))
    a, b, c = D(6, name="i1"), L.BatchNormalization(name="i2"), D(out, name="i3")
    model = K.Model(x, c(b(a(x))), name=name)
    for layer in (a, b, c):
        if layer.name in frozen:
            layer.trainable = False
    return model


def inner_seq(name=None):
    return S([L.Input((6,)), D(6, activation="relu"), L.BatchNormalization(), D(6)], name=name)


def difference(make):
    def graph(x):
        model = make()
        return L.Subtract()([model(x[0]), model(x[1])])
    return graph


PAIR = [(6,), (6,)]
g.graph("nested_functional", (6,), lambda x: D(6)(inner()(D(6)(x))))
g.graph("nested_functional_is_output", (6,), lambda x: inner()(D(6)(x)))
g.graph("nested_functional_first", (6,), lambda x: D(6)(inner()(x)))
g.graph("nested_twice_difference", PAIR, difference(inner))
g.graph("nested_twice_swapped", PAIR, lambda x: (lambda m: L.Subtract()([m(x[1]), m(x[0])]))(inner()))
g.graph("nested_twice_outputs", PAIR, lambda x: (lambda m: [m(x[1]), m(x[0])])(inner()))
g.graph("nested_twice_chained", (6,), lambda x: (lambda m: L.Subtract()([m(m(x)), m(x)]))(inner()))
g.graph("nested_sequential", (6,), lambda x: D(6)(inner_seq()(x)))
g.graph("nested_sequential_is_output", (6,), lambda x: inner_seq()(x))
g.graph("nested_sequential_twice", PAIR, difference(inner_seq))
g.graph("nested_sequential_lazy", (6,), lambda x: D(6)(S([D(6, activation="relu"), D(6)])(x)))
g.graph("nested_sequential_lazy_twice", PAIR, difference(lambda: S([D(6), D(6)])))
g.graph("nested_sequential_input_shape", (6,), lambda x: D(6)(S([D(6, input_shape=(6,)), D(6)])(x)))
g.add("nested_in_sequential", lambda: S([L.Input((6,)), inner(), D(6), inner_seq()]))
g.add("nested_first_in_sequential", lambda: S([inner(), D(6)]))
g.add("nested_sequential_first_in_sequential", by_call(lambda: [inner_seq(), D(6)], (6,)))
g.add("nested_sequential_only", by_call(lambda: [S([S([L.Input((6,)), D(6), D(6)])])], (6,)))
g.graph("nested_three_deep", (6,), lambda x: D(6)(_deep(3)(x)))
g.graph("nested_deep_twice", PAIR, difference(lambda: _deep(2)))


def _deep(depth):
    x = L.Input((6,))
    y = D(6)(x)
    return K.Model(x, D(6)(_deep(depth - 1)(y) if depth > 1 else inner_seq()(y)), name=f"level_{depth}")


def inner_many():
    """Two inputs, two outputs."""
    a, b = L.Input((6,), name="p"), L.Input((6,), name="q")
    return K.Model([a, b], [D(6, name="m1")(L.Subtract()([a, b])), D(6, name="m2")(b)], name="many")


def inner_dict():
    """A dictionary of inputs, a dictionary of outputs."""
    a, b = L.Input((6,), name="p"), L.Input((6,), name="q")
    return K.Model({"q": b, "p": a}, {"y": D(6)(L.Subtract()([a, b])), "x": D(6)(b)})


g.graph("nested_many", PAIR, lambda x: (lambda y: L.Subtract()([D(6)(y[1]), y[0]]))(inner_many()(x)))
g.graph("nested_many_outputs", PAIR, lambda x: inner_many()(x))
g.graph("nested_many_second_only", PAIR, lambda x: D(6)(inner_many()([x[1], x[0]])[1]))
g.graph("nested_many_twice", PAIR, lambda x: (lambda m: (lambda a, b: [a[1], b[0]])(m(x), m([x[1], x[0]])))(inner_many()))
g.graph("nested_dict", PAIR, lambda x: (lambda y: L.Subtract()([y["x"], y["y"]]))(inner_dict()({"p": x[0], "q": x[1]})))
g.graph("nested_lstm_states", (5, 3), lambda x: _with_states(x))


def _with_states(x):
    t = L.Input((5, 3))
    y, h, c = L.LSTM(4, return_sequences=True, return_state=True)(t)
    encoder = K.Model(t, [y, h, c], name="encoder")
    y, h, c = encoder(x)
    return L.LSTM(4)(y, initial_state=[h, c])


for name, frozen in [("dense", ["i1"]), ("last", ["i3"]), ("norm", ["i2"]), ("dense_and_norm", ["i1", "i2"]), ("all_layers", ["i1", "i2", "i3"])]:
    g.graph(f"nested_frozen_{name}", (6,), lambda x, f=frozen: D(6)(inner(frozen=f)(x)))


def wholly_frozen(make):
    def graph(x):
        model = make()
        model.trainable = False
        return D(6)(model(D(6)(x)))
    return graph


g.graph("nested_frozen_model", (6,), wholly_frozen(inner))
g.graph("nested_frozen_sequential", (6,), wholly_frozen(inner_seq))
g.graph("nested_frozen_deep", (6,), wholly_frozen(lambda: _deep(2)))
g.graph("nested_frozen_inside_deep", (6,), lambda x: (lambda m: (setattr(m.layers[1], "trainable", False), D(6)(m(x)))[1])(_deep(2)))
g.graph("nested_training_false", (6,), lambda x: D(6)(inner()(x, training=False)))
g.graph("nested_conv_base", (6, 6, 2), lambda x: _transfer(x))


def _transfer(x):
    t = L.Input((6, 6, 2))
    y = L.BatchNormalization()(L.Conv2D(3, 3)(t))
    base = K.Model(t, L.BatchNormalization()(L.Conv2D(3, 3)(L.ReLU()(y))), name="base")
    base.trainable = False
    for layer in base.layers[-2:]:
        layer.trainable = True
    return D(3, activation="softmax")(L.GlobalAveragePooling2D()(base(x, training=False)))


g.graph("nested_bidirectional", (5, 3), lambda x: S([L.Input((5, 3)), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.BatchNormalization(), L.GRU(3)])(x))
g.graph("nested_same_layer_names", (6,), lambda x: D(6, name="d")(S([L.Input((6,)), D(6, name="d"), D(6, name="e")])(x)))
g.graph("nested_shares_layer", (6,), lambda x: _shares(x))


def _shares(x):
    dense = D(6, name="common")
    t = L.Input((6,))
    model = K.Model(t, D(6)(dense(t)))
    return L.Subtract()([model(x), dense(x)])


g.graph("nested_weightless", (6, 4), lambda x: D(3)(S([L.Permute((2, 1)), L.Flatten()])(x)))
g.graph("nested_output_is_input", (6,), lambda x: (lambda t: L.Subtract()(K.Model(t, [t, D(6)(t)])(x)))(L.Input((6,))))
g.graph("nested_preprocessing", (6, 6, 3), lambda x: L.Conv2D(2, 3)(S([L.RandomFlip(), L.Rescaling(0.5)])(x)))

g = Group("names")
NAME = dict(note="layer names Keras 3 does not take as they are")
g.graph("name_slash", (6,), lambda x: D(5, name="block/dense_2")(D(5, name="block/dense_1")(x)), **NAME)
g.graph("name_slash_nested", (6,), lambda x: D(6, name="a/b/c")(K.Sequential([L.Input((6,)), D(6, name="x/y")], name="in/ner")(x)), **NAME)
g.graph("name_slash_like_other", (6,), lambda x: D(6, name="a_b")(D(6, name="a/b")(x)), **NAME)
g.graph("name_dots_and_signs", (6,), lambda x: D(5, name="d.e-f_1")(D(5, name="v1.0-x")(x)))
g.graph("name_group_words", (6,), lambda x: D(6, name="layers")(D(6, name="vars")(x)), note="names that mean something in weight files")
g.graph("name_reversed_numbers", (6,), lambda x: D(6, name="dense")(D(6, name="dense_1")(D(6, name="dense_2")(x))))
g.graph("name_class_of_other", (6,), lambda x: D(6, name="conv2d")(D(6, name="batch_normalization")(x)))
g.add("name_upper_case", lambda: S([L.Input((6,), name="IN"), D(6, name="FC_1"), D(6, name="fc_1")], name="Net"))
g.add("name_slash_in_input", lambda: (lambda x: K.Model(x, D(5)(x)))(L.Input((6,), name="in/put")), **NAME)

g = Group("size")
LONG = "a_layer_with_a_rather_long_name_that_fills_its_sixty_characters_"[:55]


def wide():
    """1000 layers with names of 72 characters, most without weights: layer_names is over 64 KiB and is cut into chunks."""
    x = L.Input((3,))
    many = [(D(3) if i % 100 == 50 else L.Activation("tanh")) for i in range(1000)]
    for i, layer in enumerate(many):
        layer._name = f"{LONG}_and_even_more{i:04d}"
    return K.Model(x, D(3)(L.Average()([layer(x) for layer in many])))


def many_weights():
    """One nested model with so many weights that weight_names is over 64 KiB and is cut into chunks."""
    x = y = L.Input((3,))
    for i in range(280):
        y = L.LayerNormalization(name=f"{LONG}_{LONG}_{i:05d}")(y)
    model = K.Model(x, y, name="inner")
    top = L.Input((3,))
    return K.Model(top, D(3)(model(top)))


g.add("wide_layer_names", wide, note="layer_names over 64 KiB, in chunks")
g.add("wide_weight_names", many_weights, note="weight_names over 64 KiB, in chunks")
g.chain("size_one", (1,), lambda: [D(1), D(1)])
g.graph("size_zero_rank", (1,), lambda x: L.Reshape(())(D(1)(x)))
