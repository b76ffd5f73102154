"""Rules made ready to run: for each place which rules watch a value, and for each rule its condition as functions.

A program is made of books, the rules in force somewhere: "" for the whole city, and one for each unit that adopted
rules of its own. A subject obeys the book of its commune, else of its province, else of the city.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dothi.ground.calendar import WorkingCalendar, vietnam
from dothi.ground.clock import SECOND
from dothi.operations.engine.areas import Area, Asked
from dothi.operations.engine.signals import is_own
from dothi.operations.rules.in_force import Book
from dothi.operations.rules.model import (
    CITY,
    Aggregate,
    AllOf,
    AnyOf,
    Each,
    Leaf,
    Node,
    NotOf,
    Rule,
    Silence,
    Threshold,
    leaves,
    reach_seconds,
    watched,
)

Truth = bool | None
Judge = Callable[[Sequence[Truth]], Truth]
REFRESH = 10 * SECOND  # How often an alarm that stands is told its value of now.


@dataclass(frozen=True, eq=False)
class Compiled:
    """One rule of one book, ready to run."""

    rule: Rule
    rule_set: str  # Id of the adopted set that said it last, "" as shipped.
    leaves: tuple[Leaf, ...]
    places: Mapping[str, tuple[int, ...]]  # Attribute of the subject → which leaves take its values.
    judge: Judge
    for_us: int
    hold_us: int
    age_us: int
    plain: Threshold | None  # The one leaf of a rule that is a threshold and nothing else: most rules, most quiet.
    silence: bool  # Whether it is a silence and nothing else: values that are old as they come are its own to judge.
    needs_all: bool  # Whether one leaf that does not hold is enough to know that the rule does not.


def compiled(rule: Rule, rule_set: str = "") -> Compiled:
    """A rule made ready."""
    found = tuple(leaves(rule.when))
    root = rule.when
    return Compiled(
        rule,
        rule_set,
        found,
        _places(found),
        _judge(root, iter(range(len(found))).__next__),
        rule.for_seconds * SECOND,
        rule.hold_seconds * SECOND,
        rule.max_age_seconds * SECOND,
        root if isinstance(root, Threshold) and rule.schedule is None else None,
        isinstance(root, Silence) and rule.schedule is None,
        rule.schedule is None and not isinstance(root, AnyOf | NotOf) and (root is found[0] or _is_flat(root)),
    )


def _places(found: tuple[Leaf, ...]) -> Mapping[str, tuple[int, ...]]:
    own = [(leaf.attribute, place) for place, leaf in enumerate(found) if is_own(leaf)]
    return {name: tuple(place for other, place in own if other == name) for name, _ in own}


def _is_flat(node: Node) -> bool:
    return isinstance(node, AllOf) and not any(isinstance(part, AllOf | AnyOf | NotOf) for part in node.parts)


def _judge(node: Node, place: Callable[[], int]) -> Judge:
    """What a condition says, given what its leaves say in reading order. Not known counts as neither."""
    match node:
        case AllOf(parts=parts):
            inner = tuple(_judge(part, place) for part in parts)
            return lambda truths: _all([one(truths) for one in inner])
        case AnyOf(parts=parts):
            inner = tuple(_judge(part, place) for part in parts)
            return lambda truths: _any([one(truths) for one in inner])
        case NotOf(part=part):
            judge = _judge(part, place)
            return lambda truths: _not(judge(truths))
        case _:
            number = place()
            return lambda truths: truths[number]


def _all(truths: Sequence[Truth]) -> Truth:
    if False in truths:
        return False
    return None if None in truths else True


def _any(truths: Sequence[Truth]) -> Truth:
    if True in truths:
        return True
    return None if None in truths else False


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _nowhere(_unit: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Program:
    """The books ready to run; `above(unit)` gives the codes from the province down to the unit itself."""

    books: Mapping[str, Mapping[str, Compiled]]  # Code of the unit ("" the whole city) → rule id → rule.
    above: Callable[[str], tuple[str, ...]] = _nowhere
    calendar: WorkingCalendar = field(default_factory=vietnam)

    def book(self, unit: str) -> Mapping[str, Compiled]:
        """The rules that a unit obeys; "VN" and "" are the whole city."""
        for code in reversed(self.levels(unit)):
            if code in self.books:
                return self.books[code]
        return self.books[""]

    def levels(self, unit: str) -> tuple[str, ...]:
        """The codes from the city ("") down to a unit."""
        return ("",) if unit in ("", CITY) else ("", *(self.above(unit) or (unit,)))

    def rules(self) -> list[Compiled]:
        """Every rule of every book that is switched on."""
        return [one for book in self.books.values() for one in book.values() if one.rule.enabled]


def make_program(
    books: Mapping[str, Book],
    above: Callable[[str], tuple[str, ...]] = _nowhere,
    calendar: WorkingCalendar | None = None,
) -> Program:
    """A program of books; one of them must be that of the whole city (""). Rules said alike are made ready once."""
    made: dict[tuple[int, str], Compiled] = {}
    ready = {unit: {rule.id: _ready(made, book, rule) for rule in book.rules.values()} for unit, book in books.items()}
    return Program(ready, above, calendar or vietnam())


def program_of(rules: Mapping[str, Rule], above: Callable[[str], tuple[str, ...]] = _nowhere) -> Program:
    """A program of one book that holds everywhere: what a trial of other rules runs."""
    return make_program({"": Book((), rules, {})}, above)


def _ready(made: dict[tuple[int, str], Compiled], book: Book, rule: Rule) -> Compiled:
    said_by = book.said_by.get(rule.id, "")
    key = (id(rule), said_by)
    if key not in made:
        made[key] = compiled(rule, said_by)
    return made[key]


def types_of(program: Program) -> frozenset[str]:
    """The types whose values some rule wants."""
    return frozenset(kind for one in program.rules() for kind, _ in watched(one.rule))


def attributes_of(program: Program) -> Mapping[str, frozenset[str]]:
    """Which attributes some rule wants, by type."""
    found: dict[str, set[str]] = {}
    for one in program.rules():
        for kind, attribute in watched(one.rule):
            found.setdefault(kind, set()).add(attribute)
    return {kind: frozenset(names) for kind, names in found.items()}


def reach_us(program: Program) -> int:
    """How far back (µs) the log must be read so that the memory is what it would be."""
    return max((reach_seconds(one.rule) for one in program.rules()), default=0) * SECOND


def area_of(leaf: Aggregate, levels: tuple[str, ...]) -> Area | None:
    """The area whose members a leaf counts, seen from a place; None when it lies in none such."""
    if isinstance(leaf.over, tuple):
        return leaf.over
    if leaf.over == Each.CITY.value:
        return CITY
    if leaf.over == Each.PROVINCE.value:
        return levels[1] if len(levels) > 1 else None
    return levels[-1] if len(levels) > 1 else None


def asked(leaf: Aggregate) -> Asked:
    """What leaves over one area can share."""
    return Asked(leaf.type, leaf.attribute, leaf.window_seconds, leaf.where)


def area_leaves(program: Program, kinds: tuple[str, ...]) -> list[Aggregate]:
    """The figures over areas to which entities of these types give values; each once."""
    found = (leaf for one in program.rules() for leaf in one.leaves if isinstance(leaf, Aggregate))
    return list(dict.fromkeys(leaf for leaf in found if not is_own(leaf) and leaf.type in kinds))


def stands_in(rule: Rule, levels: tuple[str, ...]) -> bool:
    """Whether a rule holds at a place, by what it is narrowed to."""
    return not rule.only.units or any(code in rule.only.units for code in levels)
