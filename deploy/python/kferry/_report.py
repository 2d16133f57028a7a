# SPDX-License-Identifier: Apache-2.0
"""The report of a conversion, as api/report.schema.json describes it."""

import dataclasses
import html
from typing import Any, Optional


@dataclasses.dataclass(frozen=True)
class Entry:
    """Something that was changed, lost, found or refused."""

    where: str  #: path in the model, "" for the file itself
    code: str
    reason: str
    key: Optional[str] = None
    before: Any = None
    after: Any = None
    way_out: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class RenamedTensor:
    before: str
    after: str
    layer: str


@dataclasses.dataclass(frozen=True)
class Tensor:
    source: Optional[str]
    target: Optional[str]  #: None when nothing was written
    layer: str
    done: Optional[str]  #: "copied", or what was done to the values
    shape: "dict[str, Optional[list[int]]]"  #: before and after
    dtype: "dict[str, Optional[str]]"
    checksum: "dict[str, Optional[str]]"  #: of the little-endian row-major bytes; None when it was not computed


@dataclasses.dataclass(frozen=True)
class Counts:
    layers: int
    tensors: int
    parameters: int  #: elements of all weights
    dropped_entries: int  #: entries that were too many to keep


def make(kind, value):
    """An object of a class here, of the keys that it has; what a later kferry adds stands in its `json` alone."""
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**{key: item for key, item in value.items() if key in names})


@dataclasses.dataclass(frozen=True)
class Report:
    verdict: str  #: exact, adapted, lossy or refused
    training: str  #: what became of the training state: none, kept, adapted or dropped
    summary: "tuple[str, ...]"  #: the same in words
    problems: "tuple[Entry, ...]"
    renamed_layers: "tuple[Entry, ...]"
    layer_mismatches: "tuple[Entry, ...]"
    config_changes: "tuple[Entry, ...]"
    lost: "tuple[Entry, ...]"
    findings: "tuple[Entry, ...]"
    needs: "tuple[Entry, ...]"
    renamed_tensors: "tuple[RenamedTensor, ...]"
    tensors: "tuple[Tensor, ...]"
    counts: Counts
    json: "dict[str, Any]" = dataclasses.field(repr=False, compare=False)  #: all of it

    @classmethod
    def of(cls, json: "dict[str, Any]") -> "Report":
        lists = {key: tuple(make(Entry, value) for value in json[key])
                 for key in ("problems", "renamed_layers", "layer_mismatches", "config_changes", "lost", "findings", "needs")}
        return cls(verdict=json["verdict"], training=json["training"], summary=tuple(json["summary"]["lines"]),
                   renamed_tensors=tuple(make(RenamedTensor, value) for value in json["renamed_tensors"]),
                   tensors=tuple(make(Tensor, value) for value in json["tensors"]),
                   counts=make(Counts, json["counts"]), json=json, **lists)

    def _repr_html_(self) -> str:
        text = ["<div><p><b>", html.escape(self.verdict), "</b></p>"]
        text += [f"<p>{html.escape(line)}</p>" for line in self.summary]
        for title, entries in (("Refused", self.problems), ("Layers without a match", self.layer_mismatches), ("Lost", self.lost),
                               ("Needed", self.needs), ("To know", self.findings), ("Changed", self.config_changes)):
            if entries:
                text += [f"<details><summary>{title}: {len(entries)}</summary><ul>"]
                text += [f"<li><code>{html.escape(entry.where)}</code> {html.escape(entry.reason)}"
                         f"{'. ' + html.escape(entry.way_out) if entry.way_out else ''}</li>" for entry in entries]
                text += ["</ul></details>"]
        if self.renamed_tensors:
            text += [f"<details><summary>Renamed tensors: {len(self.renamed_tensors)}</summary><table>"]
            text += [f"<tr><td><code>{html.escape(one.before)}</code></td><td><code>{html.escape(one.after)}</code></td></tr>"
                     for one in self.renamed_tensors]
            text += ["</table></details>"]
        return "".join([*text, "</div>"])
