"""Patterns over text that cannot hang a host: a subset of regular expressions, matched in linear time.

Back-tracking engines can take hours for one pattern. Here a pattern becomes a finite automaton: each
character of the text is looked at once, against at most MAX_STATES states. What such an automaton cannot do
(back-references, look-around) is refused when the configuration is compiled.
"""

from __future__ import annotations

from headway.evaluation.pattern_syntax import Classes, Fragment, PatternRefused, parse

__all__ = ["MAX_INPUT", "Pattern", "PatternRefused", "pattern"]

MAX_INPUT = 512
_MAX_NODES = 256
_MAX_STEPS = 256
_MAX_PATTERNS = 2048


class _Node:
    """A set of automaton states that can be reached together; from a stuck one nothing else is reached."""

    __slots__ = ("accepts", "accepts_at_end", "edges", "is_stuck", "steps")

    def __init__(self, edges: list[tuple[Classes, int]], accepts: bool, accepts_at_end: bool) -> None:
        self.edges = edges
        self.accepts = accepts
        self.accepts_at_end = accepts_at_end
        self.is_stuck = False
        self.steps: dict[str, _Node] = {}


class Pattern:
    """A compiled pattern."""

    __slots__ = ("_fragment", "_nodes")

    def __init__(self, source: str) -> None:
        self._fragment: Fragment = parse(source)
        self._nodes: dict[tuple[frozenset[int], bool], _Node] = {}

    def is_found_in(self, text: object) -> bool:
        """Whether any part of the text matches; longer texts than MAX_INPUT characters never do."""
        return isinstance(text, str) and len(text) <= MAX_INPUT and self._search(text)

    def _search(self, text: str) -> bool:
        node = self._node(frozenset((self._fragment.start,)), at_start=True)
        for character in text:
            if node.accepts:
                return True
            if node.is_stuck:
                break
            node = node.steps.get(character) or self._step(node, character)
        return node.accepts or node.accepts_at_end

    def _step(self, node: _Node, character: str) -> _Node:
        """The node after one more character. A match may begin anywhere: the start always belongs to it."""
        reached = {target for classes, target in node.edges if classes.hold(character)}
        after = self._node(frozenset(reached | {self._fragment.start}), at_start=False)
        if len(node.steps) < _MAX_STEPS:
            node.steps[character] = after
        return after

    def _node(self, states: frozenset[int], *, at_start: bool) -> _Node:
        known = self._nodes.get((states, at_start))
        if known is not None:
            return known
        if len(self._nodes) >= _MAX_NODES:
            self._nodes.clear()
        inside = self._fragment.closure(states, at_start=at_start, at_end=False)
        at_end = self._fragment.closure(states, at_start=at_start, at_end=True)
        accept = self._fragment.accept
        edges = [edge for state in inside for edge in self._fragment.edges[state]]
        node = self._nodes[states, at_start] = _Node(edges, accept in inside, accept in at_end)
        node.is_stuck = not edges and not at_start and states == {self._fragment.start}
        return node


_patterns: dict[str, Pattern] = {}


def pattern(source: str) -> Pattern:
    """The compiled pattern of a text, shared. Raises PatternRefused."""
    known = _patterns.get(source)
    if known is None:
        if len(_patterns) >= _MAX_PATTERNS:
            _patterns.clear()
        known = _patterns[source] = Pattern(source)
    return known
