"""Reading one table of a rule field by field, so that each complaint names the rule, the field and what to write."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import isfinite
from typing import Any, TypeVar

from dothi.ground.errors import Invalid

Choice = TypeVar("Choice", bound=StrEnum)
_LETTERS = 500
_LIMIT = 1e12


class Row:
    """A table that is being read: what nobody asked for when `done` is a mistake of who wrote it."""

    def __init__(self, rule: str, where: str, table: Any) -> None:
        """`rule` and `where` name the table in errors: rule "flood", where "when[0].where."."""
        self.rule, self.where = rule, where
        if not isinstance(table, Mapping):
            raise self.wrong("", "a table with fields is needed here")
        self._table = table
        self._read: set[str] = {"removed"}

    def wrong(self, name: str, why: str) -> Invalid:
        """The error that says what is wrong with a field."""
        field = f"{self.where}{name}".rstrip(".")
        return Invalid(f"Rule “{self.rule}”, {field}: {why}.", field=field, rule=self.rule)

    def has(self, name: str) -> bool:
        """Whether the field is written."""
        return name in self._table

    def raw(self, name: str) -> Any:
        """A field as it is written, None when it is not."""
        self._read.add(name)
        return self._table.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; needed when it has no default."""
        found = self.raw(name)
        found = default if found is None else found
        if not isinstance(found, str) or len(found) > _LETTERS or (default is None and not found.strip()):
            raise self.wrong(name, "write a text" if found is not None else "is missing: write a text")
        return found

    def texts(self, name: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """A list of texts."""
        found = self.raw(name)
        if found is None:
            return tuple(default)
        if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
            raise self.wrong(name, 'write a list of texts, as ["a", "b"], or leave it out')
        return tuple(found)

    def words(self, name: str) -> dict[str, str]:
        """Words by language; Vietnamese is needed."""
        found = self.raw(name)
        good = isinstance(found, Mapping) and all(
            isinstance(one, str) and len(one) <= _LETTERS for one in found.values()
        )
        if not good or not str(found.get("vi", "")).strip():
            raise self.wrong(name, 'write { vi = "…", en = "…" }; Vietnamese is needed')
        return dict(found)

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number."""
        found = self.raw(name)
        found = default if found is None else found
        if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found) or abs(found) > _LIMIT:
            raise self.wrong(name, "write a number" if found is not None else "is missing: write a number")
        return float(found)

    def whole(self, name: str, default: int | None, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        found = self.raw(name)
        found = default if found is None else found
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
            raise self.wrong(name, f"write a whole number from {least} to {most}")
        return found

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        found = self.raw(name)
        if found is not None and not isinstance(found, bool):
            raise self.wrong(name, "write true or false")
        return default if found is None else found

    def one_of(self, name: str, choices: type[Choice], default: Choice | None = None) -> Choice:
        """One of a few words."""
        found = self.raw(name)
        if found is None and default is not None:
            return default
        known = tuple(choices)
        if found not in [one.value for one in known]:
            raise self.wrong(name, f"write one of {', '.join(known)}")
        return choices(found)

    def table(self, name: str) -> "Row | None":
        """A table inside this one."""
        found = self.raw(name)
        return None if found is None else Row(self.rule, f"{self.where}{name}.", found)

    def tables(self, name: str) -> list["Row"]:
        """A list of tables, at least one."""
        found = self.raw(name)
        if not isinstance(found, list) or not found:
            raise self.wrong(name, "write a list of conditions, as [{ … }, { … }]")
        return [Row(self.rule, f"{self.where}{name}[{place}].", one) for place, one in enumerate(found)]

    def done(self) -> None:
        """Invalid when something is written that no rule knows."""
        if unknown := set(map(str, self._table)) - self._read:
            name = min(unknown)
            raise self.wrong(name, "is not known here; look for a misspelling in docs/howto/alarm-rules.md")
