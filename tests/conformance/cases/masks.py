"""Masks: how they start, where they go, and what uses them."""
from . import Group, K, L, tf

g = Group("mask")
TOKENS = [((6,), "int32"), ((6,), "int32")]
STEPS = [(6, 3), (6, 3)]
USERS = [("lstm", lambda: L.LSTM(4)), ("gru", lambda: L.GRU(4)), ("bidirectional", lambda: L.Bidirectional(L.LSTM(3))),
         ("pooling", lambda: L.GlobalAveragePooling1D())]
MERGES = ["Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract", "Concatenate"]


def table():
    return L.Embedding(10, 4, mask_zero=True)


def merged(merge, user):
    """Two masked embeddings, merged, into a layer that uses the mask (2.15: AND of the masks)."""
    return lambda x: user()(getattr(L, merge)()([table()(t) for t in x]))


for merge in MERGES:
    for name, user in USERS[:4 if merge in ("Add", "Concatenate") else 2 if merge in ("Multiply", "Average") else 1]:
        g.graph(f"mask_{merge.lower()}_{name}", TOKENS, merged(merge, user))
for merge in ("Add", "Concatenate", "Average"):
    g.graph(f"mask_one_side_{merge.lower()}", TOKENS, lambda x, merge=merge: L.LSTM(4)(getattr(L, merge)()([table()(x[0]), L.Embedding(10, 4)(x[1])])),
            note="one branch masked, the other not")
    g.graph(f"mask_other_side_{merge.lower()}", TOKENS, lambda x, merge=merge: L.GRU(4)(getattr(L, merge)()([L.Embedding(10, 4)(x[0]), table()(x[1])])),
            note="one branch masked, the other not")
g.graph("mask_masking_add", STEPS, lambda x: L.LSTM(4)(L.Add()([L.Masking()(t) for t in x])))
g.graph("mask_masking_concatenate", STEPS, lambda x: L.GRU(4, return_sequences=True)(L.Concatenate()([L.Masking()(t) for t in x])))
g.graph("mask_concatenate_time", TOKENS, lambda x: L.LSTM(4)(L.Concatenate(axis=1)([table()(t) for t in x])), note="masks are joined along time")
g.graph("mask_three_add", TOKENS + [((6,), "int32")], lambda x: L.LSTM(4)(L.Add()([table()(t) for t in x])))
g.graph("mask_merge_of_merges", TOKENS, lambda x: (lambda a, b: L.LSTM(4)(L.Add()([L.Multiply()([a, b]), L.Concatenate()([L.Dense(2)(a), L.Dense(2)(b)])])))(*[table()(t) for t in x]))
g.graph("mask_residual_lstm", ((6,), "int32"), lambda x: (lambda e: L.GlobalAveragePooling1D()(L.Add()([e, L.LSTM(4, return_sequences=True)(e)])))(table()(x)))
g.graph("mask_same_embedding_twice", ((6,), "int32"), lambda x: (lambda e: L.LSTM(4)(L.Add()([e, L.Dense(4)(e)])))(table()(x)))
g.graph("mask_shared_embedding", TOKENS, lambda x: (lambda e: L.LSTM(4)(L.Add()([e(x[0]), e(x[1])])))(table()))
g.graph("mask_dot", TOKENS, lambda x: L.Dot(axes=2)([table()(t) for t in x]))
g.graph("mask_position_embedding", ((6,), "int32"), lambda x: L.LSTM(4)(L.Add()([table()(x), L.Embedding(12, 4)(x)])))
g.graph("mask_embedding_and_masking", [((6,), "int32"), (6, 4)], lambda x: L.LSTM(4)(L.Add()([table()(x[0]), L.Masking()(x[1])])))

