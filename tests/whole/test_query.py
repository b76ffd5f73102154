"""`dothi query` on a data folder, beside the process that serves it: what it answers, and what it refuses."""

import asyncio
import csv
import io
import json
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dothi.cli import main
from dothi.ground.clock import DAY, HOUR, from_iso, iso
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Change, Commit, Op, amend, create, prop, system
from dothi.hub.store.cold.sealing import Policy

START = from_iso("2026-03-01T00:00:00Z")
ACTOR = system("test")
Result = TypeVar("Result")


def aside(work: Coroutine[Any, Any, Result]) -> Result:
    """What comes of it, in a loop of its own: the browser of other tests may hold this thread's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def made(folder: Path, seal: bool) -> Hub:
    """A city with two stations that told three days, and reports answered late and in time; then sealed or not."""
    hub = Hub(folder / "hub", Open())
    stations = [f"urn:ngsi-ld:Station:{n}" for n in (1, 2)]
    await hub.commit(
        Commit(ACTOR, tuple(create(one, "AirQualityObserved", pm25=prop(1, iso(START))) for one in stations), "begin")
    )
    for hour in range(1, 72):
        told = tuple(
            amend(one, pm25=prop(hour / 8, iso(START + hour * HOUR)), noise=prop(50 + hour % 24)) for one in stations
        )
        await hub.commit(Commit(ACTOR, told, "readings"))
    reports = [
        create(
            f"urn:ngsi-ld:CitizenReport:{n}",
            "CitizenReport",
            unit=prop("19783" if n < 3 else "19786"),
            open=prop(False),
            onTime=prop(n % 2 == 0),
            closedAt=prop(iso(START + n * DAY)),
        )
        for n in range(1, 5)
    ]
    await hub.commit(Commit(ACTOR, tuple(reports), "reports"))
    await hub.commit(Commit(ACTOR, (Change(Op.DELETE, stations[1]),), "gone"))
    if seal:
        await sealed(hub)
    return hub


async def sealed(hub: Hub) -> None:
    """Everything of the hot log is sealed."""
    keeping = asyncio.create_task(hub.keep_sealed(Policy(hours=0.0, most=0)))
    while hub.archive.seal().until < hub.last_seq():
        await asyncio.sleep(0.05)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


@pytest.fixture(scope="module", params=[False, True], ids=["hot", "sealed"])
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder that another owner has open all the while."""
    folder = tmp_path_factory.mktemp("city")
    hub = aside(made(folder, request.param))
    yield folder
    aside(hub.close())


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that nobody has open."""
    folder = tmp_path_factory.mktemp("hot")
    hub = aside(made(folder, seal=False))
    aside(hub.close())
    return folder


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, output and error output of a command."""
    code = main(["query", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_history_is_answered_in_three_formats(city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The daily mean is the same as a table, as CSV and as JSON; a file gets the same text."""
    sql = (
        "SELECT CAST(observed_at AS DATE) AS d, avg(value) AS mean, count(*) AS n FROM readings"
        " WHERE attribute = 'pm25' GROUP BY 1 ORDER BY 1"
    )
    data = ("--data", str(city))
    code, out, _ = asked(capsys, *data, sql, "--format", "json")
    assert code == 0
    rows = json.loads(out)
    assert [(row["d"], row["n"]) for row in rows] == [
        ("2026-03-01", 34),
        ("2026-03-02", 48),
        ("2026-03-03", 48),
        ("2026-03-04", 14),
    ]
    assert rows[1]["mean"] == sum(hour / 8 for hour in range(17, 41)) / 24
    _, text, _ = asked(capsys, *data, sql, "--format", "csv")
    assert [row["d"] for row in csv.DictReader(io.StringIO(text))] == [row["d"] for row in rows]
    _, table, _ = asked(capsys, *data, sql)
    assert table.splitlines()[0].split() == ["d", "mean", "n"]
    assert table.rstrip().endswith("(4 rows)")
    file = tmp_path / "out.csv"
    assert asked(capsys, *data, sql, "--format", "csv", "--out", str(file))[0] == 0
    assert file.read_text("utf-8").split() == text.split()


def test_the_examples_of_the_howto_have_answers(
    city: Path, repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Every example of docs/howto/query.md is let in and answered; reports closed in time are counted by ward."""
    text = (repository / "docs/howto/query.md").read_text("utf-8")
    examples = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 5
    answers = []
    for number, sql in enumerate(examples):
        file = tmp_path / f"{number}.sql"
        file.write_text(sql, "utf-8")
        code, out, err = asked(capsys, "--data", str(city), f"@{file}", "--format", "json")
        assert code == 0, err
        answers.append(json.loads(out))
    by_ward = next(rows for rows in answers if rows and "phuong" in rows[0])
    assert [(row["phuong"], row["da_tra_loi"], row["dung_han"]) for row in by_ward] == [
        ("19783", 2, 1),
        ("19786", 2, 1),
    ]
    who = next(rows for rows in answers if rows and "actor" in rows[0])
    assert {row["actor"] for row in who} == {"system:test"}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nope FROM readings", "nope"),
        ("COPY readings TO 'out.csv'", "COPY"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("ATTACH 'hub.db'", "ATTACH"),
        ("SELEC", "syntax error"),
        ("SELECT CAST('x' AS INTEGER) FROM readings", "x"),
    ],
)
def test_what_is_wrong_or_writes_is_one_sentence(
    sql: str, said: str, hot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal is exit code 1 and one line that names what is wrong; no file appears."""
    before = {path.name for path in hot.rglob("*")}
    code, out, err = asked(capsys, "--data", str(hot), sql)
    assert (code, out) == (1, "")
    assert err.startswith("dothi: ")
    assert err.count("\n") == 1
    assert said in err
    assert {path.name for path in hot.rglob("*")} - before <= {"hub.db-shm", "hub.db-wal"}


def test_without_a_city_one_sentence_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that holds no city is named, and nothing is made in it."""
    code, _, err = asked(capsys, "--data", str(tmp_path / "none"), "SELECT 1")
    assert code == 1
    assert "no city" in err
    assert not (tmp_path / "none").exists()


def test_without_sql_the_views_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The bare command lists every view with its columns."""
    code, out, _ = asked(capsys)
    assert code == 0
    assert {"readings", "commits", "changes", "entities", "attributes"} <= set(out.split())
