"""Core, activation, merge, reshaping and regularization layers."""
from . import Group, K, L, tf

ACTIVATIONS = ["linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "softmax", "elu", "selu", "gelu", "exponential", "softplus",
               "softsign", "swish", "mish", "relu6", "leaky_relu", "log_softmax"]

g = Group("core")
g.layer("dense", (6,), lambda: L.Dense(5))
g.layer("dense_no_bias", (6,), lambda: L.Dense(5, activation="relu", use_bias=False))
g.layer("dense_on_sequence", (3, 6), lambda: L.Dense(5, activation="tanh"))
g.layer("dense_on_image", (3, 4, 5), lambda: L.Dense(5, activation="sigmoid"))
g.layer("dense_activity_regularizer", (6,), lambda: L.Dense(5, activity_regularizer=K.regularizers.L2(0.01)))
g.layer("einsum_dense", (3, 6), lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d"))
g.layer("einsum_dense_ellipsis", (3, 6), lambda: L.EinsumDense("...x,xy->...y", output_shape=5, bias_axes="y", activation="relu"))
g.layer("einsum_dense_no_bias", (3, 4), lambda: L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 5)))
g.layer("einsum_dense_two_bias_axes", (3, 4), lambda: L.EinsumDense("abc,cde->abde", output_shape=(3, 2, 5), bias_axes="de"))
g.layer("embedding", ((5,), "int32"), lambda: L.Embedding(10, 4))
g.layer("embedding_float_input", (5,), lambda: L.Embedding(10, 4), inputs=dict(whole=True))
g.layer("embedding_free_length", ((None,), "int64"), lambda: L.Embedding(10, 4))
g.chain("embedding_input_length", ((5,), "int32"), lambda: [L.Embedding(10, 4, input_length=5), L.Flatten(), L.Dense(3)])
g.layer("embedding_two_axes", ((3, 4), "int32"), lambda: L.Embedding(10, 3))
g.chain("masking_flatten", (5, 3), lambda: [L.Masking(), L.Dense(4), L.Flatten(), L.Dense(3)])
g.layer("identity", (5,), lambda: L.Identity())
g.chain("identity_between", (5,), lambda: [L.Dense(5), L.Identity(), L.Dense(5)])

g = Group("activation")
for name in ACTIVATIONS:
    g.layer(f"activation_{name}", (6,), lambda name=name: L.Activation(name))
    g.chain(f"dense_{name}", (6,), lambda name=name: [L.Dense(5, activation=name), L.Dense(5)])
for name in ("relu", "softmax", "leaky_relu", "swish", "tanh", "sigmoid", "elu"):
    g.chain(f"dense_tf_nn_{name}", (6,), lambda name=name: [L.Dense(5, activation=getattr(tf.nn, name)), L.Dense(4)])
g.layer("elu_layer", (6,), lambda: L.ELU())
g.layer("elu_layer_alpha", (6,), lambda: L.ELU(alpha=0.4))
g.layer("leaky_relu_layer", (6,), lambda: L.LeakyReLU())
g.layer("leaky_relu_layer_alpha", (4, 6), lambda: L.LeakyReLU(alpha=0.1))
g.layer("prelu", (6,), lambda: L.PReLU())
g.layer("prelu_shared_axes", (4, 3, 5), lambda: L.PReLU(shared_axes=[1, 2]))
g.layer("prelu_regularized", (6,), lambda: L.PReLU(alpha_regularizer="l2", alpha_constraint="non_neg"))
g.layer("relu_layer", (6,), lambda: L.ReLU())
g.layer("relu_layer_bounds", (6,), lambda: L.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2))
g.layer("softmax_layer", (6,), lambda: L.Softmax())
g.layer("softmax_layer_axis", (4, 3), lambda: L.Softmax(axis=1))
g.layer("softmax_layer_two_axes", (4, 3), lambda: L.Softmax(axis=[1, 2]))
g.layer("softmax_layer_negative_axes", (4, 3), lambda: L.Softmax(axis=(-1, -2)))
ADVANCED = [("leaky", lambda: L.LeakyReLU(alpha=0.2)), ("elu", lambda: L.ELU(0.7)), ("relu6", lambda: L.ReLU(6.0)),
            ("prelu", lambda: L.PReLU()), ("softmax", lambda: L.Softmax())]
for name, make in ADVANCED:
    g.chain(f"dense_with_{name}_object", (6,), lambda make=make: [L.Dense(5, activation=make()), L.Dense(5)])
g.chain("conv_with_leaky_object", (6, 6, 2), lambda: [L.Conv2D(3, 3, activation=L.LeakyReLU(0.1)), L.Flatten(), L.Dense(3)])
g.chain("activation_layer_of_object", (6,), lambda: [L.Dense(5), L.Activation(L.LeakyReLU(0.15)), L.Dense(3)])