PASSING = [("dense", lambda: L.Dense(4)), ("dropout", lambda: L.Dropout(0.5)), ("activation", lambda: L.Activation("tanh")),
           ("time_distributed", lambda: L.TimeDistributed(L.Dense(4))), ("layer_norm", lambda: L.LayerNormalization()),
           ("batch_norm", lambda: L.BatchNormalization()), ("leaky_relu", lambda: L.LeakyReLU()), ("relu", lambda: L.ReLU()),
           ("spatial_dropout", lambda: L.SpatialDropout1D(0.5)), ("gaussian_noise", lambda: L.GaussianNoise(0.1)),
           ("activity_regularization", lambda: L.ActivityRegularization(l2=0.1)), ("prelu", lambda: L.PReLU()), ("elu", lambda: L.ELU()),
           ("identity", lambda: L.Identity()), ("unit_norm", lambda: L.UnitNormalization()), ("rescaling", lambda: L.Rescaling(0.5)),
           ("einsum_dense", lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")),
           ("conv1d", lambda: L.Conv1D(4, 3, padding="same")), ("conv1d_causal", lambda: L.Conv1D(4, 2, padding="causal")),
           ("separable_conv", lambda: L.SeparableConv1D(4, 2, padding="same")), ("depthwise_conv", lambda: L.DepthwiseConv1D(2, padding="same")),
           ("permute", lambda: L.Permute((2, 1))), ("reshape", lambda: L.Reshape((6, 4))), ("reshape_other", lambda: L.Reshape((3, 8))),
           ("max_pooling", lambda: L.MaxPooling1D(1)), ("zero_padding", lambda: L.ZeroPadding1D(1)), ("cropping", lambda: L.Cropping1D(1)),
           ("up_sampling", lambda: L.UpSampling1D(2)), ("simple_rnn", lambda: L.SimpleRNN(4, return_sequences=True)),
           ("bidirectional", lambda: L.Bidirectional(L.GRU(4, return_sequences=True), merge_mode="sum"))]
for name, make in PASSING:
    g.chain(f"mask_through_{name}", ((6,), "int32"), lambda make=make: [table(), make(), L.LSTM(4)])
FLAT = [("flatten", lambda: L.Flatten()), ("global_max", lambda: L.GlobalMaxPooling1D()), ("global_average", lambda: L.GlobalAveragePooling1D()),
        ("global_average_keepdims", lambda: L.GlobalAveragePooling1D(keepdims=True))]
for name, make in FLAT:
    g.chain(f"mask_into_{name}", ((6,), "int32"), lambda make=make: [table(), make(), L.Dense(3)])
g.chain("mask_value", (6, 3), lambda: [L.Masking(mask_value=0.0), L.LSTM(4, return_sequences=True), L.LSTM(4)])
g.chain("mask_value_other", (6, 3), lambda: [L.ReLU(), L.Rescaling(1.0, offset=-2.0), L.Masking(mask_value=-2.0), L.LSTM(4)])
g.chain("mask_flattened_after_lstm", ((6,), "int32"), lambda: [table(), L.LSTM(4, return_sequences=True), L.Flatten(), L.Dense(3)])
g.chain("mask_repeat_vector", ((6,), "int32"), lambda: [table(), L.LSTM(4), L.RepeatVector(3), L.LSTM(4, return_sequences=True), L.TimeDistributed(L.Dense(3))])


def softmax_masked(x):
    scores = L.Dense(6)(x[0])
    return L.Softmax()(scores, mask=x[1])


g.graph("mask_softmax_explicit", [(6,), ((6,), "bool")], softmax_masked)
g.graph("mask_explicit_lstm", [(6, 3), ((6,), "bool")], lambda x: L.LSTM(4)(x[0], mask=x[1]), note="mask given to the call")
g.graph("mask_explicit_bidirectional", [(6, 3), ((6,), "bool")], lambda x: L.Bidirectional(L.GRU(4))(x[0], mask=x[1]))
g.graph("mask_explicit_pooling", [(6, 3), ((6,), "bool")], lambda x: L.GlobalAveragePooling1D()(x[0], mask=x[1]))
g.graph("mask_explicit_over_implicit", [((6,), "int32"), ((6,), "bool")], lambda x: L.LSTM(4)(table()(x[0]), mask=x[1]))


def masked_model():
    x = L.Input((6,), dtype="int32")
    return K.Model(x, L.Dense(4)(table()(x)), name="embed")


def plain_model(shape=(6, 4)):
    x = L.Input(shape)
    return K.Model(x, L.Dense(4, activation="relu")(L.Dense(4)(x)), name="plain")


def lstm_model():
    return K.Sequential([L.Input((6, 4)), L.Dense(4), L.LSTM(4)], name="reader")


g.graph("mask_out_of_nested", ((6,), "int32"), lambda x: L.LSTM(4)(masked_model()(x)), note="the mask is made in a nested model")
g.graph("mask_out_of_nested_sequential", ((6,), "int32"), lambda x: L.LSTM(4)(K.Sequential([L.Input((6,), dtype="int32"), table(), L.Dense(4)])(x)))
g.graph("mask_into_nested", ((6,), "int32"), lambda x: lstm_model()(table()(x)), note="the mask goes into a nested model")
g.graph("mask_into_nested_functional", ((6,), "int32"), lambda x: (lambda t: K.Model(t, L.LSTM(4)(L.Dense(4)(t))))(L.Input((6, 4)))(table()(x)))
g.graph("mask_through_nested", ((6,), "int32"), lambda x: L.LSTM(4)(plain_model()(table()(x))))
g.graph("mask_through_nested_sequential", ((6,), "int32"), lambda x: L.LSTM(4)(K.Sequential([L.Input((6, 4)), L.Dense(4), L.Dropout(0.1)])(table()(x))))
g.graph("mask_nested_twice_add", TOKENS, lambda x: (lambda m: L.LSTM(4)(L.Add()([m(x[0]), m(x[1])])))(masked_model()))
g.graph("mask_nested_sequential_twice_add", TOKENS, lambda x: (lambda m: L.LSTM(4)(L.Add()([m(x[0]), m(x[1])])))(
    K.Sequential([L.Input((6,), dtype="int32"), table(), L.Dropout(0.1), L.Dense(4)])))
g.graph("mask_nested_masking_concatenate", STEPS, lambda x: (lambda m: L.GRU(4)(L.Concatenate()([m(x[0]), m(x[1])])))(
    (lambda t: K.Model(t, L.Dense(4)(L.Masking()(t))))(L.Input((6, 3)))))
g.graph("mask_nested_three_deep_add", TOKENS, lambda x: L.LSTM(4)(L.Add()([(lambda t: K.Model(t, masked_model()(t), name=f"outer_{i}"))(
    L.Input((6,), dtype="int32"))(one) for i, one in enumerate(x)])))
g.graph("mask_nested_lost_inside", TOKENS, lambda x: (lambda m: L.LSTM(4)(L.Add()([m(x[0]), m(x[1])])))(
    (lambda t: K.Model(t, L.Conv1D(4, 3, padding="same")(table()(t))))(L.Input((6,), dtype="int32"))))
g.add("mask_nested_in_sequential", lambda: K.Sequential([masked_model(), L.LSTM(4)]))
g.chain("mask_text_model", ((6,), "int32"), lambda: [table(), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Dropout(0.3), L.Bidirectional(L.GRU(3)), L.Dense(2, activation="softmax")])
g.graph("mask_two_outputs", ((6,), "int32"), lambda x: (lambda e: [L.LSTM(4)(e), L.Dense(3)(e)])(table()(x)))
g.graph("mask_time_distributed_lstm", ((3, 5), "int32"), lambda x: L.LSTM(3)(L.TimeDistributed(L.LSTM(3))(L.TimeDistributed(table())(x))))
g.graph("mask_stateful_states", ((6,), "int32"), lambda x: (lambda y, h, c: [h, c])(*L.LSTM(4, return_state=True, return_sequences=True)(table()(x))))
g.graph("mask_batch_norm_then_merge", TOKENS, lambda x: L.GRU(4)(L.Concatenate()([L.BatchNormalization()(table()(x[0])), L.Dropout(0.2)(table()(x[1]))])))

# What Keras 2 loses and Keras 3 hands on.
g.graph("mask_lost_in_graph", ((6,), "int32"), lambda x: (lambda e: L.LSTM(4)(L.Add()([L.Rescaling(0.5)(e), L.Identity()(e)])))(table()(x)))
g.graph("mask_lost_in_nested", ((6,), "int32"), lambda x: L.LSTM(4)((lambda t: K.Model(t, L.Identity()(L.Dense(4)(t))))(L.Input((6, 4)))(table()(x))))
g.graph("mask_lost_into_nested", ((6,), "int32"), lambda x: lstm_model()(L.Identity()(table()(x))))
g.graph("mask_merged_into_nested", TOKENS, lambda x: lstm_model()(L.Add()([table()(x[0]), table()(x[1])])))
g.graph("mask_lost_mha", TOKENS, lambda x: L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 3)(L.Identity()(table()(x[0])), L.Rescaling(2.0)(table()(x[1])))))
g.graph("mask_merged_attention", TOKENS, lambda x: (lambda a, b: L.LSTM(4)(L.Attention()([L.Add()([a, b]), L.Identity()(b)])))(*[table()(t) for t in x]))

