#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print the rows of tests/unit/lambdas.def: functions as one version of Python marshals them.

    PYTHON tests/tools/make_lambdas.py          for each PYTHON from 2.7 to 3.13; the header is not printed
    PYTHON tests/tools/make_lambdas.py traces   the rows of tests/unit/traces.def
"""
import base64
import marshal
import sys

SOURCE = """
mean = lambda x, axis=1: tf.reduce_mean(x * 2.5 + 70000, axis=(1, 2), mode='same') + (lambda y: K.abs(y))(x)

def outer(scale):
    return lambda x: K.abs(x) * scale

scaled = outer(3)
"""

TRACES = """
scale = lambda x: x / 127.5 - 1.0
index = lambda t: K.abs(t[0][:, 1:3] - t[-1][..., 2])
named = lambda x, axis: tf.reduce_mean(-x, axis=axis, keepdims=True) ** 2
joined = lambda t: tf.keras.backend.concatenate([t[0], t[1], t[0] * K.epsilon()], axis=1)
def unpacked(pair):
    x, y = pair
    x *= 2
    z = K.reshape(x, (2, 3, 4))
    return K.sqrt(K.sum(K.square(z - y), axis=[1, 2]))
def looped(x):
    for i in range(2):
        x = x * 2
    return x
def closed(scale):
    return lambda x: x * scale
closed = closed(2.0)
unknown = lambda x: model(x) * 2
asked = lambda x: x if x.ndim > 2 else -x
spread = lambda *x: x[0]
"""

traces = sys.argv[1:] == ["traces"]
place = {}
exec(compile(TRACES if traces else SOURCE, "model.py", "exec"), place)
for name in ("scale", "index", "named", "joined", "unpacked", "looped", "closed", "unknown", "asked", "spread") if traces else ("mean", "scaled"):
    code = base64.b64encode(marshal.dumps(place[name].__code__)).decode("ascii")
    lines = ["         \"%s\"" % code[at:at + 88] for at in range(0, len(code), 88)]
    sys.stdout.write('LAMBDA("%d.%d", %s,\n%s)\n' % (sys.version_info[0], sys.version_info[1], name, "\n".join(lines)))
