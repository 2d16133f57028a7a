"""Models for down_zoo.py: more axes and other dtypes than Keras 2 encodes, and counts that Keras 3 itself cuts to integers."""
import keras as K
import numpy as np

L = K.layers


def models():
    whole, some, numbers = L.Input((4,), dtype="int32"), L.Input((4,)), [np.array([[1, 2, 3, 0], [4, 1, 0, 0], [2, 2, 2, 2], [5, 0, 0, 0]], "int32")]
    encode = lambda **told: L.CategoryEncoding(6, **told)
    yield "encoded_axes", "layer", K.Model(whole, L.Dense(3)(encode(output_mode="one_hot")(whole))), numbers
    yield "encoded_floats", "layer", K.Model(some, encode(output_mode="one_hot")(some)), [numbers[0] + np.float32(0.7)]
    yield "encoded_halves", "layer", K.Sequential([whole, encode(dtype="mixed_float16")]), numbers
    lookup = lambda mode: L.IntegerLookup(vocabulary=[1, 2, 4], output_mode=mode)
    yield "encoded_chain", "layer", K.Sequential([whole, encode(output_mode="one_hot")]), numbers
    yield "encoded_lookup", "layer", K.Model(whole, lookup("one_hot")(whole)), numbers
    yield "cut_counts", "layer", K.Model(whole, L.LayerNormalization()(L.Reshape((2, 2))(lookup("count")(whole)))), numbers
