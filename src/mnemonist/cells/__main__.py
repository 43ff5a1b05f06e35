"""Write docs/cells.md from the docstrings: ``python -m mnemonist.cells > docs/cells.md``."""

from __future__ import annotations

import inspect
import re

from mnemonist import cells

__all__ = ["page"]

_INTRODUCTION = """\
# Cells

A cell is the equations of one time step. What it is trained with, streamed with and saved as
follows from them. Every cell below is made by name, `mnemonist.cells.get("gru")(input_size,
hidden_size)`, or by its class, and takes its options as keywords.

Notation: x_t (B, I) is the input, h_t the state that is emitted unless something else is said,
H the hidden size; W multiplies the input, U the state; b is a bias; ⊙ is the product entry by
entry; σ is the logistic function and φ tanh unless the options say otherwise.

Weights start by the name of their gate: W Glorot-uniform (Glorot & Bengio 2010), U orthogonal
(Saxe et al. 2014), b 0 but 1 for a gate called `forget` (Gers et al. 2000), peepholes 0. Where a
cell does otherwise it says so.
"""

_OWN = """\
## Your own

```python
import torch
from mnemonist.cells import Cell

class Minimal(Cell):
    states = ("h",)

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget, self.candidate = self.gates("forget", "candidate")

    def step(self, x, h):
        f = torch.sigmoid(self.forget(x, h))
        return (1 - f) * h + f * torch.tanh(self.candidate(x, f * h))
```

No registration is needed. `mnemonist.nn.Recurrent(Minimal, input_size, hidden_size)` makes layers
of it; on the command line it is `--cell module:Minimal`. A state of another width is declared by
`state_sizes`, something emitted that is not fed back by `outputs`, a start that is not zero by
`initial_state`.
"""


def page() -> str:
    """The whole of docs/cells.md.

    >>> page().splitlines()[0]
    '# Cells'
    """
    table = ["| name | class | source | states |", "| --- | --- | --- | --- |"]
    sections = []
    for name in cells.names():
        about, kind = cells.describe(name), cells.get(name)
        states = ", ".join(kind.states)
        table.append(f"| `{name}` | [`{about.class_name}`](#{name}) | {about.source} | {states} |")
        sections.append(_section(name, kind))
    regularisers = [
        _section("", kind)
        for kind in (cells.Zoneout, cells.VariationalDropout, cells.WeightDropout)
    ]
    activations = ", ".join(f"`{name}`" for name in cells.ACTIVATIONS)
    return "\n".join(
        [
            _INTRODUCTION,
            *table,
            "",
            f"Activations, by name: {activations}; a function of a tensor will do too.",
            "",
            *sections,
            "## Regularisers",
            "",
            "Each is a cell around a cell, so they nest, around any cell. In evaluation mode",
            "nothing is drawn.",
            "",
            *regularisers,
            _OWN.rstrip(),
            "",
        ]
    )


def _section(name: str, kind: type[cells.Cell]) -> str:
    about = cells.describe(kind)
    heading = f"## {name}" if name else f"### {about.class_name}"
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(kind.__doc__ or ""))[1:]
    parts = [heading, f"{about.summary} ({about.source}).", f"```text\n{_call(kind)}\n```"]
    for paragraph in paragraphs:
        if paragraph == about.formula:
            parts.append(f"```text\n{paragraph}\n```")
        elif paragraph.startswith("Args:"):
            parts.append(_arguments(paragraph))
        elif not paragraph.startswith((">>>", "Raises:")):
            parts.append(re.sub(r"``?([^`]+)``?", r"`\1`", paragraph))
    return "\n\n".join(parts) + "\n"


def _call(kind: type[cells.Cell]) -> str:
    """The constructor without annotations: ``LSTM(input_size, hidden_size, *, chrono=None)``."""
    signature = inspect.signature(kind)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return f"{kind.__name__}{inspect.Signature(bare)}"


def _arguments(paragraph: str) -> str:
    entries = re.findall(
        r"^    (\w+): (.*?)(?=^    \w+: |\Z)", paragraph, flags=re.MULTILINE | re.DOTALL
    )
    lines = [f"- `{name}`: {' '.join(text.split())}" for name, text in entries]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
