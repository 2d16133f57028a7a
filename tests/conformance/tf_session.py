"""A SavedModel through the C API of TensorFlow, which loads it as TensorFlow Serving does: tag, signature, tensors by name."""
import ctypes
import pathlib

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p)]


def library():
    """The one that TensorFlow itself has loaded."""
    home = pathlib.Path(tf.__file__).parent
    made = ctypes.CDLL(str(next(home.glob("libtensorflow_cc.so*"))))
    for name in ("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel", "TF_GraphOperationByName",
                 "TF_AllocateTensor", "TF_TensorData", "TF_NewBuffer", "TF_StringGetDataPointer"):
        getattr(made, name).restype = ctypes.c_void_p
    made.TF_Message.restype = ctypes.c_char_p
    made.TF_Dim.restype = ctypes.c_int64
    made.TF_TensorByteSize.restype = ctypes.c_size_t
    made.TF_StringGetSize.restype = ctypes.c_size_t
    return made


TF = library()
# Bytes of a text in a tensor: TF_TString of tensorflow/tsl/platform/ctstring_internal.h.
TEXT = 24


def check(status):
    if TF.TF_GetCode(ctypes.c_void_p(status)):
        raise RuntimeError(TF.TF_Message(ctypes.c_void_p(status)).decode(errors="replace")[:400])


def output_of(graph, info):
    """A TF_Output of "node:0"."""
    name, _, index = info.name.partition(":")
    operation = TF.TF_GraphOperationByName(ctypes.c_void_p(graph), name.encode())
    if not operation:
        raise RuntimeError(f"no operation {name}")
    return Output(operation, int(index))


def places(tensor, n):
    """Where the texts of a tensor stand."""
    start = TF.TF_TensorData(tensor)
    return [ctypes.c_void_p(start + i * TEXT) for i in range(n)]


def texts_of(value):
    """A tensor of texts."""
    dims = (ctypes.c_int64 * max(value.ndim, 1))(*value.shape)
    tensor = TF.TF_AllocateTensor(ctypes.c_int(tf.string.as_datatype_enum), dims, ctypes.c_int(value.ndim), ctypes.c_size_t(value.size * TEXT))
    for place, text in zip(places(ctypes.c_void_p(tensor), value.size), value.ravel()):
        text = text if isinstance(text, bytes) else str(text).encode()
        TF.TF_StringInit(place)
        TF.TF_StringCopy(place, text, ctypes.c_size_t(len(text)))
    return tensor


def tensor_of(value, dtype):
    if dtype == tf.string.as_datatype_enum:
        return texts_of(value)
    value = np.ascontiguousarray(value)
    dims = (ctypes.c_int64 * max(value.ndim, 1))(*value.shape)
    tensor = TF.TF_AllocateTensor(ctypes.c_int(dtype), dims, ctypes.c_int(value.ndim), ctypes.c_size_t(value.nbytes))
    ctypes.memmove(TF.TF_TensorData(ctypes.c_void_p(tensor)), value.ctypes.data, value.nbytes)
    return tensor


def array_of(tensor):
    tensor = ctypes.c_void_p(tensor)
    shape = [TF.TF_Dim(tensor, ctypes.c_int(i)) for i in range(TF.TF_NumDims(tensor))]
    dtype = tf.dtypes.as_dtype(TF.TF_TensorType(tensor)).as_numpy_dtype
    if dtype is object:
        texts = [ctypes.string_at(TF.TF_StringGetDataPointer(place), TF.TF_StringGetSize(place)) for place in places(tensor, int(np.prod(shape)))]
        return np.array(texts, object).reshape(shape)
    data = ctypes.string_at(TF.TF_TensorData(tensor), TF.TF_TensorByteSize(tensor))
    return np.frombuffer(data, dtype).reshape(shape).copy()


def run(folder, feeds, wanted):
    """The outputs called `wanted` of the signature serving_default, given {name: array}."""
    status, graph = TF.TF_NewStatus(), TF.TF_NewGraph()
    options, meta = TF.TF_NewSessionOptions(), TF.TF_NewBuffer()
    tags = (ctypes.c_char_p * 1)(b"serve")
    session = TF.TF_LoadSessionFromSavedModel(ctypes.c_void_p(options), None, str(folder).encode(), tags, 1, ctypes.c_void_p(graph),
                                              ctypes.c_void_p(meta), ctypes.c_void_p(status))
    check(status)
    buffer = Buffer.from_address(meta)
    signature = meta_graph_pb2.MetaGraphDef.FromString(ctypes.string_at(buffer.data, buffer.length)).signature_def["serving_default"]
    inputs = (Output * len(feeds))(*[output_of(graph, signature.inputs[name]) for name in feeds])
    values = (ctypes.c_void_p * len(feeds))(*[tensor_of(value, signature.inputs[name].dtype) for name, value in feeds.items()])
    outputs = (Output * len(wanted))(*[output_of(graph, signature.outputs[name]) for name in wanted])
    found = (ctypes.c_void_p * len(wanted))()
    TF.TF_SessionRun(ctypes.c_void_p(session), None, inputs, values, ctypes.c_int(len(feeds)), outputs, found, ctypes.c_int(len(wanted)),
                     None, 0, None, ctypes.c_void_p(status))
    check(status)
    arrays = [array_of(tensor) for tensor in found]
    for tensor in list(values) + list(found):
        TF.TF_DeleteTensor(ctypes.c_void_p(tensor))
    TF.TF_CloseSession(ctypes.c_void_p(session), ctypes.c_void_p(status))
    TF.TF_DeleteSession(ctypes.c_void_p(session), ctypes.c_void_p(status))
    TF.TF_DeleteGraph(ctypes.c_void_p(graph))
    TF.TF_DeleteSessionOptions(ctypes.c_void_p(options))
    TF.TF_DeleteBuffer(ctypes.c_void_p(meta))
    TF.TF_DeleteStatus(ctypes.c_void_p(status))
    return arrays
