"""Modules on the engine: layers and stacks of any cell, and what models need around them."""

from mnemonist.nn._dropin_cells import GRUCell, LSTMCell, RNNCell
from mnemonist.nn._dropins import GRU, LSTM, RNN
from mnemonist.nn.attention import Additive, Multiplicative
from mnemonist.nn.dropout import LockedDropout, WordDropout
from mnemonist.nn.embedding import OneHot, TokenEmbedding
from mnemonist.nn.encoder_decoder import EncoderDecoder
from mnemonist.nn.feedback import Feedback
from mnemonist.nn.norm import SequenceBatchNorm
from mnemonist.nn.pooling import AttentionPool, LastStep, last_valid, max_valid, mean_valid
from mnemonist.nn.recurrent import Recurrent
from mnemonist.nn.softmax import AdaptiveSoftmax, Softmax
from mnemonist.nn.streaming import Streaming

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveSoftmax",
    "Additive",
    "AttentionPool",
    "EncoderDecoder",
    "Feedback",
    "GRUCell",
    "LSTMCell",
    "LastStep",
    "LockedDropout",
    "Multiplicative",
    "OneHot",
    "RNNCell",
    "Recurrent",
    "SequenceBatchNorm",
    "Softmax",
    "Streaming",
    "TokenEmbedding",
    "WordDropout",
    "last_valid",
    "max_valid",
    "mean_valid",
]