def shared_curve(x):
    """Called twice, on what it gave; the layer that is its activation has one set of weights."""
    dense = L.Dense(6, activation=L.PReLU())
    return L.Add()([dense(dense(x)), x])


g.chain("conv_with_prelu_object", (6, 6, 2), lambda: [L.Conv2D(3, 3, activation=L.PReLU(shared_axes=[1, 2])), L.Flatten(), L.Dense(3)])
g.graph("shared_with_prelu_object", (6,), shared_curve)
g.chain("activation_layer_of_prelu", (6,), lambda: [L.Dense(5), L.Activation(L.PReLU()), L.Dense(3)])
g.chain("masked_with_prelu_object", (5, 3), lambda: [L.Masking(), L.Dense(4, activation=L.PReLU(shared_axes=[1])), L.LSTM(3)])
g.chain("dense_with_thresholded_object", (6,), lambda: [L.Dense(5, activation=L.ThresholdedReLU(0.2)), L.Dense(3)])
g.layer("time_distributed_prelu_object", (4, 6), lambda: L.TimeDistributed(L.Dense(5, activation=L.PReLU())), expect="refused:PReLU")

g = Group("hard_sigmoid")
HARD = dict(activation="hard_sigmoid")


def shared_hard(x):
    dense, gate = L.Dense(6, **HARD), L.Activation("hard_sigmoid")
    return L.Add()([dense(dense(x)), gate(x)])


