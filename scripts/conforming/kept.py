"""What a run with --out leaves for the page: of each group its outcomes, of which checkout and when."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from conforming.results import Outcome

NOTE = "outcomes.json"


@dataclass(frozen=True, slots=True)
class Run:
    """All groups that were run of one checkout."""

    commit: str  # Of the suite.
    dothi: str  # The version that was run.
    day: str  # ISO date of the latest group.
    groups: dict[str, list[Outcome]]

    def outcomes(self, *, but: str = "") -> list[Outcome]:
        """Every outcome, without those of group `but`."""
        return [one for name, outcomes in self.groups.items() if name != but for one in outcomes]


def commit_of(suite: Path) -> str:
    """The commit of a checkout, short; the name of its folder when it is no clone."""
    try:
        asked = ["git", "-C", str(suite), "rev-parse", "--short=7", "HEAD"]
        # Without this check git would answer for a clone around the folder.
        told = subprocess.run(asked, capture_output=True, text=True) if (suite / ".git").exists() else None  # noqa: S603
    except OSError:
        told = None
    return told.stdout.strip() if told and told.returncode == 0 else suite.name


def keep(folder: Path, commit: str, dothi: str, outcomes: Iterable[Outcome]) -> None:
    """Write the outcomes of a whole group into its folder."""
    told = [asdict(one) | {"tags": sorted(one.tags)} for one in outcomes]
    note = {"commit": commit, "dothi": dothi, "day": date.today().isoformat(), "outcomes": told}
    (folder / NOTE).write_text(json.dumps(note, ensure_ascii=False, indent=1) + "\n")


def read_run(out: Path, order: Iterable[str]) -> Run:
    """The groups below `out`, in this order. ValueError when there are none, or of several commits."""
    groups: dict[str, list[Outcome]] = {}
    commits, versions, days = set(), set(), []
    for name in order:
        if (note := out / name / NOTE).is_file():
            told = json.loads(note.read_text())
            groups[name] = [Outcome(**one | {"tags": frozenset(one["tags"])}) for one in told["outcomes"]]
            commits.add(told["commit"])
            versions.add(told["dothi"])
            days.append(told["day"])
    if len(commits) != 1:
        raise ValueError(f"{out} holds groups of {len(commits)} commits of the suite; one is needed: {sorted(commits)}")
    return Run(commits.pop(), ", ".join(sorted(versions)), max(days), groups)
