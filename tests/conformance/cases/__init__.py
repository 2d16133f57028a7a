"""The table of zoo models: what a case is, and short ways to write one down."""
import dataclasses
import importlib
import typing

import tensorflow as tf

K = tf.keras
L = K.layers

MODULES = ("core", "convolution", "normalization", "recurrent", "attention", "preprocessing", "settings", "topology",
           "masks", "ops", "dropped", "training")
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
    reloads: bool = True        # False: 2.15 cannot read its own file
    weak: bool = False          # True: outputs that do not depend on the input are the point
    optimizer: bool = False     # True: save the training state too
    twin: typing.Callable = None    # a model that reads the file's weights and predicts in its place
    keep: bool = False          # True: leave the weights as built
    archive: bool = False       # True: 2.15 saves it as .keras only; see archive.py


def add(group, id, build, **options):
    if id in CASES:
        raise ValueError(f"{id} twice")
    CASES[id] = Case(id, group, build, **options)


def inputs_of(spec):
    """Input tensors of (shape), (shape, dtype) or [(shape, dtype), ...]; a batch size may be given by `(4, ...)!`."""
    def one(item, i):
        shape, dtype = item if isinstance(item[-1], str) and not isinstance(item[0], str) else (item, "float32")
        return L.Input(shape, dtype=dtype, name=f"in_{i}")
    return [one(item, i) for i, item in enumerate(spec)] if isinstance(spec, list) else one(spec, 0)


def functional(spec, make):
    """Functional model: the inputs of `spec` through what `make` returns (a layer or a function of tensors)."""
    def build():
        tensors = inputs_of(spec)
        return K.Model(tensors, make(tensors) if getattr(make, "takes_tensors", False) else make()(tensors))
    return build


def sequential(spec, make):
    """Sequential model with an explicit Input and the layers that `make` returns."""
    def build():
        made = make()
        shape, dtype = spec if isinstance(spec[-1], str) else (spec, "float32")
        return K.Sequential([L.Input(shape, dtype=dtype)] + (made if isinstance(made, list) else [made]))
    return build


class Group:
    """Adds cases of one group: `layer` one layer in a functional model, `chain` several in a Sequential, `graph` any."""

    def __init__(self, name, **defaults):
        self.name, self.defaults = name, defaults

    def add(self, id, build, **options):
        add(self.name, id, build, **{**self.defaults, **options})

    def layer(self, id, spec, make, **options):
        self.add(id, functional(spec, make), **options)

    def chain(self, id, spec, make, **options):
        self.add(id, sequential(spec, make), **options)

    def graph(self, id, spec, make, **options):
        """`make` is a function of the input tensor (or list of them) that returns the outputs."""
        def build():
            tensors = inputs_of(spec)
            return K.Model(tensors, make(tensors))
        self.add(id, build, **options)


def load_all():
    for name in MODULES:
        importlib.import_module(f"cases.{name}")
    return CASES
