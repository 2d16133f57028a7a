"""Convolutions, poolings and what changes the size of images, in both orderings and on both backends."""
from keras.layers import (AtrousConvolution1D, AtrousConvolution2D, AveragePooling1D, AveragePooling2D, AveragePooling3D,
                          BatchNormalization, Convolution1D, Convolution2D, Convolution3D, ConvLSTM2D, Cropping1D, Cropping2D,
                          Cropping3D, Deconvolution2D, Dense, Flatten, GlobalAveragePooling1D, GlobalAveragePooling2D,
                          GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, MaxPooling1D,
                          MaxPooling2D, MaxPooling3D, SeparableConvolution2D, TimeDistributed, UpSampling1D, UpSampling2D,
                          UpSampling3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D)
from keras.regularizers import l2

from . import BOTH, TENSORFLOW, THEANO, add, both_orderings, chain


def one(id, make, size, **options):
    add("convolution", id, chain(make), **dict({"backends": BOTH}, **options))


def images(id, make, size, **options):
    """One layer over images of `size`, in both orderings."""
    both_orderings("convolution", id, lambda shape: chain(lambda: make(input_shape=shape(*size)))(),
                   **dict({"backends": BOTH}, **options))


def window(layer, *sizes, **told):
    return lambda **shape: layer(*sizes, **dict(told, **shape))


one("conv1d", lambda: Convolution1D(4, 3, input_shape=(7, 3)), None)
one("conv1d_same", lambda: Convolution1D(4, 3, border_mode="same", activation="relu", input_shape=(7, 3)), None)
one("conv1d_stride", lambda: Convolution1D(4, 3, subsample_length=2, bias=False, input_shape=(8, 3)), None)
one("conv1d_same_stride", lambda: Convolution1D(4, 3, border_mode="same", subsample_length=2, input_shape=(8, 3)), None)
one("conv1d_same_even", lambda: Convolution1D(4, 4, border_mode="same", input_shape=(7, 3)), None)
one("conv1d_told", lambda: Convolution1D(4, 3, init="he_normal", W_regularizer=l2(0.1), W_constraint="nonneg", input_dim=3,
                                         input_length=7), None)
one("conv1d_free", lambda: Convolution1D(4, 3, input_shape=(None, 3)), None)
one("conv1d_like_old", lambda: Convolution1D(3, 3, input_shape=(7, 3)), None)
one("atrous1d", lambda: AtrousConvolution1D(4, 3, atrous_rate=2, input_shape=(9, 3)), None, backends=TENSORFLOW)
one("atrous1d_same", lambda: AtrousConvolution1D(4, 3, atrous_rate=2, border_mode="same", input_shape=(9, 3)), None,
    backends=TENSORFLOW)

images("conv2d", window(Convolution2D, 4, 3, 2), (6, 7, 3))
images("conv2d_same", window(Convolution2D, 4, 3, 3, border_mode="same", activation="relu"), (6, 7, 3))
images("conv2d_stride", window(Convolution2D, 4, 3, 2, subsample=(2, 1), bias=False), (6, 7, 3))
images("conv2d_same_stride", window(Convolution2D, 4, 3, 3, border_mode="same", subsample=(2, 2)), (6, 9, 3))
images("conv2d_same_stride_odd", window(Convolution2D, 4, 3, 5, border_mode="same", subsample=(2, 3)), (7, 8, 3))
images("conv2d_same_even", window(Convolution2D, 4, 2, 4, border_mode="same"), (6, 7, 3))
images("conv2d_same_even_stride", window(Convolution2D, 4, 2, 4, border_mode="same", subsample=(2, 2)), (6, 9, 3))
images("conv2d_1x1", window(Convolution2D, 4, 1, 1), (4, 5, 3))
images("conv2d_1x1_stride", window(Convolution2D, 4, 1, 1, border_mode="same", subsample=(2, 2)), (5, 4, 3))
images("conv2d_hard_sigmoid", window(Convolution2D, 4, 3, 3, activation="hard_sigmoid"), (6, 7, 3))
images("conv2d_told", window(Convolution2D, 4, 3, 3, init="lecun_uniform", W_regularizer=l2(0.1), W_constraint="maxnorm"), (6, 7, 3))
images("atrous2d", window(AtrousConvolution2D, 4, 3, 3, atrous_rate=(2, 2)), (8, 9, 3))
images("atrous2d_same", window(AtrousConvolution2D, 4, 3, 3, atrous_rate=(2, 2), border_mode="same"), (8, 9, 3))
images("separable", window(SeparableConvolution2D, 4, 3, 2, depth_multiplier=2), (6, 7, 3), backends=TENSORFLOW)
images("separable_same", window(SeparableConvolution2D, 4, 3, 3, border_mode="same", bias=False, pointwise_regularizer=l2(0.1),
                                depthwise_constraint="nonneg"), (6, 7, 3), backends=TENSORFLOW)
