"""The evaluator for tests: rules, values and a clock that the test holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from dothi.ground.clock import SECOND, from_iso
from dothi.operations.engine.judging import observe, tick
from dothi.operations.engine.memory import Memory
from dothi.operations.engine.program import make_program
from dothi.operations.rules.in_force import Book
from dothi.operations.rules.model import Turn
from dothi.operations.rules.parse import parse

T0 = from_iso("2026-11-23T03:00:00Z")  # Monday, 10:00 in Vietnam.
A, B, C = "urn:a", "urn:b", "urn:c"
WARD, NEXT, PROVINCE = "19753", "19789", "46"
HIGH = {"attribute": "level", "op": ">", "limit": 2.5, "clear": 2.0}


def above(unit: str) -> tuple[str, ...]:
    return (PROVINCE,) if unit == PROVINCE else (PROVINCE, unit)


def row(*when: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    base = {"id": "r", "name": {"vi": "Tên"}, "type": "WaterObserved", "priority": "high"}
    return {**base, "when": [dict(one) for one in when], **more}


class Run:
    """A memory whose clock we hold; `said` collects (seconds, rule, cause, raised)."""

    def __init__(self, *rows: Mapping[str, Any], **books: Sequence[Mapping[str, Any]]) -> None:
        made = {"": parse({"rule": list(rows)})} | {
            name.removeprefix("u"): parse({"rule": list(some)}) for name, some in books.items()
        }
        program = make_program({unit: Book((), rules, {}) for unit, rules in made.items()}, above)
        self.memory, self.now = Memory(program), T0
        self.said: list[tuple[float, str, str, bool]] = []
        self.turns: list[Turn] = []

    def keep(self, turns: Sequence[Turn]) -> None:
        self.turns += turns
        for turn in turns:
            told = (turn.at - T0) / SECOND, turn.rule.id, turn.subject or turn.area, turn.raised
            if not self.said or [one[3] for one in self.said if one[1:3] == told[1:3]][-1:] != [turn.raised]:
                self.said.append(told)

    def send(
        self,
        value: float | None,
        subject: str = A,
        attribute: str = "level",
        unit: str = WARD,
        kind: str = "WaterObserved",
        late: float = 0,
    ) -> "Run":
        observed = self.now - round(late * SECOND)
        self.keep(observe(self.memory, subject, (kind,), unit, attribute, value, observed, self.now))
        return self

    def wait(self, seconds: float) -> "Run":
        self.now += round(seconds * SECOND)
        self.keep(tick(self.memory, self.now))
        return self

    def up(self, rule: str = "r") -> set[str]:
        state = {(name, cause): raised for _, name, cause, raised in self.said}
        return {cause for (name, cause), raised in state.items() if name == rule and raised}
