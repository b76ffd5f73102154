"""What robot wrote (output.xml) as outcomes: one per test, with its tags and what it said when it failed."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test of the suite and how it ended."""

    test: str  # Its id, e.g. 019_03_02, or its whole name when it has none.
    name: str
    file: str  # From the suite's root.
    tags: frozenset[str]
    passed: bool
    message: str  # Why it failed; empty when it passed.

    @property
    def key(self) -> str:
        """What tells this test from every other: its file's stem and its name."""
        return f"{Path(self.file).stem}: {self.name}"


def read_outcomes(output: Path, root: Path) -> list[Outcome]:
    """Every test of an output.xml, in its order. `root`: where the suite stood when it ran."""
    return list(_tests(ET.parse(output).getroot(), "", root))  # noqa: S314  As above.


def _tests(node: ET.Element, source: str, root: Path) -> Iterator[Outcome]:
    for child in node:
        if child.tag == "suite":
            yield from _tests(child, child.get("source", source), root)
        elif child.tag == "test":
            yield _outcome(child, source, root)


def _outcome(test: ET.Element, source: str, root: Path) -> Outcome:
    name = test.get("name", "")
    status = test.find("status")
    passed = status is not None and status.get("status") == "PASS"
    said = "" if status is None or passed else " ".join((status.text or "").split())
    file = Path(source)
    return Outcome(
        _id(name, file),
        name,
        file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix(),
        frozenset(tag.text or "" for tag in test.findall("tag")),
        passed,
        said,
    )


def _id(name: str, file: Path) -> str:
    found = re.match(r"[A-Z_]*\d[\w-]*", name)
    return found[0] if found else f"{file.stem} {name}"
