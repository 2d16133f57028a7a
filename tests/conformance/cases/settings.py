"""Initializers, regularizers, constraints and dtype policies."""
from . import CASES, Group, K, L

I, R, C = K.initializers, K.regularizers, K.constraints

g = Group("initializer")
INITIALIZERS = [I.Zeros, I.Ones, lambda: I.Constant(0.3), lambda: I.RandomNormal(0.1, 0.2, seed=1), lambda: I.RandomUniform(-0.1, 0.2, seed=2),
                lambda: I.TruncatedNormal(0.0, 0.3), lambda: I.VarianceScaling(2.0, "fan_out", "uniform", seed=3),
                lambda: I.VarianceScaling(1.0, "fan_avg", "untruncated_normal"), I.GlorotNormal, lambda: I.GlorotUniform(seed=4), I.HeNormal,
                lambda: I.HeUniform(seed=5), I.LecunNormal, lambda: I.LecunUniform(seed=6), lambda: I.Orthogonal(gain=0.5, seed=7), lambda: I.Identity(gain=2.0)]
for make in INITIALIZERS:
    id = f"initializer_{type(make()).__name__.lower()}"
    g.chain(id + "_2" if id in CASES else id, (6,), lambda make=make: [L.Dense(6, kernel_initializer=make()), L.Dense(6, kernel_initializer=make())])
g.chain("initializer_everywhere", (5, 6), lambda: [
    L.Conv1D(4, 2, kernel_initializer="he_uniform", bias_initializer="ones"),
    L.LSTM(4, kernel_initializer="lecun_normal", recurrent_initializer="glorot_normal", bias_initializer="random_normal", return_sequences=True),
    L.LayerNormalization(beta_initializer="random_uniform", gamma_initializer=I.Constant(0.5)),
    L.BatchNormalization(moving_mean_initializer=I.RandomNormal(), moving_variance_initializer=I.Constant(2.0)),
    L.GRU(4, recurrent_initializer=I.Identity(), bias_initializer=I.TruncatedNormal())])
g.chain("initializer_embedding", ((5,), "int32"), lambda: [L.Embedding(10, 4, embeddings_initializer=I.RandomNormal(stddev=0.3)), L.Flatten(), L.Dense(3)])

g = Group("regularizer")
REGULARIZERS = [("l1", lambda: R.L1(0.02)), ("l2", lambda: R.L2(0.03)), ("l1_l2", lambda: R.L1L2(0.01, 0.02)), ("l1_l2_function", lambda: R.l1_l2(0.01)),
                ("orthogonal", lambda: R.OrthogonalRegularizer(0.01)), ("orthogonal_columns", lambda: R.OrthogonalRegularizer(0.02, mode="columns")), ("string", lambda: "l1_l2")]
for name, make in REGULARIZERS:
    g.chain(f"regularizer_{name}", (6,), lambda make=make: [L.Dense(5, kernel_regularizer=make(), activity_regularizer=make() if make() == "l1_l2" else None), L.Dense(5)])
g.chain("regularizer_everywhere", (5, 6), lambda: [
    L.SeparableConv1D(4, 2, depthwise_regularizer="l1", pointwise_regularizer=R.L2(0.1), bias_regularizer="l2"),
    L.LSTM(4, kernel_regularizer="l2", recurrent_regularizer=R.L1(0.1), bias_regularizer="l1", activity_regularizer="l2", return_sequences=True),
    L.PReLU(alpha_regularizer="l1"), L.Flatten(), L.Dense(3, bias_regularizer=R.L1L2(l2=0.01))])

g = Group("constraint")
CONSTRAINTS = [("max_norm", lambda: C.MaxNorm(1.5)), ("max_norm_axis", lambda: C.MaxNorm(2, axis=1)), ("non_neg", C.NonNeg), ("unit_norm", lambda: C.UnitNorm(axis=1)),
               ("min_max_norm", lambda: C.MinMaxNorm(0.2, 1.2, rate=0.9)), ("string", lambda: "max_norm")]