g.chain("hard_dense_twice", (6,), lambda: [L.Dense(6, **HARD), L.Dense(6, **HARD), L.Dense(6)])
g.chain("hard_dense_no_bias", (6,), lambda: [L.Dense(6, use_bias=False, **HARD), L.Dense(3)])
g.chain("hard_einsum_dense", (3, 6), lambda: [L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d", **HARD), L.Dense(3)])
g.chain("hard_conv1d", (6, 3), lambda: [L.Conv1D(4, 3, **HARD), L.Conv1D(4, 1)])
g.chain("hard_conv2d", (6, 6, 3), lambda: [L.Conv2D(4, 3, **HARD), L.Conv2D(4, 1)])
g.chain("hard_conv3d", (4, 4, 4, 2), lambda: [L.Conv3D(3, 2, **HARD), L.Conv3D(3, 1)])
g.chain("hard_conv2d_transpose", (4, 4, 3), lambda: [L.Conv2DTranspose(4, 3, **HARD), L.Conv2D(4, 1)])
g.chain("hard_conv1d_transpose", (4, 3), lambda: [L.Conv1DTranspose(4, 3, **HARD), L.Conv1D(4, 1)])
g.chain("hard_conv3d_transpose", (3, 3, 3, 2), lambda: [L.Conv3DTranspose(3, 2, **HARD), L.Conv3D(2, 1)])
g.chain("hard_depthwise1d", (6, 3), lambda: [L.DepthwiseConv1D(3, **HARD), L.Conv1D(3, 1)])
g.chain("hard_depthwise2d", (6, 6, 3), lambda: [L.DepthwiseConv2D(3, depth_multiplier=2, **HARD), L.Conv2D(3, 1)])
g.chain("hard_separable1d", (6, 3), lambda: [L.SeparableConv1D(4, 3, **HARD), L.Conv1D(3, 1)])
g.chain("hard_separable2d", (6, 6, 3), lambda: [L.SeparableConv2D(4, 3, depth_multiplier=2, **HARD), L.Conv2D(3, 1)])
g.chain("hard_separable2d_no_bias", (6, 6, 3), lambda: [L.SeparableConv2D(4, 3, use_bias=False, **HARD), L.Conv2D(3, 1)])
g.chain("hard_activation_between", (6,), lambda: [L.Dense(6), L.Activation("hard_sigmoid"), L.Dense(6)])
g.chain("hard_activation_on_masked", (5, 3), lambda: [L.Masking(), L.Activation("hard_sigmoid"), L.LSTM(4)])
g.chain("hard_lstm_both", (5, 3), lambda: L.LSTM(4, activation="hard_sigmoid", recurrent_activation="hard_sigmoid"))
g.chain("hard_lstm_activation_only", (5, 3), lambda: L.LSTM(4, activation="hard_sigmoid"))
g.chain("hard_lstm_recurrent", (5, 3), lambda: L.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True))
g.chain("hard_lstm_no_bias", (5, 3), lambda: L.LSTM(4, recurrent_activation="hard_sigmoid", use_bias=False))
g.chain("hard_gru_after", (5, 3), lambda: L.GRU(4, recurrent_activation="hard_sigmoid", return_sequences=True))
g.chain("hard_gru_before", (5, 3), lambda: L.GRU(4, recurrent_activation="hard_sigmoid", reset_after=False))
g.chain("hard_gru_no_bias", (5, 3), lambda: L.GRU(4, recurrent_activation="hard_sigmoid", use_bias=False))
g.chain("hard_gru_both_after", (5, 3), lambda: L.GRU(4, activation="hard_sigmoid", recurrent_activation="hard_sigmoid"))
g.chain("hard_gru_both_before", (5, 3), lambda: L.GRU(4, activation="hard_sigmoid", recurrent_activation="hard_sigmoid", reset_after=False))
g.chain("hard_simple_rnn", (5, 3), lambda: L.SimpleRNN(4, activation="hard_sigmoid"))
g.chain("hard_rnn_lstm_cell", (5, 3), lambda: L.RNN(L.LSTMCell(4, recurrent_activation="hard_sigmoid")))
g.chain("hard_rnn_stacked", (5, 3), lambda: L.RNN([L.LSTMCell(4, recurrent_activation="hard_sigmoid"), L.GRUCell(4, recurrent_activation="hard_sigmoid")]))
g.chain("hard_bidirectional", (5, 3), lambda: L.Bidirectional(L.LSTM(4, recurrent_activation="hard_sigmoid")))
g.chain("hard_time_distributed", (4, 6), lambda: [L.TimeDistributed(L.Dense(5, **HARD)), L.LSTM(3)])
g.chain("hard_conv_lstm1d", (3, 5, 2), lambda: L.ConvLSTM1D(3, 2, recurrent_activation="hard_sigmoid"))
g.chain("hard_conv_lstm2d", (3, 5, 5, 2), lambda: L.ConvLSTM2D(3, 2, activation="hard_sigmoid", recurrent_activation="hard_sigmoid"))
g.graph("hard_shared_twice", (6,), shared_hard)
g.add("hard_nested", lambda: K.Sequential([L.Input((6,)), K.Sequential([L.Dense(6, **HARD), L.Activation("hard_sigmoid")]), L.Dense(3)]))
g.layer("hard_mha_follow", (4, 6), lambda: L.TimeDistributed(L.Activation("hard_sigmoid")))

g = Group("merge")
PAIR = [(6,), (6,)]
for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
    g.layer(f"{name.lower()}_two", PAIR, lambda name=name: getattr(L, name)())
    if name != "Subtract":
        g.graph(f"{name.lower()}_three", [(3, 4)] * 3, lambda x, name=name: getattr(L, name)()([L.Dense(4)(t) for t in x]))
g.layer("add_broadcast", [(3, 4), (1, 4)], lambda: L.Add())
g.layer("multiply_broadcast_rank", [(3, 4), (4,)], lambda: L.Multiply())
g.layer("concatenate_axis_1", [(3, 4), (2, 4)], lambda: L.Concatenate(axis=1))
g.layer("concatenate_axis_minus_2", [(3, 4), (2, 4)], lambda: L.Concatenate(axis=-2))
g.graph("concatenate_channels", [(4, 4, 2), (4, 4, 3)], lambda x: L.Concatenate(axis=3)(x))
g.graph("concatenate_same_tensor", (5,), lambda x: L.Concatenate()([x, L.Dense(5)(x), x]))
g.graph("merge_functions", PAIR, lambda x: K.layers.concatenate([K.layers.add(x), K.layers.maximum(x), K.layers.average(x)]))
g.layer("dot_vectors", PAIR, lambda: L.Dot(axes=1))
g.layer("dot_normalized", PAIR, lambda: L.Dot(axes=-1, normalize=True))
g.layer("dot_axes_pair", [(3, 4), (5, 4)], lambda: L.Dot(axes=(2, 2)))
g.layer("dot_axes_mixed", [(3, 4), (4, 5)], lambda: L.Dot(axes=[2, 1]))
g.layer("dot_axes_one", [(3, 4), (3, 5)], lambda: L.Dot(axes=1))
g.layer("dot_normalized_pair", [(3, 4), (3, 5)], lambda: L.Dot(axes=(1, 1), normalize=True))

g = Group("reshaping")
ABSENT_METHOD = dict(expect="refused:interpolation", note="Keras 3 lacks this interpolation; it fails at the first call, not at load")
g.layer("flatten", (3, 4), lambda: L.Flatten())
g.layer("flatten_channels_first", (2, 3, 4), lambda: L.Flatten(data_format="channels_first"))
g.chain("flatten_vector", (4,), lambda: [L.Flatten(), L.Dense(3)])
g.layer("permute", (3, 4), lambda: L.Permute((2, 1)))
g.layer("permute_three", (2, 3, 4), lambda: L.Permute((3, 1, 2)))
g.layer("repeat_vector", (4,), lambda: L.RepeatVector(3))
g.chain("repeat_vector_lstm", (4,), lambda: [L.Dense(3), L.RepeatVector(4), L.LSTM(3, return_sequences=True)])
g.layer("reshape", (3, 4), lambda: L.Reshape((2, 6)))
g.layer("reshape_minus_one", (3, 4), lambda: L.Reshape((-1, 2)))
g.layer("reshape_flat", (3, 4), lambda: L.Reshape((12,)))
g.layer("zero_padding1d", (4, 3), lambda: L.ZeroPadding1D(2))
g.layer("zero_padding1d_pair", (4, 3), lambda: L.ZeroPadding1D((1, 2)))
g.layer("zero_padding2d", (3, 4, 2), lambda: L.ZeroPadding2D())
g.layer("zero_padding2d_pairs", (3, 4, 2), lambda: L.ZeroPadding2D(((1, 0), (0, 2))))
g.layer("zero_padding2d_channels_first", (2, 3, 4), lambda: L.ZeroPadding2D((1, 2), data_format="channels_first"))
g.layer("zero_padding3d", (2, 3, 2, 2), lambda: L.ZeroPadding3D())
g.layer("zero_padding3d_pairs", (2, 3, 2, 2), lambda: L.ZeroPadding3D(((1, 0), (0, 2), (1, 1))))
g.layer("cropping1d", (5, 3), lambda: L.Cropping1D(1))
g.layer("cropping1d_pair", (5, 3), lambda: L.Cropping1D((0, 2)))
g.layer("cropping2d", (5, 6, 2), lambda: L.Cropping2D((1, 2)))
g.layer("cropping2d_pairs", (5, 6, 2), lambda: L.Cropping2D(((1, 0), (0, 2))))
g.layer("cropping3d", (4, 4, 4, 2), lambda: L.Cropping3D(1))
g.layer("cropping3d_pairs", (4, 4, 4, 2), lambda: L.Cropping3D(((1, 0), (0, 2), (1, 1))))
g.layer("up_sampling1d", (3, 4), lambda: L.UpSampling1D())
g.layer("up_sampling1d_three", (3, 4), lambda: L.UpSampling1D(3))
g.layer("up_sampling2d", (3, 4, 2), lambda: L.UpSampling2D())
for name in ("bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"):
    g.layer(f"up_sampling2d_{name}", (3, 4, 2), lambda name=name: L.UpSampling2D((2, 3), interpolation=name), **(ABSENT_METHOD if name in ("gaussian", "mitchellcubic") else {}))
g.layer("up_sampling3d", (2, 3, 2, 2), lambda: L.UpSampling3D())
g.layer("up_sampling3d_sizes", (2, 3, 2, 2), lambda: L.UpSampling3D((1, 2, 3)))

g = Group("regularization")
WRAPPED = [("dropout", lambda: L.Dropout(0.5)), ("dropout_noise_shape", lambda: L.Dropout(0.3, noise_shape=(None, 1, 4), seed=3)),
           ("gaussian_dropout", lambda: L.GaussianDropout(0.5)), ("gaussian_dropout_seed", lambda: L.GaussianDropout(0.1, seed=1)),
           ("gaussian_noise", lambda: L.GaussianNoise(0.5)), ("gaussian_noise_seed", lambda: L.GaussianNoise(0.1, seed=1)),
           ("alpha_dropout", lambda: L.AlphaDropout(0.5)), ("alpha_dropout_seed", lambda: L.AlphaDropout(0.1, noise_shape=None, seed=1)),
           ("spatial_dropout1d", lambda: L.SpatialDropout1D(0.5)), ("spatial_dropout1d_named", lambda: L.SpatialDropout1D(0.2, name="drop")),
           ("activity_regularization", lambda: L.ActivityRegularization(l1=0.1)),
           ("activity_regularization_both", lambda: L.ActivityRegularization(l1=0.1, l2=0.2))]
for name, make in WRAPPED:
    g.chain(name, (3, 4), lambda make=make: [L.Dense(4), make(), L.Dense(4)])
g.chain("spatial_dropout2d", (4, 4, 3), lambda: [L.Conv2D(3, 2), L.SpatialDropout2D(0.5), L.Conv2D(3, 2)])
g.chain("spatial_dropout2d_first", (3, 4, 4), lambda: [L.Permute((1, 2, 3)), L.SpatialDropout2D(0.2, data_format="channels_first"), L.Dense(3)])
g.chain("spatial_dropout3d", (3, 3, 3, 2), lambda: [L.Conv3D(2, 2), L.SpatialDropout3D(0.5), L.Conv3D(2, 1)])
g.chain("spatial_dropout3d_first", (2, 3, 3, 3), lambda: [L.SpatialDropout3D(0.3, data_format="channels_first"), L.Dense(3)])