images("conv3d", window(Convolution3D, 4, 2, 3, 2), (4, 5, 6, 2))
images("conv3d_same", window(Convolution3D, 4, 3, 3, 3, border_mode="same"), (4, 5, 6, 2))
images("conv3d_stride", window(Convolution3D, 4, 2, 2, 2, subsample=(2, 1, 2), bias=False), (4, 5, 6, 2))
images("conv3d_same_stride", window(Convolution3D, 4, 3, 3, 3, border_mode="same", subsample=(2, 2, 2)), (4, 5, 6, 2))
one("conv2d_full", lambda: Convolution2D(4, 3, 2, border_mode="full", input_shape=(5, 6, 3)), None, backends=THEANO)
one("conv1d_full", lambda: Convolution1D(4, 3, border_mode="full", input_shape=(7, 3)), None, backends=THEANO)


def deconvolution(id, filters, size, rows, columns, out, **told):
    def build(shape):
        return chain(lambda: Deconvolution2D(filters, size, size, output_shape=(None,) + shape(out[0], out[1], filters),
                                             input_shape=shape(rows, columns, 3), **told))()
    both_orderings("convolution", id, build, backends=told.pop("backends", BOTH))


deconvolution("deconv", 4, 3, 4, 5, (6, 7))
deconvolution("deconv_stride", 4, 3, 4, 5, (9, 11), subsample=(2, 2))
deconvolution("deconv_longer", 4, 3, 4, 5, (10, 11), subsample=(2, 2))
deconvolution("deconv_same", 4, 3, 4, 5, (4, 5), border_mode="same")
deconvolution("deconv_same_stride", 4, 3, 4, 5, (8, 10), border_mode="same", subsample=(2, 2), backends=TENSORFLOW)
deconvolution("deconv_same_shorter", 4, 3, 4, 5, (7, 10), border_mode="same", subsample=(2, 2), backends=TENSORFLOW)
deconvolution("deconv_same_even", 4, 4, 4, 5, (7, 9), border_mode="same", subsample=(2, 2), backends=TENSORFLOW)

for kind, one_d, two_d, three_d in (("max", GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D),
                                    ("average", GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D)):
    one("global_" + kind + "_1d", lambda layer=one_d: layer(input_shape=(7, 3)), None, backends=TENSORFLOW)
    images("global_" + kind + "_2d", window(two_d), (4, 5, 3), backends=TENSORFLOW)
    images("global_" + kind + "_3d", window(three_d), (3, 4, 3, 2), backends=TENSORFLOW)

one("upsampling1d", lambda: UpSampling1D(3, input_shape=(4, 3)), None, backends=TENSORFLOW)
one("padding1d", lambda: ZeroPadding1D(2, input_shape=(4, 3)), None, backends=TENSORFLOW)
one("padding1d_two", lambda: ZeroPadding1D((1, 2), input_shape=(4, 3)), None, backends=TENSORFLOW)
one("padding1d_named", lambda: ZeroPadding1D({"right_pad": 2}, input_shape=(4, 3)), None, backends=TENSORFLOW)
one("cropping1d", lambda: Cropping1D((1, 2), input_shape=(7, 3)), None, backends=TENSORFLOW)


