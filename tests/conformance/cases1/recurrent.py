"""Recurrent layers, masks and states."""
from keras.layers import GRU, LSTM, Activation, Bidirectional, Dense, Dropout, Embedding, Masking, SimpleRNN, TimeDistributed, TimeDistributedDense
from keras.models import Sequential
from keras.regularizers import l2

from . import BOTH, add, chain

WORDS = {"limit": 10, "whole": True}
LAYERS = (("simple_rnn", SimpleRNN), ("gru", GRU), ("lstm", LSTM))

for name, layer in LAYERS:
    for mode in ("cpu", "mem", "gpu"):
        add("recurrent", "%s_%s" % (name, mode), chain(lambda layer=layer, mode=mode: layer(5, consume_less=mode, input_shape=(4, 3))),
            backends=BOTH)
    add("recurrent", name + "_sequences", chain(lambda layer=layer: layer(5, return_sequences=True, input_shape=(4, 3))))
    add("recurrent", name + "_backwards", chain(lambda layer=layer: layer(5, go_backwards=True, return_sequences=True, input_shape=(4, 3))))
    add("recurrent", name + "_unrolled", chain(lambda layer=layer: layer(5, unroll=True, input_dim=3, input_length=4)))
    add("recurrent", name + "_told", chain(lambda layer=layer: layer(5, init="he_normal", inner_init="identity", activation="relu",
                                                                     W_regularizer=l2(0.1), U_regularizer=l2(0.1), b_regularizer=l2(0.1),
                                                                     dropout_W=0.2, dropout_U=0.3, input_shape=(4, 3))))
    add("recurrent", name + "_free", chain(lambda layer=layer: layer(5, input_shape=(None, 3))))
    add("recurrent", name + "_stateful", chain(lambda layer=layer: layer(5, stateful=True, batch_input_shape=(4, 4, 3))), stateful=True)
    add("recurrent", name + "_masked", chain(lambda: Masking(0.0, input_shape=(5, 3)), lambda layer=layer: layer(5, return_sequences=True),
                                             lambda layer=layer: layer(4)), backends=BOTH)
    add("recurrent", name + "_embedded", chain(lambda: Embedding(10, 4, mask_zero=True, input_length=6), lambda: Dropout(0.2),
                                               lambda layer=layer: layer(5)), inputs=WORDS)
    add("recurrent", "bidirectional_" + name, chain(lambda layer=layer: Bidirectional(layer(4, return_sequences=True), input_shape=(5, 3))),
        backends=BOTH)
    add("recurrent", "bidirectional_last_" + name, chain(lambda layer=layer: Bidirectional(layer(4, consume_less="gpu"), input_shape=(5, 3))))
for name, layer in LAYERS[1:]:
    add("recurrent", name + "_sigmoid", chain(lambda layer=layer: layer(5, inner_activation="sigmoid", input_shape=(4, 3))))
add("recurrent", "gru_hard", chain(lambda: GRU(5, activation="hard_sigmoid", input_shape=(4, 3))))
add("recurrent", "simple_rnn_hard", chain(lambda: SimpleRNN(5, activation="hard_sigmoid", input_shape=(4, 3))))
add("recurrent", "lstm_forget_zero", chain(lambda: LSTM(5, forget_bias_init="zero", input_shape=(4, 3))))
for mode in ("sum", "mul", "ave"):
    add("recurrent", "bidirectional_" + mode, chain(lambda mode=mode: Bidirectional(LSTM(4), merge_mode=mode, input_shape=(5, 3))))
add("recurrent", "bidirectional_masked", chain(lambda: Embedding(10, 4, mask_zero=True, input_length=6),
                                               lambda: Bidirectional(LSTM(4, return_sequences=True)), lambda: GRU(3)), inputs=WORDS)
add("recurrent", "bidirectional_backwards", chain(lambda: Bidirectional(LSTM(4, go_backwards=True, return_sequences=True), input_shape=(5, 3))))
add("recurrent", "mask_through_dense", chain(lambda: Embedding(10, 4, mask_zero=True, input_length=6),
                                             lambda: TimeDistributedDense(5, activation="tanh"), lambda: LSTM(4)), inputs=WORDS)
add("recurrent", "mask_through_time_distributed", chain(lambda: Embedding(10, 4, mask_zero=True, input_length=6),
                                                        lambda: TimeDistributed(Dense(5)), lambda: Activation("tanh"),
                                                        lambda: LSTM(4)), inputs=WORDS)
add("recurrent", "deep", chain(lambda: LSTM(5, return_sequences=True, input_shape=(4, 3)), lambda: GRU(4, return_sequences=True),
                               lambda: SimpleRNN(4), lambda: Dense(2, activation="softmax")))
add("recurrent", "time_distributed_lstm", chain(lambda: TimeDistributed(LSTM(4), input_shape=(3, 4, 2))))


def time_distributed_model():
    inner = Sequential([Dense(5, activation="tanh", input_dim=3), Dense(2)])
    return Sequential([TimeDistributed(inner, input_shape=(4, 3))])


add("recurrent", "time_distributed_model", time_distributed_model)
