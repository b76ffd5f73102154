"""The page docs/conformance.md: passes by group of two commits of the suite, and every miss with its clause."""

import argparse
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from conforming.groups import FOLDERS, NEEDS_FIVE
from conforming.kept import Run, read_run
from conforming.results import Outcome

_ROOT = Path(__file__).parent.parent.parent
MISSES = _ROOT / "docs/conformance-misses.toml"
KINDS = {"suite": "defect of the test", "reading": "another reading", "open": "not yet done"}
UNEXPLAINED = "unexplained"
_OPENING = """# Conformance to NGSI-LD 1.9.1

Measured with the ETSI NGSI-LD test suite against a fresh dothi (SQLite store, one process), each group over a store of
its own, without a network. Both commits are of marek-mraz/ngsi-ld-test-suite: its first one is nearly ETSI's own branch
of development, its head corrects and extends that. A test counts as ETSI's own when the older commit has it too
(decision 0147). Passes and misses by clause together make the total.

This page is written by `scripts/conformance-page`; explanations of misses are kept in `conformance-misses.toml`. To
repeat it, with checkouts of your own:

```sh
scripts/conformance SUITE --out extended && scripts/conformance SUITE iop --out extended
scripts/conformance OLDER_SUITE --out snapshot
scripts/conformance SUITE --postgresql --out postgresql
scripts/conformance-page extended snapshot --postgresql postgresql --write docs/conformance.md
```
"""


@dataclass(frozen=True, slots=True)
class Miss:
    """Why some tests do not pass."""

    tests: tuple[str, ...]  # Ids or globs of ids.
    suites: tuple[str, ...]  # Commits; empty for every one.
    clause: str
    kind: str  # One of KINDS.
    reason: str

    def explains(self, outcome: Outcome, commit: str) -> bool:
        """Whether this is about that test of that commit."""
        return (not self.suites or commit in self.suites) and any(fnmatch(outcome.test, one) for one in self.tests)


def read_misses(path: Path = MISSES) -> list[Miss]:
    """The explanations. ValueError names one that lacks something."""
    found = []
    for row in tomllib.loads(path.read_text()).get("miss", []):
        lacking = [name for name in ("tests", "clause", "kind", "reason") if not row.get(name)]
        if lacking or row["kind"] not in KINDS:
            raise ValueError(f"{path.name}: {row.get('tests')} lacks {lacking or 'a kind of ' + ', '.join(KINDS)}")
        found.append(Miss(tuple(row["tests"]), tuple(row.get("suites", ())), row["clause"], row["kind"], row["reason"]))
    return found


def page(extended: Run, snapshot: Run, misses: Sequence[Miss], postgresql: Run | None = None) -> str:
    """The whole page. ETSI's own tests of the extended suite are those that the snapshot has too."""
    parts = [_OPENING, _counts(extended, snapshot, misses), _groups(extended, snapshot)]
    parts += [] if postgresql is None else [_on_postgresql(postgresql, extended)]
    parts += [_missed(run, misses) for run in (extended, snapshot)]
    return "\n".join(parts)


