"""Recurrent cells as their equations, one file a family.

Each name is imported when it is first used: `names` and `get` cost nothing until a cell is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnemonist._lazy import lazy
from mnemonist.cells.registry import HOMES, Description, describe, get, names, resolve

if TYPE_CHECKING:
    from mnemonist.cells._cell import Cell, Gate, RecurrentOperand
    from mnemonist.cells._gated import GatedCell
    from mnemonist.cells.activations import ACTIVATIONS, Activation, activation_function
    from mnemonist.cells.batch_norm import BatchNormLSTM
    from mnemonist.cells.elman import IRNN, Elman
    from mnemonist.cells.greff import CIFG, FGR, NFG, NIAF, NIG, NOAF, NOG, NP
    from mnemonist.cells.gru import GRU, GRUResetBefore
    from mnemonist.cells.highway import RecurrentHighway
    from mnemonist.cells.indrnn import IndRNN
    from mnemonist.cells.initialise import chrono_
    from mnemonist.cells.jordan import ElmanJordan, Jordan
    from mnemonist.cells.layer_norm import LayerNormGRU, LayerNormLSTM
    from mnemonist.cells.leaky import EchoState, Leaky
    from mnemonist.cells.lstm import LSTM, NoForgetLSTM, PeepholeLSTM, ProjectedLSTM, UngatedLSTM
    from mnemonist.cells.minimal import JANET, MGU, UGRNN
    from mnemonist.cells.multiplicative import MultiplicativeLSTM
    from mnemonist.cells.parallel import MinGRU, MinLSTM
    from mnemonist.cells.regularise import Regulariser, VariationalDropout, WeightDropout, Zoneout
    from mnemonist.cells.slstm import SLSTM
    from mnemonist.cells.torch_layout import TorchGRU, TorchLSTM, TorchRNN

__all__ = [
    "ACTIVATIONS",
    "CIFG",
    "FGR",
    "GRU",
    "IRNN",
    "JANET",
    "LSTM",
    "MGU",
    "NFG",
    "NIAF",
    "NIG",
    "NOAF",
    "NOG",
    "NP",
    "SLSTM",
    "UGRNN",
    "Activation",
    "BatchNormLSTM",
    "Cell",
    "Description",
    "EchoState",
    "Elman",
    "ElmanJordan",
    "GRUResetBefore",
    "Gate",
    "GatedCell",
    "IndRNN",
    "Jordan",
    "LayerNormGRU",
    "LayerNormLSTM",
    "Leaky",
    "MinGRU",
    "MinLSTM",
    "MultiplicativeLSTM",
    "NoForgetLSTM",
    "PeepholeLSTM",
    "ProjectedLSTM",
    "RecurrentHighway",
    "RecurrentOperand",
    "Regulariser",
    "TorchGRU",
    "TorchLSTM",
    "TorchRNN",
    "UngatedLSTM",
    "VariationalDropout",
    "WeightDropout",
    "Zoneout",
    "activation_function",
    "chrono_",
    "describe",
    "get",
    "names",
    "resolve",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        **{name: f".{module}" for module, name in (home.split(":") for home in HOMES.values())},
        "ACTIVATIONS": ".activations",
        "Activation": ".activations",
        "Cell": "._cell",
        "Gate": "._cell",
        "GatedCell": "._gated",
        "RecurrentOperand": "._cell",
        "Regulariser": ".regularise",
        "VariationalDropout": ".regularise",
        "WeightDropout": ".regularise",
        "Zoneout": ".regularise",
        "activation_function": ".activations",
        "chrono_": ".initialise",
    },
)
