"""Recurrent layers, cells, Bidirectional, TimeDistributed."""
from . import Group, K, L

g = Group("recurrent")
SHAPE = (5, 3)
COMMON = [("", {}), ("sequences", dict(return_sequences=True)), ("backwards", dict(go_backwards=True)),
          ("backwards_sequences", dict(go_backwards=True, return_sequences=True)), ("unroll", dict(unroll=True)),
          ("no_bias", dict(use_bias=False)), ("state", dict(return_state=True)),
          ("state_sequences", dict(return_state=True, return_sequences=True)), ("dropout", dict(dropout=0.3, recurrent_dropout=0.2)),
          ("relu", dict(activation="relu"))]
GATED = [("implementation_1", dict(implementation=1)), ("implementation_2", dict(implementation=2, return_sequences=True)),
         ("recurrent_tanh", dict(recurrent_activation="tanh"))]
OWN = {"SimpleRNN": [], "LSTM": GATED + [("no_forget_bias", dict(unit_forget_bias=False))],
       "GRU": GATED + [("before", dict(reset_after=False)), ("before_sequences", dict(reset_after=False, return_sequences=True)),
                       ("before_no_bias", dict(reset_after=False, use_bias=False)),
                       ("before_implementation_1", dict(reset_after=False, implementation=1))]}
SNAKE = {"SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru"}
for kind, own in OWN.items():
    rnn = getattr(L, kind)
    for name, options in COMMON + own:
        g.layer("_".join(filter(None, [SNAKE[kind], name])), SHAPE, lambda rnn=rnn, o=options: rnn(4, **o))
    g.chain(f"{SNAKE[kind]}_stack", SHAPE, lambda rnn=rnn: [rnn(3, return_sequences=True), rnn(3, return_sequences=True), rnn(3)])
    g.layer(f"{SNAKE[kind]}_free_length", (None, 3), lambda rnn=rnn: rnn(4))
    g.chain(f"{SNAKE[kind]}_masked", SHAPE, lambda rnn=rnn: [L.Masking(), rnn(4, return_sequences=True), rnn(4)])
    g.chain(f"{SNAKE[kind]}_masked_backwards", SHAPE, lambda rnn=rnn: [L.Masking(), rnn(4, go_backwards=True)])

    def stateful(rnn=rnn):
        return K.Sequential([L.Input(batch_input_shape=(4,) + SHAPE), rnn(4, stateful=True, return_sequences=True), rnn(4, stateful=True)])
    g.add(f"{SNAKE[kind]}_stateful", stateful)
    g.layer(f"{SNAKE[kind]}_time_major", SHAPE, lambda rnn=rnn: rnn(4, time_major=True, return_sequences=True),
            expect="refused:time_major", note="a right rewrite is as good")
g.chain("lstm_zero_output_for_mask", SHAPE, lambda: [L.Masking(), L.LSTM(4, return_sequences=True, zero_output_for_mask=True), L.Flatten(), L.Dense(3)])
g.chain("gru_zero_output_for_mask", SHAPE, lambda: [L.Masking(), L.GRU(4, return_sequences=True, zero_output_for_mask=True), L.Flatten(), L.Dense(3)])
g.chain("lstm_long", (120, 2), lambda: L.LSTM(4), tolerance=1e-4, note="more than 100 steps")
g.chain("gru_long", (120, 2), lambda: [L.GRU(4, return_sequences=True), L.GRU(4)], tolerance=1e-4, note="more than 100 steps")
g.chain("lstm_after_conv", (8, 3), lambda: [L.Conv1D(3, 3), L.LSTM(4), L.Dense(2)])
g.chain("embedding_masked_lstm", ((6,), "int32"), lambda: [L.Embedding(10, 4, mask_zero=True), L.LSTM(4), L.Dense(2)])
g.chain("embedding_masked_gru", ((6,), "int32"), lambda: [L.Embedding(10, 4, mask_zero=True), L.GRU(4, reset_after=False), L.Dense(2)])
g.chain("embedding_masked_bidirectional", ((6,), "int32"), lambda: [L.Embedding(10, 4, mask_zero=True), L.Bidirectional(L.LSTM(4)), L.Dense(2)])