# Models in chains, with an input of their own and without.
g.add("mask_chain_into_model", lambda: K.Sequential([L.Input((6,), dtype="int32"), table(), K.Sequential([L.Dense(4), L.Dropout(0.1)]), lstm_model()]))
g.add("mask_chain_lost_in_model", lambda: K.Sequential([L.Input((6,), dtype="int32"), table(), K.Sequential([L.Input((6, 4)), L.Rescaling(0.5), L.Dense(4)]), L.LSTM(4)]))

# A mask of words in sentences, and what a TimeDistributed makes of it.
WORDS = ((3, 5), "int32")
g.graph("mask_words_lstm", WORDS, lambda x: L.LSTM(3)(L.TimeDistributed(L.Bidirectional(L.GRU(3)))(table()(x))))
g.graph("mask_words_masking", (3, 5, 2), lambda x: L.LSTM(3)(L.TimeDistributed(L.LSTM(3))(L.TimeDistributed(L.Masking())(x))))
g.graph("mask_words_model", WORDS, lambda x: L.LSTM(3)(L.TimeDistributed((lambda t: K.Model(t, L.LSTM(3)(L.Add()([table()(t), L.Embedding(10, 4)(t)]))))(L.Input((5,), dtype="int32")))(x)))
g.chain("mask_words_chain", WORDS, lambda: [table(), L.TimeDistributed(L.LSTM(3)), L.LSTM(3)])
g.chain("mask_bidirectional_sequences", (6, 3), lambda: [L.Masking(), L.Bidirectional(L.GRU(3, return_sequences=True))])
