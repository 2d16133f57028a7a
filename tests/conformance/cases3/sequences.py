"""Recurrent and attention layers, with and without masks."""
from . import Group, K, L

g = Group("recurrent")
for name in ("SimpleRNN", "LSTM", "GRU"):
    layer, cell, id = getattr(L, name), getattr(L, f"{name}Cell"), name.lower()
    g.layer(id, (5, 3), lambda layer=layer: layer(4))
    g.layer(f"{id}_sequences", (5, 3), lambda layer=layer: layer(4, return_sequences=True, go_backwards=True, use_bias=False))
    g.graph(f"{id}_states", (5, 3), lambda x, layer=layer: layer(4, return_state=True)(x))
    g.graph(f"{id}_initial_state", (5, 3),
            lambda x, layer=layer: (lambda y: layer(4)(y[0], initial_state=y[1:]))(layer(4, return_state=True, return_sequences=True)(x)))
    g.layer(f"{id}_cell", (5, 3), lambda cell=cell: L.RNN(cell(4)))
    g.layer(f"{id}_stacked_cells", (5, 3), lambda cell=cell: L.RNN([cell(4), cell(3)], return_sequences=True))
    g.layer(f"bidirectional_{id}", (5, 3), lambda layer=layer: L.Bidirectional(layer(4)))
    g.chain(f"masked_{id}", (5, 3), lambda layer=layer: [L.Masking(), layer(4, return_sequences=True), layer(3)])
    g.chain(f"embedded_{id}", ((5,), "int32"), lambda layer=layer: [L.Embedding(10, 4, mask_zero=True), L.Bidirectional(layer(3)), L.Dense(2)])
g.layer("gru_reset_before", (5, 3), lambda: L.GRU(4, reset_after=False))
g.layer("lstm_dropouts", (5, 3), lambda: L.LSTM(4, dropout=0.2, recurrent_dropout=0.1, unit_forget_bias=False))
g.layer("lstm_stateful", (5, 3), lambda: L.LSTM(4, unroll=True, zero_output_for_mask=True, return_sequences=True))
g.layer("stacked_cells_layer", (5, 3), lambda: L.RNN(L.StackedRNNCells([L.LSTMCell(4), L.GRUCell(3), L.LSTMCell(2)])))
g.layer("bidirectional_sum", (5, 3), lambda: L.Bidirectional(L.GRU(4, return_sequences=True), merge_mode="sum"))
g.layer("bidirectional_explicit", (5, 3), lambda: L.Bidirectional(L.LSTM(4, name="fw"), backward_layer=L.GRU(4, go_backwards=True, name="bw")))
g.graph("bidirectional_parts", (5, 3), lambda x: L.Bidirectional(L.LSTM(4), merge_mode=None)(x))
g.layer("bidirectional_cells", (5, 3), lambda: L.Bidirectional(L.RNN([L.LSTMCell(3), L.LSTMCell(2)])))
for n, shape in ((1, (3, 6, 2)), (2, (3, 5, 5, 2)), (3, (2, 4, 4, 4, 1))):
    layer = getattr(L, f"ConvLSTM{n}D")
    g.layer(f"conv_lstm{n}d", shape, lambda layer=layer: layer(2, 2))
    g.layer(f"conv_lstm{n}d_same", shape, lambda layer=layer: layer(2, 3, padding="same", return_sequences=True, recurrent_activation="hard_sigmoid"))
g.layer("time_distributed_lstm", (3, 5, 2), lambda: L.TimeDistributed(L.LSTM(4)))