def seeded(kind, states=1, **options):
    """An RNN whose initial state comes from Dense layers."""
    def make(x):
        start = [L.Dense(4, name=f"start_{i}")(x[1]) for i in range(states)]
        return getattr(L, kind)(4, **options)(x[0], initial_state=start)
    return make


TWO = [SHAPE, (2,)]
for kind, states in (("SimpleRNN", 1), ("LSTM", 2), ("GRU", 1)):
    g.graph(f"{SNAKE[kind]}_initial_state", TWO, seeded(kind, states))
    g.graph(f"{SNAKE[kind]}_initial_state_all", TWO, seeded(kind, states, return_sequences=True, return_state=True))


def encoder_decoder(kind):
    """Encoder whose states start a decoder."""
    def make(x):
        rnn = getattr(L, kind)
        _, *states = rnn(4, return_state=True, name="encoder")(x[0])
        y, *_ = rnn(4, return_sequences=True, return_state=True, name="decoder")(x[1], initial_state=states)
        return L.TimeDistributed(L.Dense(3))(y)
    return make


for kind in SNAKE:
    g.graph(f"encoder_decoder_{SNAKE[kind]}", [(5, 3), (4, 3)], encoder_decoder(kind))


def seq2seq_masked(x):
    table = L.Embedding(10, 4, mask_zero=True)
    _, h, c = L.LSTM(4, return_state=True)(table(x[0]))
    y = L.LSTM(4, return_sequences=True)(table(x[1]), initial_state=[h, c])
    return L.Dense(3, activation="softmax")(y)


g.graph("seq2seq_masked", [((6,), "int32"), ((5,), "int32")], seq2seq_masked)
g.graph("lstm_states_as_input_list", [SHAPE, (4,), (4,)], lambda x: L.LSTM(4)(x), note="initial states given in the list of inputs")
g.graph("gru_states_as_input_list", [SHAPE, (4,)], lambda x: L.GRU(4, return_sequences=True)(x))

g = Group("cells")
CELLS = [("simple", lambda: L.SimpleRNNCell(4)), ("lstm", lambda: L.LSTMCell(4)), ("gru", lambda: L.GRUCell(4)),
         ("gru_before", lambda: L.GRUCell(4, reset_after=False)), ("lstm_implementation_1", lambda: L.LSTMCell(4, implementation=1)),
         ("simple_relu", lambda: L.SimpleRNNCell(4, activation="relu", use_bias=False))]
for name, make in CELLS:
    g.layer(f"rnn_cell_{name}", SHAPE, lambda make=make: L.RNN(make()))
    g.layer(f"rnn_cell_{name}_sequences", SHAPE, lambda make=make: L.RNN(make(), return_sequences=True, go_backwards=True))
g.layer("rnn_stacked_lstm", SHAPE, lambda: L.RNN([L.LSTMCell(4), L.LSTMCell(4)]))
g.layer("rnn_stacked_mixed", SHAPE, lambda: L.RNN([L.GRUCell(4), L.LSTMCell(4), L.SimpleRNNCell(4)], return_sequences=True))
g.layer("rnn_stacked_state", SHAPE, lambda: L.RNN(L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(3)]), return_state=True))
g.chain("rnn_stacked_masked", SHAPE, lambda: [L.Masking(), L.RNN([L.GRUCell(3), L.GRUCell(3)])])
g.chain("rnn_cell_bidirectional", SHAPE, lambda: L.Bidirectional(L.RNN(L.LSTMCell(4))))
g.chain("rnn_stacked_bidirectional", SHAPE, lambda: L.Bidirectional(L.RNN([L.LSTMCell(3), L.LSTMCell(3)])))
g.graph("rnn_cell_initial_state", TWO, lambda x: L.RNN(L.LSTMCell(4))(x[0], initial_state=[L.Dense(4)(x[1]), L.Dense(4)(x[1])]))

