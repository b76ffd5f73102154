"""What an entry's JSON is made of: a template with holes, and what stood in them; together its bytes again.

Sensors say the same again and again but for a number and an instant. So a body is cut at its numbers and instants, and
what is left is looked up: who reads the structure of one body has read that of all its like. Nothing is lost: what
does not fit a hole (a word, a place, an instant written in an unusual way) is kept as the JSON of its instance.
"""

import re
from datetime import UTC, timedelta, timezone
from typing import Any, NamedTuple

import msgspec

from dothi.ground.clock import from_iso, iso, to_datetime
from dothi.hub.model import instance_value

ID, NUMBER, OBSERVED, INSTANCE, BODY = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"  # No raw JSON holds such bytes.
_CUT = re.compile(rb'"(value":(?=[-\d])|observedAt":")([^"\\,}]*)')
HOLES = re.compile(rb"([\x01-\x05])")
# A plain reading: its value first, and nothing nested before its instant.
_READING = re.compile(
    rb'(\{(?:"type":"Property",)?"value":)-?\d[\d.eE+-]*((?:,[^{}\[\]]*?)?,"observedAt":")[^"\\]*(".*\})', re.DOTALL
)
_UNDATED = re.compile(rb'(\{(?:"type":"Property",)?"value":)-?\d[\d.eE+-]*((?:,[^{}\[\]]*)?\})')
_outer = msgspec.json.Decoder(dict[str, msgspec.Raw])
_listed = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode
_VALUE = b'value":'
_VIETNAM = timezone(timedelta(hours=7))
UNSTATED, CANONICAL, ODD = 0, 1, 7  # How an instant was written: not at all, as dothi does, in one of these, unusually.
_FORMS: dict[int, tuple[timezone, str, bool]] = {
    2: (UTC, "milliseconds", True),  # timezone, precision, and whether Z stands for +00:00
    3: (_VIETNAM, "seconds", False),
    4: (_VIETNAM, "milliseconds", False),
    5: (UTC, "seconds", False),
    6: (UTC, "microseconds", False),
}


class Part(NamedTuple):
    """One instance of a body: what it is called, and which pieces of the cut body hold it."""

    name: str
    dataset: str | None
    shape: str  # The JSON of the instance with holes; "" where the instance is kept whole.
    number: int  # The piece that is its value, 0 for none.
    observed: int  # The piece that is its instant, 0 for none.
    first: int  # Where its JSON stands: from this piece and offset …
    start: int
    last: int  # … to that piece and offset.
    end: int
    found: dict[str, Any]  # The instance that was read; it holds for others only where their holes are counted.


class Plan(NamedTuple):
    """How all bodies with the same pieces between their holes are read."""

    template: str
    parts: tuple[Part, ...]
    holds: bool  # Whether it holds for other bodies with the same pieces.


def cut(rest: bytes) -> list[bytes]:
    """A body (after its id) in pieces: in turn what stands between holes, the name of a hole, and what stood in it."""
    return _CUT.split(rest)


def joined(pieces: list[bytes]) -> bytes:
    """The body (after its id) that was cut."""
    told = [pieces[0]]
    for number in range(1, len(pieces), 3):
        told += (b'"', *pieces[number : number + 3])
    return b"".join(told)


def prefix(body: bytes) -> tuple[str, bytes] | None:
    """The id of a body, and the bytes that it begins with; None where it begins in another way."""
    found = _outer.decode(body).get("id")
    if found is None:
        return None
    name = msgspec.json.decode(found, type=str)
    begins = b'{"id":' + _encode(name)
    return (name, begins) if body.startswith(begins) else None


def analyse(rest: bytes, pieces: list[bytes], whole: bool = False) -> Plan | None:
    """The plan of a body after its id, with `whole` one without holes; None where dothi would write it otherwise."""
    try:
        return _Reader(rest, pieces, whole).plan()
    except (ValueError, msgspec.DecodeError):
        return None