for name, make in CONSTRAINTS:
    g.chain(f"constraint_{name}", (6,), lambda make=make: [L.Dense(5, kernel_constraint=make(), bias_constraint=make()), L.Dense(5)])
RADIAL = dict(expect="refused:RadialConstraint", note="Keras 3 lacks it; it matters in training only")
g.chain("constraint_radial", (6, 6, 2), lambda: [L.Conv2D(3, 3, kernel_constraint=C.RadialConstraint()), L.Flatten(), L.Dense(2)], **RADIAL)
g.chain("constraint_radial_function", (6, 6, 2), lambda: [L.Conv2D(3, 3, kernel_constraint="radial_constraint"), L.Flatten(), L.Dense(2)], **RADIAL)
g.chain("constraint_everywhere", (5, 6), lambda: [
    L.SeparableConv1D(4, 2, depthwise_constraint="max_norm", pointwise_constraint=C.UnitNorm(), bias_constraint="non_neg"),
    L.GRU(4, kernel_constraint="unit_norm", recurrent_constraint=C.MaxNorm(3), bias_constraint="non_neg", return_sequences=True),
    L.BatchNormalization(beta_constraint="non_neg", gamma_constraint=C.MinMaxNorm()), L.LayerNormalization(gamma_constraint="non_neg")])
g.chain("constraint_embedding", ((5,), "int32"), lambda: [L.Embedding(10, 4, embeddings_constraint=C.NonNeg(), embeddings_regularizer="l2"), L.GlobalMaxPooling1D()])

g = Group("dtype")
HALF = dict(tolerance=1e-2)
STACKS = [("dense", (6,), lambda d: [L.Dense(6, dtype=d), L.Dense(6, dtype=d)]),
          ("conv", (6, 6, 2), lambda d: [L.Conv2D(3, 3, dtype=d), L.BatchNormalization(dtype=d), L.ReLU(dtype=d), L.Flatten(dtype=d), L.Dense(3, dtype=d)]),
          ("lstm", (5, 3), lambda d: [L.LSTM(4, dtype=d), L.Dense(3, dtype=d)]),
          ("gru", (5, 3), lambda d: [L.Bidirectional(L.GRU(4, dtype=d), dtype=d), L.Dense(3, dtype=d)])]
for policy in ("mixed_float16", "mixed_bfloat16", "float16", "float64"):
    for name, shape, make in STACKS:
        g.chain(f"{policy}_{name}", shape, lambda make=make, policy=policy: make(policy), **({} if policy == "float64" else HALF))


def globally(policy, build):
    """Builds under a global policy."""
    def wrapped():
        K.mixed_precision.set_global_policy(policy)
        try:
            return build()
        finally:
            K.mixed_precision.set_global_policy("float32")
    return wrapped


def mixed():
    x = L.Input((4, 6))
    y = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 3)(x, x)]))
    return K.Model(x, L.Dense(3, activation="softmax", dtype="float32")(L.GlobalAveragePooling1D()(y)))


for policy in ("mixed_float16", "mixed_bfloat16"):
    g.add(f"{policy}_global_model", globally(policy, mixed), **HALF)
    g.add(f"{policy}_global_sequential", globally(policy, lambda: K.Sequential([L.Input((6,)), L.Dense(6, activation="relu"), L.Dropout(0.2), L.Dense(3, dtype="float32")])), **HALF)
g.chain("float64_input", ((6,), "float64"), lambda: [L.Dense(5, dtype="float64"), L.Dense(5, dtype="float64")])
g.chain("float32_policy_object", (6,), lambda: [L.Dense(5, dtype=K.mixed_precision.Policy("float32")), L.Dense(5)])
g.chain("mixed_dtypes_by_layer", (6,), lambda: [L.Dense(5), L.Dense(5, dtype="float64"), L.Dense(5, dtype="float32")])
g.graph("int_input_cast_by_dense", ((6,), "float32"), lambda x: L.Dense(5)(L.Rescaling(0.1)(x)))
