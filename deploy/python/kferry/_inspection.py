# SPDX-License-Identifier: Apache-2.0
"""What an inspection tells of a file."""

import dataclasses
import html
from typing import Any, Optional

from kferry._picture import draw
from kferry._report import Report, make


@dataclasses.dataclass(frozen=True)
class Target:
    """Something that the file can become, or cannot: the verdict is "refused" then, and `reason` says why."""

    to: str
    keras_version: Optional[str]
    verdict: str
    training: str
    where: Optional[str] = None
    reason: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Node:
    """A layer; `model` has the layers of one that is a model itself."""

    path: str
    name: str
    class_name: str
    parameters: int
    inbound: "tuple[str, ...]"  #: paths of the layers that it is called on
    output_shape: "Optional[tuple[Optional[int], ...]]"  #: of its first call; None when it is not known
    model: "tuple[Node, ...]" = ()

    @classmethod
    def of(cls, json: "dict[str, Any]") -> "Node":
        calls = json["calls"]
        shape = calls[0]["output_shape"] if calls else None
        return cls(path=json["path"], name=json["name"], class_name=json["class_name"], parameters=json["parameters"],
                   inbound=tuple(dict.fromkeys(tensor["path"] for call in calls for tensor in call["inbound"])),
                   output_shape=tuple(shape) if shape is not None else None, model=_nodes(json.get("model")))


def _nodes(graph: "Optional[dict[str, Any]]") -> "tuple[Node, ...]":
    return tuple(Node.of(node) for node in graph["nodes"]) if graph else ()


@dataclasses.dataclass(frozen=True)
class Inspection:
    format: Optional[str]
    title: Optional[str]
    keras_version: Optional[str]
    parameters: Optional[int]
    layers: "tuple[Node, ...]"
    targets: "tuple[Target, ...]"
    models: "tuple[str, ...]"  #: where the models are, when there are several
    report: Report
    json: "dict[str, Any]" = dataclasses.field(repr=False, compare=False)  #: all of it

    @classmethod
    def of(cls, json: "dict[str, Any]") -> "Inspection":
        return cls(format=json.get("format"), title=json.get("title"), keras_version=json.get("keras_version"),
                   parameters=(json.get("model") or {}).get("parameters"), layers=_nodes(json.get("graph")),
                   targets=tuple(make(Target, target) for target in json.get("targets", ())),
                   models=tuple(model["member"] for model in json.get("models") or ()),
                   report=Report.of(json["report"]), json=json)

    def _repr_html_(self) -> str:
        text = ["<div>", *(f"<p>{html.escape(line)}</p>" for line in self.report.summary)]
        if self.targets:
            text += ["<table><tr><th>to</th><th>Keras</th><th>verdict</th><th></th></tr>"]
            text += [f"<tr><td>{html.escape(target.to)}</td><td>{html.escape(target.keras_version or '')}</td>"
                     f"<td>{html.escape(target.verdict)}</td><td>{html.escape(target.reason or '')}</td></tr>"
                     for target in self.targets]
            text += ["</table>"]
        text += [f"<p><code>{html.escape(member)}</code></p>" for member in self.models]
        return "".join([*text, draw(self.layers), "</div>"])
