"""The table of models that real Keras 3 makes: what a case is, and short ways to write one down."""
import dataclasses
import importlib
import typing

import keras as K
from keras import layers as L

MODULES = ("layers", "images", "sequences", "topology", "operations", "settings")
CASES = {}


@dataclasses.dataclass
class Case:
    id: str
    group: str
    build: typing.Callable
    expect: str = "right"
    note: str = ""
    tolerance: float = 1e-5
    inputs: dict = dataclasses.field(default_factory=dict)   # options of samples.make_inputs
    reloads: bool = True    # False: Keras cannot read its own .keras
    weak: bool = False      # True: outputs that do not depend on the input are the point
    keep: bool = False      # True: leave the weights as built
    h5: bool = True         # False: Keras cannot write it as .h5


def add(group, id, build, **options):
    if id in CASES:
        raise ValueError(f"{id} twice")
    CASES[id] = Case(id, group, build, **options)


def inputs_of(spec):
    """Input tensors of (shape), (shape, dtype) or [(shape, dtype), ...]."""
    def one(item, i):
        shape, dtype = item if isinstance(item[-1], str) else (item, "float32")
        return L.Input(shape, dtype=dtype, name=f"in_{i}")
    return [one(item, i) for i, item in enumerate(spec)] if isinstance(spec, list) else one(spec, 0)


class Group:
    """Adds cases of one group: `layer` one layer in a functional model, `chain` several in a Sequential, `graph` any."""

    def __init__(self, name, **defaults):
        self.name, self.defaults = name, defaults

    def add(self, id, build, **options):
        add(self.name, id, build, **{**self.defaults, **options})

    def graph(self, id, spec, make, **options):
        """`make` is a function of the input tensor (or list of them) that returns the outputs."""
        def build():
            tensors = inputs_of(spec)
            return K.Model(tensors, make(tensors))
        self.add(id, build, **options)

    def layer(self, id, spec, make, **options):
        self.graph(id, spec, lambda x: make()(x), **options)

    def chain(self, id, spec, make, **options):
        def build():
            shape, dtype = spec if isinstance(spec[-1], str) else (spec, "float32")
            return K.Sequential([L.Input(shape, dtype=dtype)] + make())
        self.add(id, build, **options)


def load_all():
    for name in MODULES:
        importlib.import_module(f"cases3.{name}")
    return CASES