g = Group("attention")
TWO, THREE = [(4, 6), (3, 6)], [(4, 6), (3, 6), (3, 6)]
g.graph("attention", TWO, lambda x: L.Attention()(x))
g.graph("attention_scaled", THREE, lambda x: L.Attention(use_scale=True, score_mode="dot")(x))
g.graph("attention_concat", THREE, lambda x: L.Attention(use_scale=True, score_mode="concat", dropout=0.1)(x))
g.graph("attention_causal", [(4, 6), (4, 6)], lambda x: L.Attention()(x, use_causal_mask=True))
g.graph("attention_scores", TWO, lambda x: list(L.Attention()(x, return_attention_scores=True)))
g.graph("additive_attention", TWO, lambda x: L.AdditiveAttention()(x))
g.graph("additive_attention_no_scale", TWO, lambda x: L.AdditiveAttention(use_scale=False)(x))
g.graph("mha", TWO, lambda x: L.MultiHeadAttention(2, 3)(x[0], x[1]))
g.graph("mha_keywords", THREE, lambda x: L.MultiHeadAttention(2, 3, value_dim=4, output_shape=5)(x[0], value=x[2], key=x[1]))
g.graph("mha_self_causal", (4, 6), lambda x: L.MultiHeadAttention(2, 3, use_bias=False)(x, x, use_causal_mask=True))
g.graph("mha_gate", TWO, lambda x: L.MultiHeadAttention(2, 3, use_gate=True)(x[0], x[1]))
g.graph("mha_window", (6, 6), lambda x: L.MultiHeadAttention(2, 3, sliding_window=2)(x, x))
g.graph("mha_axes", (3, 4, 6), lambda x: L.MultiHeadAttention(2, 3, attention_axes=(2,))(x, x))
g.graph("mha_scores", TWO, lambda x: list(L.MultiHeadAttention(2, 3)(x[0], x[1], return_attention_scores=True)))
g.graph("gqa", TWO, lambda x: L.GroupQueryAttention(3, 4, 2)(x[0], x[1]))
g.graph("gqa_no_bias", (4, 6), lambda x: L.GroupQueryAttention(3, 4, 1, use_bias=False)(x, x, use_causal_mask=True))
g.graph("gqa_gate", TWO, lambda x: L.GroupQueryAttention(3, 4, 2, use_gate=True)(x[0], x[1]))

g = Group("masks", inputs=dict(whole=True))
WORDS = ((5,), "int32")


def embed(n=4):
    return L.Embedding(10, n, mask_zero=True)


g.graph("mask_add_lstm", [WORDS, WORDS], lambda x: L.LSTM(3)(L.Add()([embed()(x[0]), embed()(x[1])])))
g.graph("mask_concatenate_gru", [WORDS, WORDS], lambda x: L.GRU(3)(L.Concatenate()([embed()(x[0]), embed()(x[1])])))
g.graph("mask_concatenate_axis", [WORDS, WORDS], lambda x: L.GRU(3)(L.Concatenate(axis=1)([embed()(x[0]), embed()(x[1])])))
g.graph("mask_one_side", [WORDS, (5, 4)], lambda x: L.GRU(3)(L.Concatenate()([embed()(x[0]), x[1]])))
g.graph("mask_through", WORDS, lambda x: L.LSTM(3)(L.Dropout(0.1)(L.LayerNormalization()(L.Dense(4, activation="tanh")(embed()(x))))))
g.graph("mask_lost", WORDS, lambda x: L.LSTM(3)(L.Conv1D(3, 2)(embed()(x))))
g.graph("mask_pooling", WORDS, lambda x: L.Dense(2)(L.GlobalAveragePooling1D()(embed()(x))))
g.graph("mask_bidirectional", WORDS, lambda x: L.Bidirectional(L.LSTM(3))(L.Bidirectional(L.GRU(3, return_sequences=True))(embed()(x))))
g.graph("mask_time_distributed", WORDS, lambda x: L.LSTM(3)(L.TimeDistributed(L.Dense(4))(embed()(x))))
g.graph("mask_attention", [WORDS, WORDS], lambda x: L.GlobalAveragePooling1D()(L.Attention()([embed()(x[0]), embed()(x[1])])))
g.graph("mask_mha", [WORDS, WORDS], lambda x: L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 3)(embed()(x[0]), embed()(x[1]))))
g.graph("mask_explicit", [WORDS, ((5,), "bool")], lambda x: L.LSTM(3)(L.Embedding(10, 4)(x[0]), mask=x[1]))
g.graph("mask_operation", WORDS, lambda x: L.LSTM(3)(embed()(x) * 2.0, mask=K.ops.not_equal(x, 3)))
g.graph("mask_batch_normalization", WORDS, lambda x: L.GRU(3)(L.BatchNormalization()(embed()(x))))
g.graph("mask_many_layers", [WORDS, WORDS],
        lambda x: [L.LSTM(3)(L.LSTM(4, return_sequences=True)(embed()(x[1]))), L.LSTM(3)(L.LSTM(4, return_sequences=True)(embed()(x[0])))])
