"""Layers without windows and without time."""
from keras.layers import (ELU, Activation, ActivityRegularization, BatchNormalization, Dense, Dropout, Embedding, Flatten,
                          GaussianDropout, GaussianNoise, InputLayer, LeakyReLU, Masking, Permute, PReLU, RepeatVector, Reshape,
                          SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, ThresholdedReLU, TimeDistributed,
                          TimeDistributedDense)
from keras.regularizers import EigenvalueRegularizer, activity_l1, activity_l2, l1, l1l2, l2

from . import BOTH, add, both_orderings, chain

for name in ("softmax", "elu", "softplus", "softsign", "relu", "tanh", "sigmoid", "hard_sigmoid", "linear"):
    add("core", "dense_" + name, chain(lambda name=name: Dense(5, activation=name, input_dim=6)))
for name in ("uniform", "lecun_uniform", "normal", "orthogonal", "zero", "one", "glorot_normal", "glorot_uniform",
             "he_normal", "he_uniform", "identity"):
    add("core", "init_" + name, chain(lambda name=name: Dense(6, init=name, input_dim=6)))
add("core", "init_own", chain(lambda: Dense(5, init=own_init, input_dim=6)), reloads=False,
    note="Keras 1 needs the function")
add("core", "dense_no_bias", chain(lambda: Dense(5, bias=False, input_dim=6)))
add("core", "dense_of_steps", chain(lambda: Dense(5, activation="relu", input_shape=(4, 3)), Flatten, lambda: Dense(2)))
add("core", "dense_theano", chain(lambda: Dense(5, activation="tanh", input_dim=6), lambda: Dense(3)), backends=BOTH)
add("core", "regularized", chain(lambda: Dense(5, W_regularizer=l2(0.02), b_regularizer=l1(0.01),
                                               activity_regularizer=activity_l2(0.01), input_dim=6),
                                 lambda: Dense(4, W_regularizer=l1l2(0.01, 0.02), activity_regularizer=activity_l1(0.01))))
add("core", "eigenvalue", chain(lambda: Dense(6, W_regularizer=EigenvalueRegularizer(0.01), input_dim=6)), reloads=False,
    note="Keras 1 reads it with the regularizer by name only")
add("core", "constrained", chain(lambda: Dense(5, W_constraint="maxnorm", b_constraint="nonneg", input_dim=6),
                                 lambda: Dense(5, W_constraint="unitnorm"), lambda: Dense(5, W_constraint=min_max())))
add("core", "activation", chain(lambda: Dense(5, input_dim=6), lambda: Activation("softsign")))
add("core", "activation_hard_sigmoid", chain(lambda: Activation("hard_sigmoid", input_shape=(6,))))
add("core", "dropouts", chain(lambda: Dense(8, input_dim=6), lambda: Dropout(0.4), lambda: GaussianNoise(0.1),
                              lambda: GaussianDropout(0.3), lambda: ActivityRegularization(l1=0.1, l2=0.2)))
add("core", "spatial_dropout_1d", chain(lambda: SpatialDropout1D(0.5, input_shape=(4, 3))))
both_orderings("core", "spatial_dropout_2d", lambda shape: chain(lambda: SpatialDropout2D(0.5, input_shape=shape(4, 4, 3)))())
both_orderings("core", "spatial_dropout_3d", lambda shape: chain(lambda: SpatialDropout3D(0.5, input_shape=shape(3, 4, 4, 2)))())
add("core", "shapes", chain(lambda: Reshape((3, 4), input_shape=(12,)), lambda: Permute((2, 1)), lambda: Reshape((-1, 2)), Flatten,
                            lambda: RepeatVector(3)))
add("core", "input_layer", chain(lambda: InputLayer(input_shape=(6,)), lambda: Dense(4)))
add("core", "time_distributed_dense", chain(lambda: TimeDistributedDense(5, activation="tanh", input_shape=(4, 3))))
add("core", "time_distributed_dense_no_bias", chain(lambda: TimeDistributedDense(5, bias=False, input_shape=(4, 3))))
add("core", "time_distributed", chain(lambda: TimeDistributed(Dense(5, activation="relu"), input_shape=(4, 3))))
add("core", "time_distributed_batch", chain(lambda: TimeDistributed(Dense(5), batch_input_shape=(4, 4, 3))))
add("core", "leaky_relu", chain(lambda: LeakyReLU(0.2, input_shape=(6,))))
add("core", "prelu", chain(lambda: PReLU(input_shape=(3, 4))))
add("core", "prelu_shared", chain(lambda: PReLU(shared_axes=[1], init="one", input_shape=(3, 4))), reloads=False,
    note="Keras 1 does not save shared_axes")
add("core", "elu", chain(lambda: ELU(0.7, input_shape=(6,))))
add("core", "thresholded_relu", chain(lambda: ThresholdedReLU(0.4, input_shape=(6,))))
add("core", "batch_norm", chain(lambda: BatchNormalization(input_shape=(6,)), lambda: Dense(3)), backends=BOTH)
add("core", "batch_norm_told", chain(lambda: BatchNormalization(epsilon=0.01, momentum=0.9, gamma_regularizer=l2(0.01),
                                                                beta_regularizer=l1(0.01), input_shape=(4, 6))))
add("core", "batch_norm_axis", chain(lambda: BatchNormalization(axis=1, input_shape=(3, 4, 5))), backends=BOTH)
add("core", "embedding", chain(lambda: Embedding(10, 4, input_length=5)), inputs={"limit": 10, "whole": True}, backends=BOTH)
add("core", "embedding_told", chain(lambda: Embedding(10, 4, init="normal", W_regularizer=l2(0.01), W_constraint="unitnorm",
                                                      activity_regularizer=activity_l2(0.1), dropout=0.3, input_length=5), Flatten),
    inputs={"limit": 10, "whole": True})
add("core", "masking", chain(lambda: Masking(0.0, input_shape=(5, 3)), lambda: Activation("tanh")))


def own_init(shape, name=None, dim_ordering=None):
    from keras import initializations
    return initializations.normal(shape, name=name)


def min_max():
    from keras.constraints import MinMaxNorm
    return MinMaxNorm(0.1, 2.0, rate=0.5)
