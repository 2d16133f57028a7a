"""Attention, AdditiveAttention, MultiHeadAttention."""
from . import Group, K, L

g = Group("attention")
QV = [(4, 3), (5, 3)]
QVK = [(4, 3), (5, 3), (5, 3)]
ATTENTION = [("", {}), ("scale", dict(use_scale=True)), ("concat", dict(score_mode="concat")),
             ("concat_scale", dict(score_mode="concat", use_scale=True)), ("dropout", dict(dropout=0.3))]
for name, options in ATTENTION:
    g.layer("_".join(filter(None, ["attention", name])), QV, lambda o=options: L.Attention(**o))
    g.layer("_".join(filter(None, ["attention_three", name])), QVK, lambda o=options: L.Attention(**o))
for name, options in [("", {}), ("no_scale", dict(use_scale=False)), ("dropout", dict(dropout=0.3))]:
    g.layer("_".join(filter(None, ["additive_attention", name])), QV, lambda o=options: L.AdditiveAttention(**o))
    g.layer("_".join(filter(None, ["additive_attention_three", name])), QVK, lambda o=options: L.AdditiveAttention(**o))
g.graph("attention_causal", QV, lambda x: L.Attention()(x, use_causal_mask=True))
g.graph("additive_attention_causal", QV, lambda x: L.AdditiveAttention()(x, use_causal_mask=True))
g.graph("attention_scores", QV, lambda x: L.Attention(use_scale=True)(x, return_attention_scores=True))
g.graph("additive_attention_scores", QV, lambda x: L.AdditiveAttention()(x, return_attention_scores=True))
g.graph("attention_self", (4, 3), lambda x: L.Attention()([x, x]))
g.graph("attention_self_three", (4, 3), lambda x: L.Attention()([L.Dense(3)(x), L.Dense(3)(x), L.Dense(3)(x)]))
g.graph("attention_explicit_masks", [(4, 3), (5, 3), ((4,), "bool"), ((5,), "bool")], lambda x: L.Attention()(x[:2], mask=x[2:]))


def embedded(make):
    """Two masked embeddings into `make`."""
    def graph(x):
        query, value = (L.Embedding(10, 4, mask_zero=True)(t) for t in x)
        return make(query, value)
    return graph


TOKENS = [((5,), "int32"), ((6,), "int32")]
g.graph("attention_masked", TOKENS, embedded(lambda q, v: L.Attention()([q, v])))
g.graph("attention_masked_pooled", TOKENS, embedded(lambda q, v: L.GlobalAveragePooling1D()(L.Attention()([q, v]))))
g.graph("attention_masked_lstm", TOKENS, embedded(lambda q, v: L.LSTM(4)(L.Attention(use_scale=True)([q, v]))))
g.graph("additive_attention_masked", TOKENS, embedded(lambda q, v: L.AdditiveAttention()([q, v])))
g.graph("additive_attention_masked_pooled", TOKENS, embedded(lambda q, v: L.GlobalAveragePooling1D()(L.AdditiveAttention()([q, v]))))
g.graph("attention_over_rnn", (5, 3), lambda x: L.Flatten()(L.Attention()([L.LSTM(4, return_sequences=True)(x), L.LSTM(4, return_sequences=True)(x)])))

g = Group("multi_head_attention")
MHA = L.MultiHeadAttention
g.graph("mha_self", (4, 6), lambda x: MHA(2, 3)(x, x))
g.graph("mha_cross", [(4, 6), (5, 6)], lambda x: MHA(2, 3)(x[0], x[1]))
g.graph("mha_separate_key", [(4, 6), (5, 6), (5, 6)], lambda x: MHA(2, 3)(x[0], x[1], x[2]))
g.graph("mha_by_keyword", [(4, 6), (5, 6), (5, 6)], lambda x: MHA(2, 3)(query=x[0], value=x[1], key=x[2]))
g.graph("mha_other_widths", [(4, 6), (5, 3), (5, 2)], lambda x: MHA(2, 3)(x[0], x[1], key=x[2]))
g.graph("mha_value_dim", (4, 6), lambda x: MHA(2, 3, value_dim=5)(x, x))
g.graph("mha_output_shape", (4, 6), lambda x: MHA(2, 3, output_shape=7)(x, x))
g.graph("mha_output_shape_two", (4, 6), lambda x: MHA(2, 3, output_shape=(2, 3))(x, x))
g.graph("mha_no_bias", (4, 6), lambda x: MHA(2, 3, use_bias=False)(x, x))
g.graph("mha_dropout", (4, 6), lambda x: MHA(2, 3, dropout=0.4)(x, x))
g.graph("mha_axes", (2, 3, 6), lambda x: MHA(2, 3, attention_axes=(2,))(x, x))
g.graph("mha_axes_two", (2, 3, 6), lambda x: MHA(2, 3, attention_axes=(1, 2))(x, x))
g.graph("mha_scores", (4, 6), lambda x: MHA(2, 3)(x, x, return_attention_scores=True))
g.graph("mha_causal", (4, 6), lambda x: MHA(2, 3)(x, x, use_causal_mask=True))
g.graph("mha_mask", [(4, 6), ((4, 4), "bool")], lambda x: MHA(2, 3)(x[0], x[0], attention_mask=x[1]))
g.graph("mha_mask_and_causal", [(4, 6), ((4, 4), "bool")], lambda x: MHA(2, 3)(x[0], x[0], attention_mask=x[1], use_causal_mask=True))
g.graph("mha_one_head", (4, 6), lambda x: MHA(1, 6)(x, x))
g.graph("mha_regularized", (4, 6), lambda x: MHA(2, 3, kernel_regularizer="l2", bias_constraint="non_neg", kernel_initializer="he_normal")(x, x))
g.graph("mha_training_false", (4, 6), lambda x: MHA(2, 3, dropout=0.5)(x, x, training=False))
g.graph("mha_masked_self", ((5,), "int32"), lambda x: (lambda e: MHA(2, 3)(e, e))(L.Embedding(10, 4, mask_zero=True)(x)))
g.graph("mha_masked_cross", TOKENS, embedded(lambda q, v: MHA(2, 3)(q, v)))
g.graph("mha_masked_pooled", TOKENS, embedded(lambda q, v: L.GlobalAveragePooling1D()(MHA(2, 3)(q, v))))
g.graph("mha_masked_causal", ((5,), "int32"), lambda x: (lambda e: MHA(2, 3)(e, e, use_causal_mask=True))(L.Embedding(10, 4, mask_zero=True)(x)))


def encoder_block(x):
    y = L.LayerNormalization(epsilon=1e-6)(L.Add()([x, L.Dropout(0.1)(MHA(2, 3)(x, x))]))
    z = L.Dense(6)(L.Dense(8, activation="gelu")(y))
    return L.LayerNormalization(epsilon=1e-6)(L.Add()([y, z]))


g.graph("transformer_block", (4, 6), encoder_block)
g.graph("transformer_two_blocks", (4, 6), lambda x: L.GlobalAveragePooling1D()(encoder_block(encoder_block(x))))


def shared_mha(x):
    layer = MHA(2, 3)
    return L.Concatenate()([layer(x[0], x[0]), layer(x[0], x[1])])


g.graph("mha_shared", [(4, 6), (4, 6)], shared_mha)


def nested_block():
    x = L.Input((4, 6))
    return K.Model(x, encoder_block(x))


g.graph("mha_in_nested", (4, 6), lambda x: nested_block()(nested_block()(x)))