def after_conv(id, make, **options):
    """Layers that do not save their ordering, behind one that does."""
    both_orderings("convolution", id, lambda shape: chain(lambda: Convolution2D(4, 2, 2, input_shape=shape(6, 7, 3)), make)(),
                   backends=options.get("backends", TENSORFLOW))


def after_conv3d(id, make):
    both_orderings("convolution", id, lambda shape: chain(lambda: Convolution3D(4, 2, 2, 2, input_shape=shape(4, 5, 6, 2)), make)())


for kind, one_d, two_d, three_d in (("max", MaxPooling1D, MaxPooling2D, MaxPooling3D),
                                    ("average", AveragePooling1D, AveragePooling2D, AveragePooling3D)):
    one(kind + "_pool1d", lambda layer=one_d: layer(2, input_shape=(7, 3)), None)
    one(kind + "_pool1d_stride", lambda layer=one_d: layer(3, stride=2, input_shape=(8, 3)), None)
    add("convolution", kind + "_pool1d_same", chain(lambda: Convolution1D(4, 2, input_shape=(8, 3)),
                                                    lambda layer=one_d: layer(2, border_mode="same")))
    images(kind + "_pool2d", window(two_d, pool_size=(2, 3)), (6, 7, 3))
    images(kind + "_pool2d_stride", window(two_d, pool_size=(3, 2), strides=(1, 2)), (6, 7, 3))
    after_conv(kind + "_pool2d_same", lambda layer=two_d: layer(pool_size=(3, 2), strides=(2, 2), border_mode="same"))
    images(kind + "_pool2d_same_three", window(two_d, pool_size=(3, 3), strides=(1, 1), border_mode="same"), (6, 7, 3))
    images(kind + "_pool3d", window(three_d, pool_size=(2, 2, 2)), (4, 5, 4, 2), backends=TENSORFLOW)
after_conv("upsampling2d", lambda: UpSampling2D((2, 3)), backends=BOTH)
after_conv("padding2d", lambda: ZeroPadding2D((1, 2)), backends=BOTH)
after_conv("padding2d_four", lambda: ZeroPadding2D((1, 2, 0, 3)))
after_conv("padding2d_named", lambda: ZeroPadding2D({"top_pad": 1, "left_pad": 2}))
after_conv("cropping2d", lambda: Cropping2D(((1, 2), (0, 1))))
after_conv3d("upsampling3d", lambda: UpSampling3D((2, 1, 2)))
after_conv3d("padding3d", lambda: ZeroPadding3D((1, 2, 1)))
after_conv3d("cropping3d", lambda: Cropping3D(((1, 0), (0, 1), (1, 1))))

both_orderings("convolution", "convnet", lambda shape: chain(
    lambda: Convolution2D(4, 3, 3, border_mode="same", input_shape=shape(8, 10, 3)),
    lambda: BatchNormalization(axis=1 if shape(0, 1) == (1, 0) else -1), lambda: MaxPooling2D((2, 2)),
    lambda: ZeroPadding2D((1, 1)), lambda: Convolution2D(6, 3, 3, activation="relu"), Flatten,
    lambda: Dense(3, activation="softmax"))(), backends=BOTH)
both_orderings("convolution", "time_distributed_conv", lambda shape: chain(
    lambda: TimeDistributed(Convolution2D(4, 3, 3, border_mode="same"), input_shape=(3,) + shape(5, 6, 2)))(), backends=BOTH)
both_orderings("convolution", "conv_lstm", lambda shape: chain(
    lambda: ConvLSTM2D(3, 3, 3, border_mode="same", input_shape=(3,) + shape(4, 5, 2)))())
both_orderings("convolution", "conv_lstm_sequences", lambda shape: chain(
    lambda: ConvLSTM2D(3, 2, 3, return_sequences=True, inner_activation="sigmoid", input_shape=(3,) + shape(4, 5, 2)))())