g = Group("conv_lstm")
SPACE = {1: (3, 6, 2), 2: (3, 5, 5, 2), 3: (2, 4, 4, 4, 2)}
for rank, shape in SPACE.items():
    rnn = getattr(L, f"ConvLSTM{rank}D")
    for name, options in [("", {}), ("sequences_same", dict(return_sequences=True, padding="same")),
                          ("sigmoid", dict(recurrent_activation="sigmoid", use_bias=False)),
                          ("state", dict(return_state=True, go_backwards=True)), ("strides", dict(strides=2))][:5 if rank < 3 else 3]:
        g.layer("_".join(filter(None, [f"conv_lstm{rank}d", name])), shape, lambda rnn=rnn, o=options: rnn(3, 2, **o))
g.chain("conv_lstm2d_stack", SPACE[2], lambda: [L.ConvLSTM2D(2, 2, padding="same", return_sequences=True), L.BatchNormalization(), L.ConvLSTM2D(2, 2), L.Flatten(), L.Dense(3)])
g.chain("conv_lstm2d_relu", SPACE[2], lambda: L.ConvLSTM2D(2, 2, activation="relu", dropout=0.2, recurrent_dropout=0.2))
g.chain("conv_lstm2d_dilated", SPACE[2], lambda: L.ConvLSTM2D(2, 2, dilation_rate=2))
g.chain("conv_lstm2d_bidirectional", SPACE[2], lambda: L.Bidirectional(L.ConvLSTM2D(2, 2)))
g.chain("conv_lstm1d_open", (3, None, 2), lambda: L.ConvLSTM1D(2, 2), expect="refused:ConvLSTM1D", note="Keras 3 builds it for one size alone")

g = Group("bidirectional")
for mode in ("concat", "sum", "mul", "ave", None):
    g.layer(f"bidirectional_lstm_{mode or 'none'}".lower(), SHAPE, lambda mode=mode: L.Bidirectional(L.LSTM(4), merge_mode=mode))
g.layer("bidirectional_lstm_sequences", SHAPE, lambda: L.Bidirectional(L.LSTM(4, return_sequences=True)))
g.layer("bidirectional_lstm_none_sequences", SHAPE, lambda: L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode=None))
g.layer("bidirectional_gru", SHAPE, lambda: L.Bidirectional(L.GRU(4, return_sequences=True), merge_mode="sum"))
g.layer("bidirectional_gru_before", SHAPE, lambda: L.Bidirectional(L.GRU(4, reset_after=False)))
g.layer("bidirectional_simple", SHAPE, lambda: L.Bidirectional(L.SimpleRNN(4), merge_mode="ave"))
g.layer("bidirectional_state", SHAPE, lambda: L.Bidirectional(L.LSTM(4, return_state=True)))
g.layer("bidirectional_state_sequences", SHAPE, lambda: L.Bidirectional(L.GRU(4, return_state=True, return_sequences=True)))
g.layer("bidirectional_go_backwards", SHAPE, lambda: L.Bidirectional(L.LSTM(4, go_backwards=True)))
g.layer("bidirectional_go_backwards_sequences", SHAPE, lambda: L.Bidirectional(L.GRU(4, go_backwards=True, return_sequences=True)))
g.layer("bidirectional_backward_layer", SHAPE, lambda: L.Bidirectional(L.LSTM(4), backward_layer=L.LSTM(4, go_backwards=True)))
g.layer("bidirectional_backward_gru", SHAPE, lambda: L.Bidirectional(
    L.GRU(4, return_sequences=True, name="fw"), backward_layer=L.GRU(4, return_sequences=True, go_backwards=True, activation="relu", name="bw")))
g.layer("bidirectional_backward_other_class", SHAPE, lambda: L.Bidirectional(L.LSTM(4), backward_layer=L.GRU(4, go_backwards=True)))
g.chain("bidirectional_masked", SHAPE, lambda: [L.Masking(), L.Bidirectional(L.LSTM(4, return_sequences=True)), L.Bidirectional(L.GRU(4))])
g.chain("bidirectional_stack", SHAPE, lambda: [L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.LSTM(3))])
g.layer("bidirectional_no_bias", SHAPE, lambda: L.Bidirectional(L.LSTM(4, use_bias=False)))
g.layer("bidirectional_named_inner", SHAPE, lambda: L.Bidirectional(L.LSTM(4, name="inner"), name="outer"))