def _counts(extended: Run, snapshot: Run, misses: Sequence[Miss]) -> str:
    known = {_place(one) for one in snapshot.outcomes(but=NEEDS_FIVE)}
    ours = extended.outcomes(but=NEEDS_FIVE)
    rows: list[tuple[str, str, list[Outcome]]] = [
        (
            f"ETSI's own tests, as `{extended.commit}` has them",
            extended.commit,
            [o for o in ours if _place(o) in known],
        ),
        (f"tests that `{extended.commit}` adds", extended.commit, [o for o in ours if _place(o) not in known]),
        (f"the older snapshot `{snapshot.commit}`", snapshot.commit, snapshot.outcomes(but=NEEDS_FIVE)),
    ]
    rows += [
        (f"five brokers together, `{run.commit}`", run.commit, run.groups[NEEDS_FIVE])
        for run in (extended, snapshot)
        if NEEDS_FIVE in run.groups
    ]
    lines = [
        "| Tests | passed | of | misses explained by clause | not yet done | unexplained |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for title, commit, outcomes in rows:
        kinds = [_kind(one, commit, misses) for one in outcomes if not one.passed]
        undone, unknown = kinds.count("open"), kinds.count(UNEXPLAINED)
        explained = len(kinds) - undone - unknown
        passed = len(outcomes) - len(kinds)
        lines.append(f"| {title} | {passed:,} | {len(outcomes):,} | {explained} | {undone} | {unknown} |")
    days = " and ".join(sorted({extended.day, snapshot.day}))
    return "\n".join([*lines, "", f"dothi {extended.dothi}, {days}.", ""])


def _place(outcome: Outcome) -> tuple[str, str]:
    """What a test is called in either commit: folders may differ."""
    return Path(outcome.file).stem, outcome.test


def _kind(outcome: Outcome, commit: str, misses: Sequence[Miss]) -> str:
    return next((one.kind for one in misses if one.explains(outcome, commit)), UNEXPLAINED)


def _groups(extended: Run, snapshot: Run) -> str:
    lines = ["## By group", "", f"| Group | `{extended.commit}` | `{snapshot.commit}` |", "|---|--:|--:|"]
    for name in FOLDERS:
        if name in extended.groups or name in snapshot.groups:
            lines.append(f"| {name} | {_share(extended.groups.get(name))} | {_share(snapshot.groups.get(name))} |")
    return "\n".join([*lines, ""])


def _on_postgresql(there: Run, here: Run) -> str:
    """The same suite with every store in PostgreSQL, group by group beside the embedded store."""
    lines = [
        "## On PostgreSQL",
        "",
        f"`scripts/conformance SUITE --postgresql`, suite `{there.commit}`, {there.day}: every broker keeps its store",
        "in a database of its own of Debian's PostgreSQL. Groups that are not listed were not run so.",
        "",
        "| Group | PostgreSQL | SQLite | tests with another outcome |",
        "|---|--:|--:|---|",
    ]
    for name, outcomes in there.groups.items():
        embedded = {_place(one): one.passed for one in here.groups.get(name, [])}
        other = [one.test for one in outcomes if embedded.get(_place(one)) != one.passed]
        told = ", ".join(other) or "none"
        lines.append(f"| {name} | {_share(outcomes)} | {_share(here.groups.get(name))} | {told} |")
    return "\n".join([*lines, ""])


def _share(outcomes: Sequence[Outcome] | None) -> str:
    return f"{sum(one.passed for one in outcomes):,}/{len(outcomes):,}" if outcomes else "–"


def _missed(run: Run, misses: Sequence[Miss]) -> str:
    """The table of what did not pass; tests with one explanation stand in one row."""
    rows: dict[Miss | None, list[Outcome]] = {}
    for outcome in run.outcomes():
        if not outcome.passed:
            rows.setdefault(next((one for one in misses if one.explains(outcome, run.commit)), None), []).append(
                outcome
            )
    title = f"## Misses of `{run.commit}`"
    if not rows:
        return f"{title}\n\nNone.\n"
    lines = [title, "", "| Tests | Clause | Kind | Why |", "|---|---|---|---|"]
    lines += [_row(outcomes, miss.clause, KINDS[miss.kind], miss.reason) for miss, outcomes in rows.items() if miss]
    lines += [_row([one], "", UNEXPLAINED, f"`{one.message[:120]}`") for one in rows.get(None, [])]
    return "\n".join([*lines, ""])


def _row(outcomes: Iterable[Outcome], clause: str, kind: str, why: str) -> str:
    tests = ", ".join(dict.fromkeys(one.test for one in outcomes))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in (tests, clause, kind, why)) + " |"


def stale(runs: Iterable[Run], misses: Iterable[Miss]) -> list[str]:
    """Explanations of tests that pass in every run that they are about: they can go."""
    every = [(one, run.commit) for run in runs for one in run.outcomes()]
    return [
        ", ".join(miss.tests)
        for miss in misses
        if not any(miss.explains(one, commit) and not one.passed for one, commit in every)
    ]


def main(arguments: Sequence[str]) -> int:
    """0 when the page was written, 2 when it could not be."""
    parser = argparse.ArgumentParser(prog="scripts/conformance-page", description=__doc__)
    parser.add_argument("extended", type=Path, help="the --out folder of a run of the extended suite")
    parser.add_argument("snapshot", type=Path, help="the --out folder of a run of the older snapshot")
    parser.add_argument("--postgresql", type=Path, help="the --out folder of a run of the extended suite on PostgreSQL")
    parser.add_argument("--write", type=Path, metavar="FILE", help="where to (default: the screen)")
    given = parser.parse_args(arguments)
    try:
        runs = [read_run(folder, FOLDERS) for folder in (given.extended, given.snapshot)]
        there = read_run(given.postgresql, FOLDERS) if given.postgresql else None
        misses = read_misses()
    except (ValueError, OSError) as wrong:
        print(f"conformance-page: {wrong}", file=sys.stderr)
        return 2
    for one in stale(runs, misses):
        print(f"conformance-page: {one} need no explanation any more", file=sys.stderr)
    text = page(runs[0], runs[1], misses, there)
    if given.write:
        given.write.write_text(text)
    else:
        sys.stdout.write(text)
    return 0
