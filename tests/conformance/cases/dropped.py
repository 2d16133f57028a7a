"""Layers that Keras 3 no longer has, and layers that nothing can carry over."""
from . import Group, K, L, tf

V1 = tf.compat.v1.keras.layers

g = Group("dropped")
g.layer("thresholded_relu", (6,), lambda: L.ThresholdedReLU(theta=0.3))
g.chain("thresholded_relu_default", (6,), lambda: [L.Dense(6), L.ThresholdedReLU(), L.Dense(6)])
LOCAL = {"implementation_2": "refused:implementation", "implementation_3": "refused:implementation"}
for name, options in [("", {}), ("same_size", dict(kernel_size=1)), ("implementation_2", dict(implementation=2)), ("implementation_3", dict(implementation=3))]:
    options = {"kernel_size": 2, **options}
    g.layer("_".join(filter(None, ["locally_connected1d", name])), (5, 3), lambda o=options: L.LocallyConnected1D(4, **o), expect=LOCAL.get(name, "right"))
    g.layer("_".join(filter(None, ["locally_connected2d", name])), (4, 4, 2), lambda o=options: L.LocallyConnected2D(3, **o), expect=LOCAL.get(name, "right"))
g.layer("lstm_of_v1", (5, 3), lambda: V1.LSTM(4))
g.layer("gru_of_v1", (5, 3), lambda: V1.GRU(4))
g.layer("dense_of_v1", (6,), lambda: V1.Dense(4))
g.layer("batch_norm_of_v1", (6,), lambda: V1.BatchNormalization())
g.layer("batch_norm_of_v1_fused", (4, 4, 3), lambda: V1.BatchNormalization(fused=True, axis=[3]))
g.layer("linear_model", (6,), lambda: K.experimental.LinearModel(3), expect="refused:LinearModel", reloads=False)
g.graph("wide_deep_model", (6,), lambda x: K.experimental.WideDeepModel(K.experimental.LinearModel(2), K.Sequential([L.Dense(4), L.Dense(2)]))(x),
        expect="refused:WideDeepModel", reloads=False)
g.layer("wrapper_bare", (6,), lambda: L.Wrapper(L.Dense(4)), expect="refused:Wrapper", note="its layer is built and never called: the identity")
g.add("input_type_spec", lambda: (lambda x: K.Model(x, L.Dense(4)(x)))(L.Input(type_spec=tf.TensorSpec((None, 6), tf.float32))),
      expect="refused:type_spec", reloads=False, note="right is as good")


def dense_features():
    """Numbers and a bucketized column; the inputs are a dictionary."""
    c = tf.feature_column
    columns = [c.numeric_column("a", shape=(2,)), c.bucketized_column(c.numeric_column("b"), [-0.5, 0.0, 0.5])]
    inputs = {"a": L.Input((2,), name="a"), "b": L.Input((1,), name="b")}
    return K.Model(inputs, L.Dense(3)(L.DenseFeatures(columns)(inputs)))


def with_loss(model):
    model.add_loss(0.1 * tf.reduce_sum(tf.square(model.output)))
    return model


def with_metric(model):
    model.add_metric(tf.reduce_sum(model.output), name="total", aggregation="mean")
    return model


def small():
    x = L.Input((6,))
    return K.Model(x, L.Dense(3)(L.Dense(5, activation="relu")(x)))


def from_ragged(x):
    """Zeros at the end taken off and put back: a method of a class, of an instance and a property."""
    ragged = tf.RaggedTensor.from_tensor(x, padding=0.0)
    return L.Dense(3)(ragged.to_tensor(shape=(None, 6))) * tf.reduce_max(ragged.flat_values)


def op_layer(x):
    """What TensorFlow 2.0-2.3 made of a multiplication by 2, with the class that 2.15 still has."""
    from keras.src.engine.base_layer import TensorFlowOpLayer
    node = {"name": "mul", "op": "Mul", "input": ["in_0", "mul/y"], "attr": {"T": {"type": "DT_FLOAT"}}}
    return L.Dense(3)(TensorFlowOpLayer(node, "mul", constants={1: 2.0})(L.Dense(6)(x)))


g.add("dense_features", dense_features, expect="refused:DenseFeatures")
g.add("add_loss", lambda: with_loss(small()), note="what only training adds up goes")
g.add("add_metric", lambda: with_metric(small()), note="what only training adds up goes")
g.graph("ragged_methods", (6,), from_ragged, expect="refused:ClassMethod", reloads=False)
g.graph("tensorflow_op_layer", (6,), op_layer, expect="refused:TensorFlowOpLayer", reloads=False, note="right is as good")



def loss_of_another_input():
    """A layer is called for the loss alone, too, and what leads there has weights and no equal in Keras 3."""
    x, y, shared = L.Input((6,), name="x"), L.Input((3,), name="y"), L.Dense(3)
    other = shared(L.Dense(5, activation="relu")(y))
    output = shared(L.Dense(5, activation="relu")(x))
    model = K.Model([x, y], [output, L.Dense(2)(y)])
    model.add_loss(tf.reduce_mean(tf.math.bessel_i0e(L.Dense(2)(other - output))))
    model.add_metric(tf.reduce_max(other), name="other")
    return model


