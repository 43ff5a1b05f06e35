"""The minimum cut of a small directed graph, by augmenting shortest paths (Dinic 1970)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

__all__ = ["FlowGraph"]


class FlowGraph:
    """A directed graph with capacities.

    >>> graph = FlowGraph()
    >>> graph.edge("source", "a", 3), graph.edge("a", "b", 1), graph.edge("b", "sink", 5)
    (None, None, None)
    >>> sorted(graph.near_side("source", "sink"))
    ['a', 'source']
    """

    UNBOUNDED = 1 << 60

    def __init__(self) -> None:
        self._index: dict[Hashable, int] = {}
        self._edges: list[list[int]] = []  # of each place, indices into the two lists below
        self._target: list[int] = []
        self._left: list[int] = []  # capacity left; the edge back is the next or the last one

    def edge(self, start: Hashable, end: Hashable, capacity: int) -> None:
        """An edge that lets so much through."""
        a, b = self._place(start), self._place(end)
        for place, target, room in ((a, b, capacity), (b, a, 0)):
            self._edges[place].append(len(self._target))
            self._target.append(target)
            self._left.append(room)

    def near_side(self, source: Hashable, sink: Hashable) -> set[Hashable]:
        """What stays with the source when the cheapest edges between the two are cut."""
        a, b = self._place(source), self._place(sink)
        while (level := self._levels(a))[b] >= 0:
            place = [0] * len(self._edges)
            while self._push(a, b, level, place):
                pass
        reached = self._levels(a)
        return {name for name, i in self._index.items() if reached[i] >= 0}

    def _place(self, name: Hashable) -> int:
        if name not in self._index:
            self._index[name] = len(self._edges)
            self._edges.append([])
        return self._index[name]

    def _levels(self, source: int) -> list[int]:
        """Distance of every place from the source along edges with room; -1 for none."""
        level = [-1] * len(self._edges)
        level[source] = 0
        queue = deque([source])
        while queue:
            at = queue.popleft()
            for edge in self._edges[at]:
                target = self._target[edge]
                if self._left[edge] > 0 and level[target] < 0:
                    level[target] = level[at] + 1
                    queue.append(target)
        return level

    def _push(self, source: int, sink: int, level: list[int], place: list[int]) -> int:
        """Send along one shortest path what it lets through; 0 if there is none left."""
        path: list[int] = []
        at = source
        while at != sink:
            edges = self._edges[at]
            while place[at] < len(edges):
                edge = edges[place[at]]
                target = self._target[edge]
                if self._left[edge] > 0 and level[target] == level[at] + 1:
                    break
                place[at] += 1
            else:
                if not path:
                    return 0
                at = self._target[path.pop() ^ 1]
                place[at] += 1
                continue
            path.append(edge)
            at = target
        amount = min(self._left[edge] for edge in path)
        for edge in path:
            self._left[edge] -= amount
            self._left[edge ^ 1] += amount
        return amount