class _Reader:
    """Finds the instances of one body and where they stand among its pieces."""

    def __init__(self, rest: bytes, pieces: list[bytes], whole: bool) -> None:
        self._rest = rest
        self._pieces = pieces
        self._whole = whole
        self._starts: list[int] = []  # Where each piece begins in the body.
        at = 0
        for number, piece in enumerate(pieces):
            at += number % 3 == 1  # The quotation mark that the cut took away.
            self._starts.append(at)
            at += len(piece)
            if number % 3 == 0 and number and not self._is_hole(number - 1):
                raise ValueError("these words are part of a string")
        self._left = len(pieces) // 3  # Holes that no instance has met yet.
        self._out: list[bytes] = [b'{"id":', ID]
        self._parts: list[Part] = []
        self._at = 0
        self._holds = not whole

    def plan(self) -> Plan:
        body = b'{"id":""' + self._rest
        for key, raw in _outer.decode(body).items():
            if key == "id":
                continue
            if key in ("attrs", "late") and bytes(raw) != b"{}":
                self._attributes(key, raw)
            else:
                self._say(b"," + _encode(key) + b":" + bytes(raw))
        self._say(b"}")
        if self._at != len(self._rest):
            raise ValueError("something was left over")
        return Plan(b"".join(self._out).decode(), tuple(self._parts), self._holds and not self._left)

    def _is_hole(self, hole: int) -> bool:
        """Whether what was cut out is the member of an object; an instant must end with its string."""
        before, name, after = self._pieces[hole - 2], self._pieces[hole - 1], self._pieces[hole + 1]
        return before[-1:] in (b"{", b",") and (name == _VALUE or after.startswith(b'"'))

    def _attributes(self, key: str, raw: msgspec.Raw) -> None:
        self._say(b"," + _encode(key) + b":{")
        for number, (name, one) in enumerate(_outer.decode(raw).items()):
            self._say((b"," if number else b"") + _encode(name) + b":")
            if bytes(one).startswith(b"["):
                self._say(b"[")
                for place, single in enumerate(_listed.decode(one)):
                    self._say(b"," if place else b"")
                    self._instance(name, bytes(single))
                self._say(b"]")
            else:
                self._instance(name, bytes(one))
        self._say(b"}")

    def _say(self, text: bytes) -> None:
        """Take over what stands there; it must be what is thought to stand there."""
        if not self._rest.startswith(text, self._at) or HOLES.search(text):
            raise ValueError("it is written otherwise")
        self._out.append(text)
        self._at += len(text)

    def _instance(self, name: str, raw: bytes) -> None:
        if not self._rest.startswith(raw, self._at):
            raise ValueError("it is written otherwise")
        begin, end = self._at, self._at + len(raw)
        found = _any.decode(raw)
        shape, number, observed = b"", 0, 0
        if not self._whole:
            holes = [i for i in range(2, len(self._pieces), 3) if begin <= self._starts[i] < end]
            self._left -= len(holes)
            shape, number, observed = self._shape(raw, holes)
            if not shape:
                number, observed = self._inside(found, holes)
        first, last = self._piece(begin), self._piece(end)
        start, stop = begin - self._starts[first], end - self._starts[last]
        dataset, text = found.get("datasetId"), shape.decode()
        if not isinstance(dataset, str | None):
            raise ValueError("its dataset has no name")
        self._parts.append(Part(name, dataset, text, number, observed, first, start, last, stop, found))
        self._out.append(shape or INSTANCE)
        self._at = end

    def _shape(self, raw: bytes, holes: list[int]) -> tuple[bytes, int, int]:
        dated = _READING.fullmatch(raw)
        if dated and len(holes) == 2:
            head, middle, tail = dated.groups()
            return head + NUMBER + middle + OBSERVED + tail, holes[0], holes[1]
        undated = _UNDATED.fullmatch(raw)
        if undated and len(holes) == 1 and b'"observedAt"' not in raw:
            return undated[1] + NUMBER + undated[2], holes[0], 0
        return b"", 0, 0

    def _inside(self, found: dict[str, Any], holes: list[int]) -> tuple[int, int]:
        """The holes that hold value and instant of an instance that is kept whole.

        What is nested may hold the same words: then the plan holds for this body alone.
        """
        numbers = [i for i in holes if self._pieces[i - 1] == _VALUE]
        moments = [i for i in holes if i not in numbers]
        own = is_number(found.get("value"))
        if len(numbers) > own or len(moments) > ("observedAt" in found):
            self._holds = False
            return 0, 0
        counts = number_of(found) is not None
        return numbers[0] if numbers and counts else 0, moments[0] if moments else 0

    def _piece(self, at: int) -> int:
        """The piece between holes in which a place of the body lies."""
        return max(i for i in range(0, len(self._pieces), 3) if self._starts[i] <= at)


def is_number(value: Any) -> bool:
    """Whether it counts as one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_of(found: dict[str, Any]) -> float | None:
    """The value of an instance as a number, None where it is none."""
    try:
        value = instance_value(found)
        return float(value) if is_number(value) else None
    except (OverflowError, TypeError):  # Beyond a double; or of a type that is none.
        return None


def instance(pieces: list[bytes], part: Part) -> bytes:
    """The JSON of an instance, put together from the pieces of its body."""
    if part.first == part.last:
        return pieces[part.first][part.start : part.end]
    told = [pieces[part.first][part.start :]]
    for number in range(part.first + 3, part.last + 1, 3):
        text = pieces[number] if number < part.last else pieces[number][: part.end]
        told += (b'"', pieces[number - 2], pieces[number - 1], text)
    return b"".join(told)


def moment(text: str) -> tuple[int, int]:
    """The instant (µs) of an observedAt, and how it was written; UNSTATED when it is none."""
    try:
        instant = from_iso(text)
    except (ValueError, OverflowError):
        return 0, UNSTATED
    return instant, next((form for form in (CANONICAL, *_FORMS) if written(instant, form) == text), ODD)


def written(instant: int, form: int) -> str:
    """An instant (µs) in one of the ways of writing."""
    if form == CANONICAL:
        return iso(instant)
    zone, precision, zulu = _FORMS[form]
    text = to_datetime(instant).astimezone(zone).isoformat(timespec=precision)
    return text.replace("+00:00", "Z") if zulu else text
