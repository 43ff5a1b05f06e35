"""What rearranges a row: parts of it, rows side by side, other shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnemonist.engine.graph import Graph, Unfit
from mnemonist.engine.lowering.table import last_dim, lower
from mnemonist.engine.program import Node, Time


@lower("chunk", "unsafe_chunk")
def _chunk(g: Graph, a: Node, chunks: int, dim: int = 0) -> tuple[Node, ...]:
    last_dim(a, dim)
    return _split(g, a, -(-a.width // chunks), -1)


@lower("split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes")
def _split(g: Graph, a: Node, sizes: int | Sequence[int], dim: int = 0) -> tuple[Node, ...]:
    last_dim(a, dim)
    if isinstance(sizes, int):
        stops = [min(i + sizes, a.width) for i in range(0, a.width, sizes)]
    else:
        stops = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return tuple(g.slice(a, i, j) for i, j in zip([0, *stops], stops))


@lower("cat", "concat", "concatenate")
def _cat(g: Graph, tensors: Sequence[Node], dim: int = 0, axis: int | None = None) -> Node:
    first = next(t for t in tensors if t.time is not Time.K)
    last_dim(first, dim if axis is None else axis)
    if any(len(t.shape) != len(first.shape) or t.time is Time.K for t in tensors):
        raise Unfit("joins a constant with rows: expand it from x or a state (expand_as)")
    return g.cat(tensors)


@lower("stack")
def _stack(g: Graph, tensors: Sequence[Node], dim: int = 0) -> Node:
    first, rank = tensors[0], len(tensors[0].shape) + 2
    if dim % rank == 0:
        raise Unfit("puts a new dimension before the batch")
    if len(first.shape) != 1 or any(t.shape != first.shape or t.time is Time.K for t in tensors):
        raise Unfit("stacks other than vectors of one width")
    if dim % rank == 1:
        return g.view(g.cat(tensors), (len(tensors), first.width))
    raise Unfit("interleaves vectors; stack along dimension 1")


@lower("unbind")
def _unbind(g: Graph, a: Node, dim: int = 0) -> tuple[Node, ...]:
    rank = len(a.shape) + 1
    if dim % rank == 1 and len(a.shape) == 2:
        flat, width = g.view(a, (a.shape[0] * a.shape[1],)), a.shape[1]
        return tuple(g.slice(flat, i * width, (i + 1) * width) for i in range(a.shape[0]))
    last_dim(a, dim)
    return tuple(g.view(g.slice(a, i, i + 1), a.shape[:-1]) for i in range(a.width))


@lower("repeat")
def _repeat(g: Graph, a: Node, *sizes: Any) -> Node:
    counts = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if len(counts) != len(a.shape) + 1 or any(n != 1 for n in counts[:-1]) or counts[-1] < 1:
        raise Unfit("repeats other than the last dimension")
    return g.cat([a] * counts[-1])


@lower("glu")
def _glu(g: Graph, a: Node, dim: int = -1) -> Node:
    left, right = _chunk(g, a, 2, dim)
    return g.pointwise("mul", left, g.pointwise("sigmoid", right))


@lower("getitem")
def _getitem(g: Graph, a: Node, index: Any) -> Node:
    index = index if isinstance(index, tuple) else (index,)
    rank = len(a.shape) + 1
    if any(isinstance(i, Node) for i in index):
        raise Unfit("indexes by a tensor")
    if Ellipsis in index:
        gap = index.index(Ellipsis)
        filling = (slice(None),) * (rank - sum(i is not None for i in index) + 1)
        index = index[:gap] + filling + index[gap + 1 :]
    index = index + (slice(None),) * (rank - sum(i is not None for i in index))
    if index == (*(slice(None),) * rank, None):
        return g.view(a, (*a.shape, 1))
    if len(index) != rank or index[0] != slice(None):
        raise Unfit("picks rows of the batch, or adds dimensions inside")
    if len(a.shape) == 2 and isinstance(index[1], int) and index[2] == slice(None):
        flat, width, at = g.view(a, (a.shape[0] * a.width,)), a.width, index[1] % a.shape[0]
        return g.slice(flat, at * width, (at + 1) * width)
    if any(i != slice(None) for i in index[:-1]) or not isinstance(index[-1], (slice, int)):
        raise Unfit("only slices of the last dimension can be taken")
    if isinstance(index[-1], int):
        at = index[-1] % a.width
        return g.view(g.slice(a, at, at + 1), a.shape[:-1])
    start, stop, step = index[-1].indices(a.width)
    if step != 1 or stop <= start:
        raise Unfit("a slice with a step, or an empty one")
    return g.slice(a, start, stop)


@lower("narrow")
def _narrow(g: Graph, a: Node, dim: int, start: int, length: int) -> Node:
    last_dim(a, dim)
    return g.slice(a, start % max(a.width, 1), start % max(a.width, 1) + length)


@lower("select")
def _select(g: Graph, a: Node, dim: int, index: int) -> Node:
    last_dim(a, dim)
    at = index % a.width
    return g.view(g.slice(a, at, at + 1), a.shape[:-1])


@lower("expand_as")
def _expand_as(g: Graph, a: Node, other: Node) -> Node:
    return g.pointwise("add", g.zeros(other.shape), a)