def loss_in_nested():
    x = L.Input((6,))
    return K.Model(x, L.Dense(2)(with_loss(small())(x)))


g.add("add_loss_other_input", loss_of_another_input)
g.add("add_loss_nested", loss_in_nested)
g.layer("locally_connected1d_strided", (7, 3), lambda: L.LocallyConnected1D(4, 3, strides=2, activation="relu"))
g.layer("locally_connected1d_first", (3, 7), lambda: L.LocallyConnected1D(4, 3, data_format="channels_first"))
g.layer("locally_connected2d_first", (2, 5, 4), lambda: L.LocallyConnected2D(3, (3, 2), data_format="channels_first"))
g.chain("locally_connected2d_strided", (6, 5, 2), lambda: [L.LocallyConnected2D(3, (3, 2), strides=2, activation="tanh"), L.Flatten(), L.Dense(3)])
g.layer("locally_connected2d_no_bias", (5, 4, 2), lambda: L.LocallyConnected2D(3, (3, 2), use_bias=False), expect="refused:bias")

g = Group("cudnn", note="the reference is the plain layer in 2.15, which reads the cuDNN weights")
SHAPE = (5, 3)
PLAIN = {"CuDNNLSTM": lambda **o: L.LSTM(4, **o), "CuDNNGRU": lambda **o: L.GRU(4, reset_after=True, **o)}


def cudnn(id, kind, build):
    """`build(make)` once with the cuDNN layer and once, as its twin, with the plain one."""
    g.add(id, lambda: build(lambda **o: getattr(V1, kind)(4, **o)), twin=lambda: build(PLAIN[kind]))


def simple(make, **options):
    x = L.Input(SHAPE)
    return K.Model(x, make(name="cell", **options)(x))


def stack(make):
    return K.Sequential([L.Input(SHAPE), make(return_sequences=True, name="one"), make(name="two"), L.Dense(3, name="last")])


def both_ways(make):
    return K.Sequential([L.Input(SHAPE), L.Bidirectional(make(return_sequences=True, name="inner"), name="both"), L.Dense(3, name="last")])


def started(make, states):
    x, s = L.Input(SHAPE), L.Input((2,))
    return K.Model([x, s], make(name="cell")(x, initial_state=[L.Dense(4, name=f"start_{i}")(s) for i in range(states)]))


def within(make):
    x = L.Input(SHAPE)
    return K.Model(x, L.Dense(3, name="last")(K.Sequential([L.Input(SHAPE), make(name="cell")], name="inside")(x)))


for kind, states in (("CuDNNLSTM", 2), ("CuDNNGRU", 1)):
    id = "cudnn_" + kind[5:].lower()
    cudnn(id, kind, simple)
    cudnn(f"{id}_sequences", kind, lambda make: simple(make, return_sequences=True))
    cudnn(f"{id}_backwards", kind, lambda make: simple(make, go_backwards=True))
    cudnn(f"{id}_state", kind, lambda make: simple(make, return_state=True))
    cudnn(f"{id}_stack", kind, stack)
    cudnn(f"{id}_bidirectional", kind, both_ways)
    cudnn(f"{id}_initial_state", kind, lambda make, states=states: started(make, states))
    cudnn(f"{id}_nested", kind, within)


@K.utils.register_keras_serializable(package="zoo")
class Scale(L.Layer):
    """A layer of one's own."""

    def build(self, shape):
        self.factor = self.add_weight("factor", (shape[-1],))

    def call(self, x):
        return x * self.factor


@K.utils.register_keras_serializable(package="zoo")
class OwnDense(L.Dense):
    """A built-in layer with another name."""


@K.utils.register_keras_serializable(package="zoo")
def wave(x):
    return tf.sin(x) + 0.1 * x


@K.utils.register_keras_serializable(package="zoo")
class OwnModel(K.Model):
    """A functional model of a class of one's own."""


def doubled(x):
    return x * 2.0


g = Group("custom")
ALIEN = dict(reloads=False, note="2.15 needs the class to read its own file")
g.graph("lambda_double", (6,), lambda x: L.Dense(3)(L.Lambda(lambda t: t * 2.0)(x)))
g.graph("lambda_named_function", (6,), lambda x: L.Dense(3)(L.Lambda(doubled)(x)))
g.graph("lambda_in_nested", (6,), lambda x: L.Dense(3)(K.Sequential([L.Dense(4), L.Lambda(lambda t: t + 1.0)])(x)))
g.layer("custom_layer", (6,), lambda: Scale(), expect="refused:Scale")
g.layer("custom_in_time_distributed", (4, 6), lambda: L.TimeDistributed(Scale()), expect="refused:Scale", **ALIEN)
g.layer("custom_subclass_of_dense", (6,), lambda: OwnDense(4), expect="refused:OwnDense")
g.layer("custom_activation", (6,), lambda: L.Dense(4, activation=wave), expect="refused:wave", **ALIEN)
g.add("custom_model_class", lambda: (lambda x: OwnModel(x, L.Dense(4)(L.Dense(6)(x))))(L.Input((6,))), expect="refused:OwnModel",
      reloads=False, note="the config is an ordinary functional one; right is as good")
g.layer("random_fourier_features", (6,), lambda: L.experimental.RandomFourierFeatures(5), expect="refused:RandomFourierFeatures", **ALIEN)
