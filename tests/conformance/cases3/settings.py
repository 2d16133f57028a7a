"""Data types, initializers, regularizers, constraints, compiled and quantized models, and what is refused."""
from . import Group, K, L

D, S = L.Dense, K.Sequential
g = Group("dtype")


def under(policy, build):
    def made():
        before = K.config.dtype_policy()
        K.config.set_dtype_policy(policy)
        try:
            return build()
        finally:
            K.config.set_dtype_policy(before)
    return made


def stack():
    return S([L.Input((6,)), D(5, activation="relu"), L.BatchNormalization(), D(4, dtype="float32")])


for policy in ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16"):
    g.add(f"dtype_{policy}", under(policy, stack), tolerance=1e-2)
g.add("dtype_float64", under("float64", stack))
g.add("dtype_mixed_graph", under("mixed_float16", lambda: (lambda x: K.Model(x, D(3, dtype="float32")(L.LSTM(4)(L.Masking()(x)))))(L.Input((5, 3)))), tolerance=1e-2)
g.layer("dtype_one_layer", (6,), lambda: D(5, dtype="float64"))
g.layer("dtype_no_autocast", (6,), lambda: D(5, autocast=False))
g.layer("dtype_policy_object", (6,), lambda: D(5, dtype=K.DTypePolicy("mixed_bfloat16")), tolerance=1e-2)

g = Group("quantized")


def quantized(mode, build):
    def made():
        model = build()
        model.quantize(mode)
        return model
    return made


def dense_stack():
    return S([L.Input((8,)), D(6, activation="relu"), D(4)])


def words():
    return S([L.Input((5,), dtype="int32"), L.Embedding(10, 8), L.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")])


for mode in ("int8", "int4", "float8"):
    g.add(f"quantized_{mode}_dense", quantized(mode, dense_stack), keep=True)
    g.add(f"quantized_{mode}_words", quantized(mode, words), keep=True, inputs=dict(whole=True))
g.add("quantized_int8_reversible",
      quantized("int8", lambda: (lambda x, t: K.Model(x, t(t(x), reverse=True)))(L.Input((5,), dtype="int32"), L.ReversibleEmbedding(10, 8))), keep=True)

g.add("quantized_int8_reversible_untied",
      quantized("int8", lambda: (lambda x, t: K.Model(x, t(t(x), reverse=True)))(L.Input((5,), dtype="int32"),
                                                                              L.ReversibleEmbedding(10, 8, tie_weights=False))), keep=True)

g = Group("initializer")
INITIALIZERS = [K.initializers.RandomNormal(0.1, 0.2, seed=1), K.initializers.RandomUniform(-0.2, 0.2, seed=2), K.initializers.TruncatedNormal(seed=3),
                K.initializers.VarianceScaling(2.0, "fan_out", "normal"), K.initializers.GlorotNormal(), K.initializers.HeNormal(seed=4),
                K.initializers.HeUniform(), K.initializers.LecunNormal(), K.initializers.LecunUniform(), K.initializers.Orthogonal(0.5),
                K.initializers.Constant(0.3), K.initializers.Zeros(), K.initializers.Ones()]
for initializer in INITIALIZERS:
    name = type(initializer).__name__
    g.layer(f"initializer_{name.lower()}", (6,), lambda initializer=initializer: D(5, kernel_initializer=initializer))
g.layer("initializer_identity", (5,), lambda: D(5, kernel_initializer=K.initializers.Identity(0.7)))
g.layer("initializer_orthogonal_lstm", (5, 3), lambda: L.LSTM(4, recurrent_initializer=K.initializers.Orthogonal(0.5, seed=2)))

g = Group("regularizer")
for name, regularizer in (("l1", K.regularizers.L1(0.1)), ("l2", K.regularizers.L2(0.1)), ("l1l2", K.regularizers.L1L2(0.1, 0.2)),
                          ("orthogonal", K.regularizers.OrthogonalRegularizer(0.1))):
    g.layer(f"regularizer_{name}", (6,), lambda regularizer=regularizer: D(5, kernel_regularizer=regularizer))
for name, constraint in (("max_norm", K.constraints.MaxNorm(2.0)), ("min_max_norm", K.constraints.MinMaxNorm(0.1, 2.0)),
                         ("non_neg", K.constraints.NonNeg()), ("unit_norm", K.constraints.UnitNorm())):
    g.layer(f"constraint_{name}", (6,), lambda constraint=constraint: D(5, kernel_constraint=constraint), keep=True)

g = Group("compiled")


def compiled(build=stack, **options):
    def made():
        model = build()
        model.compile(**options)
        return model
    return made


for alias in ("mse", "mae", "mape", "msle", "mean_squared_error", "huber", "log_cosh"):
    g.add(f"compiled_{alias}", compiled(loss=alias, optimizer="adam", metrics=["mae"]))
g.add("compiled_objects", compiled(loss=K.losses.Huber(0.5), optimizer=K.optimizers.SGD(0.1, momentum=0.9), metrics=[K.metrics.MeanSquaredError()]))

g = Group("refused")
g.layer("refused_lambda", (6,), lambda: L.Lambda(lambda x: x * 2.0, output_shape=(6,)), reloads=False)


@K.saving.register_keras_serializable("zoo")
class Doubled(L.Layer):
    def call(self, x):
        return x * 2.0


@K.saving.register_keras_serializable("zoo")
def doubled(x):
    return x * 2.0


g.layer("refused_custom_layer", (6,), lambda: Doubled(), expect="refused:custom-class")
g.layer("refused_custom_activation", (6,), lambda: D(5, activation=doubled), expect="refused:custom-class")
g.layer("lora", (6,), lambda: _lora())


def _lora():
    layer = D(5)
    layer.build((None, 6))
    layer.enable_lora(2)
    return layer


def _lora_words():
    layers = [L.Embedding(10, 4), L.Conv1D(3, 2), L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")]
    model = K.Sequential([K.Input((5,), dtype="int32"), *layers])
    for layer in layers:
        layer.enable_lora(2, lora_alpha=5)
    return model


g.add("lora_words", _lora_words, inputs=dict(whole=True))
