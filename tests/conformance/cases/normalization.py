"""Normalization layers."""
import numpy as np

from . import Group, K, L

g = Group("normalization")
BN = L.BatchNormalization
g.layer("batch_norm", (6,), lambda: BN())
g.layer("batch_norm_image", (4, 4, 3), lambda: BN())
g.layer("batch_norm_axis_1", (3, 4, 4), lambda: BN(axis=1))
g.layer("batch_norm_axis_1_rank_2", (4, 3), lambda: BN(axis=1))
g.layer("batch_norm_two_axes", (3, 4), lambda: BN(axis=[1, 2]), expect="refused:BatchNormalization axis",
        note="Keras 3 has no BatchNormalization over several axes")
g.layer("batch_norm_no_scale", (6,), lambda: BN(scale=False))
g.layer("batch_norm_no_center", (6,), lambda: BN(center=False))
g.layer("batch_norm_bare", (6,), lambda: BN(center=False, scale=False))
g.layer("batch_norm_epsilon", (6,), lambda: BN(epsilon=0.1, momentum=0.5))
g.layer("batch_norm_frozen", (6,), lambda: BN(trainable=False))
g.chain("batch_norm_twins", (6,), lambda: [BN(), L.Dense(6), BN(), L.Dense(6), BN(trainable=False)])
g.layer("batch_norm_synchronized", (6,), lambda: BN(synchronized=True))
g.layer("batch_norm_regularized", (6,), lambda: BN(beta_regularizer="l1", gamma_regularizer=K.regularizers.L2(0.1), gamma_constraint="non_neg"))
g.layer("batch_norm_renorm", (6,), lambda: BN(renorm=True, renorm_clipping={"rmax": 3.0, "rmin": 0.3, "dmax": 5.0}, renorm_momentum=0.9))
g.chain("batch_norm_renorm_image", (4, 4, 3), lambda: [BN(renorm=True), L.Conv2D(2, 2), BN(renorm=True, scale=False)])
g.layer("sync_batch_norm", (6,), lambda: L.experimental.SyncBatchNormalization())
g.layer("sync_batch_norm_axis_1", (3, 4, 4), lambda: L.experimental.SyncBatchNormalization(axis=1, epsilon=0.05))
g.layer("layer_norm", (6,), lambda: L.LayerNormalization())
g.layer("layer_norm_axes", (3, 4), lambda: L.LayerNormalization(axis=[1, 2]))
g.layer("layer_norm_axis_1", (3, 4), lambda: L.LayerNormalization(axis=1))
g.layer("layer_norm_bare", (6,), lambda: L.LayerNormalization(center=False, scale=False, epsilon=0.1))
g.layer("layer_norm_no_scale", (3, 6), lambda: L.LayerNormalization(scale=False))
g.layer("group_norm", (4, 6), lambda: L.GroupNormalization(groups=2))
g.layer("group_norm_image", (4, 4, 6), lambda: L.GroupNormalization(groups=3, epsilon=0.05))
g.layer("group_norm_instance", (4, 4, 6), lambda: L.GroupNormalization(groups=-1))
g.layer("group_norm_axis_1", (6, 4, 4), lambda: L.GroupNormalization(groups=2, axis=1))
g.layer("group_norm_bare", (4, 6), lambda: L.GroupNormalization(groups=2, center=False, scale=False))
g.layer("unit_norm", (6,), lambda: L.UnitNormalization())
g.layer("unit_norm_axis_1", (3, 4), lambda: L.UnitNormalization(axis=1))
g.layer("unit_norm_two_axes", (3, 4), lambda: L.UnitNormalization(axis=[1, 2]))
UNFOUND = dict(reloads=False, note="2.15 does not find the class in an .h5")
g.layer("spectral_norm_dense", (6,), lambda: L.SpectralNormalization(L.Dense(5)), **UNFOUND)
g.layer("spectral_norm_conv", (5, 5, 3), lambda: L.SpectralNormalization(L.Conv2D(4, 3), power_iterations=2), **UNFOUND)


def adapted(shape, **options):
    """A Normalization layer that has seen data of `shape`."""
    layer = L.Normalization(**options)
    layer.adapt(np.random.default_rng(5).normal(2.0, 3.0, size=shape).astype("float32"))
    return layer


g.layer("normalization_adapted", (4,), lambda: adapted((50, 4)))
g.layer("normalization_adapted_image", (3, 3, 2), lambda: adapted((20, 3, 3, 2)))
g.layer("normalization_adapted_axis_none", (4,), lambda: adapted((50, 4), axis=None))
g.layer("normalization_adapted_axis_1", (3, 4), lambda: adapted((20, 3, 4), axis=1))
g.layer("normalization_adapted_axes", (3, 4), lambda: adapted((20, 3, 4), axis=(1, 2)))
g.layer("normalization_adapted_invert", (4,), lambda: adapted((50, 4), invert=True))
g.chain("normalization_adapted_chain", (4,), lambda: [adapted((50, 4)), L.Dense(4), L.BatchNormalization()])
g.layer("normalization_given", (3,), lambda: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[0.5, 1.5, 4.0]))
g.layer("normalization_given_scalar", (3,), lambda: L.Normalization(axis=None, mean=1.5, variance=4.0))
g.layer("normalization_given_scalar_last", (3,), lambda: L.Normalization(mean=1.5, variance=4.0))
g.graph("normalization_adapted_nested", (3, 4), lambda x: L.Dense(3)(K.Sequential([L.Input((3, 4)), adapted((20, 3, 4), axis=(1, 2))])(x)))
g.layer("normalization_given_invert", (3,), lambda: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[0.5, 1.5, 4.0], invert=True))


def first_without_input():
    """Sequential whose only hint of a shape is what Normalization has seen."""
    layer = L.Normalization(axis=-1)
    layer.adapt(np.random.default_rng(5).normal(2.0, 3.0, size=(50, 4)).astype("float32"))
    model = K.Sequential([layer, L.Dense(3)])
    model(np.zeros((1, 4), "float32"))
    return model


g.add("normalization_first_by_call", first_without_input, inputs=dict(free=4), reloads=False,
      note="Sequential without Input: batch_input_shape is [null, null], which 2.15 does not read back")
