"""The table of Keras 1 models: what a case is, and short ways to write one down. Python 3.6, Keras 1.2.2."""
import collections
import importlib

from keras.models import Sequential

MODULES = ("core", "convolution", "recurrent", "topology", "older", "split", "refused")
CASES = []
BOTH, TENSORFLOW, THEANO = ("tensorflow", "theano"), ("tensorflow",), ("theano",)

Case = collections.namedtuple("Case", "id group build expect note tolerance inputs reloads weak train edit stateful backends ordering")


def add(group, id, build, expect="right", note="", tolerance=1e-5, inputs=None, reloads=True, weak=False, train=None,
        edit=None, stateful=False, backends=TENSORFLOW, ordering="tf"):
    if id in {case.id for case in CASES}:
        raise ValueError(id + " twice")
    CASES.append(Case(id, group, build, expect, note, tolerance, inputs or {}, reloads, weak, train, edit, stateful, backends, ordering))


def both_orderings(group, id, build, **options):
    """A case in "tf" and, with _th, in "th"; `build` takes the function that orders a shape (rows, ..., channels)."""
    def last(*shape):
        return shape

    def first(*shape):
        return shape[-1:] + shape[:-1]

    add(group, id, lambda: build(last), ordering="tf", **options)
    add(group, id + "_th", lambda: build(first), ordering="th", **options)


def chain(*make):
    """A Sequential of the layers that the functions make, when it is built."""
    return lambda: Sequential([one() for one in make])


for module in MODULES:
    importlib.import_module("cases1." + module)