def frozen_forward(x):
    both = L.Bidirectional(L.LSTM(4))
    y = both(x)
    both.forward_layer.trainable = False
    return y


g.graph("bidirectional_frozen_forward", SHAPE, frozen_forward, reloads=False,
        note="forward layer frozen: the file holds backward first; 2.15 swaps the two when it reads its own file, their names tell")
g.graph("bidirectional_initial_state", TWO, lambda x: L.Bidirectional(L.LSTM(4))(x[0], initial_state=[L.Dense(4)(x[1]) for _ in range(4)]))
g.graph("bidirectional_gru_initial_state", TWO, lambda x: L.Bidirectional(L.GRU(4, return_sequences=True))(x[0], initial_state=[L.Dense(4)(x[1]) for _ in range(2)]))


def bidirectional_encoder(x):
    _, fh, fc, bh, bc = L.Bidirectional(L.LSTM(3, return_state=True))(x[0])
    states = [L.Concatenate()([fh, bh]), L.Concatenate()([fc, bc])]
    return L.Dense(3)(L.LSTM(6, return_sequences=True)(x[1], initial_state=states))


g.graph("bidirectional_encoder_decoder", [SHAPE, (4, 3)], bidirectional_encoder)

g = Group("time_distributed")
TD = L.TimeDistributed
g.layer("time_distributed_dense", (4, 5), lambda: TD(L.Dense(3, activation="relu")))
g.layer("time_distributed_conv", (3, 6, 6, 2), lambda: TD(L.Conv2D(3, 3)))
g.layer("time_distributed_conv1d", (3, 6, 2), lambda: TD(L.Conv1D(3, 3, padding="same")))
g.layer("time_distributed_lstm", (3, 4, 2), lambda: TD(L.LSTM(3)))
g.layer("time_distributed_bidirectional", (3, 4, 2), lambda: TD(L.Bidirectional(L.LSTM(3))))
g.layer("time_distributed_batch_norm", (3, 5), lambda: TD(L.BatchNormalization()))
g.layer("time_distributed_flatten", (3, 4, 2), lambda: TD(L.Flatten()))
g.layer("time_distributed_free_length", (None, 5), lambda: TD(L.Dense(3)))
g.layer("time_distributed_twice", (2, 3, 4), lambda: TD(TD(L.Dense(3))))
g.layer("time_distributed_dropout", (3, 4), lambda: TD(L.Dropout(0.5)))
g.layer("time_distributed_pooling", (3, 4, 4, 2), lambda: TD(L.GlobalAveragePooling2D()))
g.layer("time_distributed_embedding", ((3, 4), "int32"), lambda: TD(L.Embedding(10, 3)))
g.chain("time_distributed_cnn_lstm", (3, 6, 6, 2), lambda: [TD(L.Conv2D(3, 3)), TD(L.MaxPooling2D()), TD(L.Flatten()), L.LSTM(4), L.Dense(2)])
g.chain("time_distributed_masked", (5, 3), lambda: [L.Masking(), TD(L.Dense(3)), L.LSTM(4)])


def small_net():
    x = L.Input((4,))
    y = L.Dense(4, activation="relu")(x)
    return K.Model(x, L.Add()([L.Dense(4)(y), x]))


def mixed_net():
    return K.Sequential([L.Input((4,)), L.BatchNormalization(), L.Dense(4, trainable=False), L.Dense(4)])


g.layer("time_distributed_functional", (3, 4), lambda: TD(small_net()))
g.layer("time_distributed_sequential", (3, 4), lambda: TD(K.Sequential([L.Input((4,)), L.Dense(4), L.Dense(4)])))
g.layer("time_distributed_mixed_model", (3, 4), lambda: TD(mixed_net()), note="frozen layer and BatchNormalization inside: stored trainable first")
