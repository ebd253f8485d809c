"""Reading a pattern into a finite automaton (Thompson's construction). The grammar is in flag-format.md."""

from __future__ import annotations

from collections.abc import Iterable

MAX_PATTERN = 256
MAX_REPEATS = 100
MAX_STATES = 1_000
MAX_DEPTH = 20

_LAST = "\U0010ffff"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_SETS = {
    "d": (("0", "9"),),
    "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")),
    "s": (("\t", "\r"), (" ", " ")),
}
_SPECIAL = frozenset("*+?{}[]()|^$.\\")


class PatternRefused(ValueError):
    """The pattern is not one of the subset; the message says where and why."""


class Classes:
    """A set of characters: ranges, or everything but the ranges."""

    __slots__ = ("is_negated", "ranges")

    def __init__(self, ranges: Iterable[tuple[str, str]], is_negated: bool = False) -> None:
        self.ranges = tuple(ranges)
        self.is_negated = is_negated

    def hold(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) is not self.is_negated


class Fragment:
    """The automaton: edges that take a character, jumps that take none, jumps at the text's start and end."""

    __slots__ = ("accept", "edges", "jumps", "start")

    def __init__(self) -> None:
        self.start = 0
        self.accept = 0
        self.edges: list[list[tuple[Classes, int]]] = []
        self.jumps: list[list[tuple[str, int]]] = []

    def add(self) -> int:
        if len(self.edges) >= MAX_STATES:
            raise PatternRefused(f"the pattern needs more than {MAX_STATES} states; repeat less")
        self.edges.append([])
        self.jumps.append([])
        return len(self.edges) - 1

    def closure(self, states: frozenset[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        """All states reachable without taking a character."""
        open_ways = {"", "^" if at_start else "", "$" if at_end else ""}
        reached, waiting = set(states), list(states)
        while waiting:
            for kind, target in self.jumps[waiting.pop()]:
                if kind in open_ways and target not in reached:
                    reached.add(target)
                    waiting.append(target)
        return frozenset(reached)


Part = tuple[int, int]
"""Where a piece of the automaton begins and ends."""


def parse(source: str) -> Fragment:
    """The automaton of a pattern. Raises PatternRefused."""
    if len(source) > MAX_PATTERN:
        raise PatternRefused(f"the pattern has {len(source)} characters; {MAX_PATTERN} are possible")
    reader = _Reader(source)
    start, accept = reader.alternatives()
    if reader.at < len(source):
        raise reader.refused("a ) without its (")
    reader.fragment.start, reader.fragment.accept = start, accept
    return reader.fragment


class _Reader:
    """Recursive descent over the pattern's text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.depth = 0
        self.fragment = Fragment()

    def refused(self, reason: str) -> PatternRefused:
        return PatternRefused(f"{reason} at position {self.at}")

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def take(self) -> str:
        character = self.peek()
        if not character:
            raise self.refused("the pattern ends too early")
        self.at += 1
        return character

    def alternatives(self) -> Part:
        branches = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            branches.append(self.sequence())
        return branches[0] if len(branches) == 1 else self._either(branches)

    def sequence(self) -> Part:
        first = last = self.fragment.add()
        while self.peek() not in ("", "|", ")"):
            start, end = self.repeated()
            self._jump(last, start)
            last = end
        return first, last

    def repeated(self) -> Part:
        """An atom with its quantifier. Repetition copies the atom by reading it again."""
        begin = self.at
        part = self.atom()
        end = self.at
        least, most = self.quantifier()
        if (least, most) == (1, 1):
            return part
        resume, self.at = self.at, end
        result = self._copies(begin, part, least, most)
        self.at = resume
        return result

    def quantifier(self) -> tuple[int, int | None]:
        sign = self.peek()
        if sign not in ("*", "+", "?", "{"):
            return 1, 1
        if self.source[self.at - 1] in "^$" and self.source[self.at - 2 : self.at - 1] != "\\":
            raise self.refused("nothing to repeat")
        self.at += 1
        bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(sign) or self._counts()
        if self.peek() == "?":
            self.at += 1
        if self.peek() in ("*", "+", "?", "{"):
            raise self.refused("a repetition of a repetition; use a group")
        return bounds

    def _counts(self) -> tuple[int, int | None]:
        text, closing, _ = self.source[self.at :].partition("}")
        low, comma, high = text.partition(",")
        if not closing or not _is_count(low) or (high and not _is_count(high)):
            raise self.refused("braces are for counts such as {2} or {2,5}; write \\{ for a brace")
        self.at += len(text) + 1
        least = int(low)
        most = least if not comma else int(high) if high else None
        if max(least, most or 0) > MAX_REPEATS or (most is not None and most < least):
            raise self.refused(f"counts go from 0 to {MAX_REPEATS}, the smaller one first")
        return least, most

    def _copies(self, begin: int, part: Part, least: int, most: int | None) -> Part:
        parts = [part]
        wanted = max(least, 1) if most is None else max(most, 1)
        while len(parts) < wanted:
            parts.append(self._again(begin))
        first, last = self.fragment.add(), self.fragment.add()
        at = first
        for number, (start, end) in enumerate(parts):
            if number >= least:
                self._jump(at, last)
            self._jump(at, start)
            at = end
        if most is None:
            self._jump(at, parts[-1][0])
        if most != 0:
            self._jump(at, last)
        return first, last

    def _again(self, begin: int) -> Part:
        self.at = begin
        return self.atom()

    def atom(self) -> Part:
        character = self.take()
        if character == "(":
            return self.group()
        if character in "^$":
            start, end = self.fragment.add(), self.fragment.add()
            self.fragment.jumps[start].append((character, end))
            return start, end
        return self._one_of(self._classes(character))

    def group(self) -> Part:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refused(f"groups are nested deeper than {MAX_DEPTH}")
        if self.peek() == "?":
            if self.source[self.at : self.at + 2] != "?:":
                raise self.refused("(?… is not possible, except (?:…); look-around and names are not")
            self.at += 2
        part = self.alternatives()
        if self.peek() != ")":
            raise self.refused("a ( without its )")
        self.at += 1
        self.depth -= 1
        return part

    def _classes(self, character: str) -> Classes:
        if character == ".":
            return Classes((("\0", _LAST),))
        if character == "[":
            return self._bracket()
        if character == "\\":
            return self._escape()
        if character in _SPECIAL:
            self.at -= 1
            nothing = "nothing to repeat" if character in "*+?" else f"write \\{character} for a {character}"
            raise self.refused(nothing)
        return Classes(((character, character),))

    def _escape(self) -> Classes:
        character = self.take()
        if character.lower() in _SETS:
            return Classes(_SETS[character.lower()], character.isupper())
        literal = self._literal(character)
        return Classes(((literal, literal),))

    def _literal(self, character: str) -> str:
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character.isalnum() or not character.isascii():
            self.at -= 2
            raise self.refused(f"\\{character} is not possible")
        return character

    def _bracket(self) -> Classes:
        is_negated = self.peek() == "^"
        self.at += is_negated
        ranges: list[tuple[str, str]] = []
        while self.peek() != "]":
            ranges.extend(self._bracket_item())
        self.at += 1
        if not ranges:
            raise self.refused("[] holds no character")
        return Classes(ranges, is_negated)

    def _bracket_item(self) -> tuple[tuple[str, str], ...]:
        low = self._bracket_character()
        if isinstance(low, tuple):
            return low
        following = self.source[self.at : self.at + 2]
        if following[:1] != "-" or following[1:] == "]":
            return ((low, low),)
        self.at += 1
        high = self._bracket_character()
        if isinstance(high, tuple) or high < low:
            raise self.refused("the range's ends are in the wrong order")
        return ((low, high),)

    def _bracket_character(self) -> str | tuple[tuple[str, str], ...]:
        character = self.take()
        if character == "[":
            self.at -= 1
            raise self.refused("write \\[ for a [ inside brackets")
        if character != "\\":
            return character
        escaped = self.take()
        if escaped in _SETS:
            return _SETS[escaped]
        return self._literal(escaped)

    def _one_of(self, classes: Classes) -> Part:
        start, end = self.fragment.add(), self.fragment.add()
        self.fragment.edges[start].append((classes, end))
        return start, end

    def _either(self, branches: list[Part]) -> Part:
        start, end = self.fragment.add(), self.fragment.add()
        for first, last in branches:
            self._jump(start, first)
            self._jump(last, end)
        return start, end

    def _jump(self, start: int, end: int) -> None:
        self.fragment.jumps[start].append(("", end))


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4
