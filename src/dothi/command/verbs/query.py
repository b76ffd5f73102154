"""`dothi query`: one SELECT over history and present, for whoever may read the data folder; nothing is written."""

import argparse
import asyncio
import csv
import io
import json
import os
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from dothi.command.verbs.saying import say
from dothi.evidence.definitions import indicator
from dothi.evidence.model import COUNTRY, SYSTEM, Kind, parse_period, period_of
from dothi.evidence.reading import counted
from dothi.evidence.service import open_evidence
from dothi.ground.clock import SECOND, now_us
from dothi.ground.errors import Invalid, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.read.past.face import Face
from dothi.hub.store.cold.archive import Archive
from dothi.hub.store.cold.place import Place
from dothi.hub.store.opening import open_store
from dothi.hub.store.query import asking
from dothi.hub.store.query.measuring import slots_text
from dothi.hub.store.query.views import VIEWS
from dothi.settings import Settings
from dothi.sources.mapping.durations import seconds_of
from dothi.territory import Territory

WIDEST = 60  # Characters of a cell in a table for people.


def query(given: argparse.Namespace, settings: Settings) -> None:
    """Answer, or without SQL tell what can be asked for."""
    if not (given.sql or given.indicator):
        say(_described())
        return
    if given.sql and given.indicator:
        raise Invalid("Give a SELECT or --indicator, not both.")
    if not settings.store and not (settings.data / "hub" / "hub.db").is_file():
        raise Missing(f"There is no city in {settings.data}: name its data folder with --data.")
    found = _figure(given, settings) if given.indicator else _answered(given, settings)
    text = FORMATS[given.format](found)
    if given.out:
        _write(Path(given.out), text)
        say(f"{found.num_rows:,} rows in {given.out}", quiet=True)
    else:
        say(text.rstrip("\n"))


def _means(given: argparse.Namespace, settings: Settings, storage: Any) -> asking.Means:
    return asking.Means(settings.timezone, given.engine, given.master or "", storage)


def _figure(given: argparse.Namespace, settings: Settings) -> pa.Table:
    """What an indicator's mean is in a period by its own question to the history, on any engine.

    Invalid for an indicator that is no mean of readings.
    """
    folder, archive = settings.data / "hub", settings.archive
    hub = Hub(folder, Open(), settings.store, worker=f"query{os.getpid()}", archive=archive)
    try:
        evidence = open_evidence(hub, Territory.load(), settings.unit or COUNTRY)
        found = indicator(evidence, SYSTEM, given.indicator)
        formula, now = found.formula, now_us()
        if formula.kind is not Kind.MEAN:
            raise Invalid(f"{given.indicator} is a {formula.kind.value}: only means are asked of the history.")
        period = parse_period(found.period, given.period) if given.period else period_of(found.period, now)
        store, past = hub.measuring.sources()
        heads = store.heads(store.tenant("") or 0, counted(evidence, found, period, now), docs=False)
        chosen = pa.table({"eid": pa.array(sorted(one.eid for one in heads.values()), pa.int64())})
        slot = int(seconds_of(formula.slot) * SECOND) if formula.slot else 0
        sql = slots_text(formula.attribute, period.start, period.end, slot)
        means = _means(given, settings, hub.archive.place.storage)
        return asking.answer(store, past, sql, means, {"chosen": chosen})
    finally:
        asyncio.run(hub.close())


def _answered(given: argparse.Namespace, settings: Settings) -> pa.Table:
    """The answer of one moment: what other processes write meanwhile is not in it."""
    sql = Path(given.sql[1:]).read_text("utf-8") if given.sql.startswith("@") else given.sql
    folder = settings.data / "hub"
    store = open_store(folder, settings.store, follows=True)
    archive = Archive(Place(settings.archive or str(folder / "archive")), store)
    store.older = archive
    try:
        means = _means(given, settings, archive.place.storage)
        return asking.answer(store, Face(store, archive).past(), sql, means)
    finally:
        archive.close()
        store.close()


def _described() -> str:
    lines = ["Views and their columns; examples in docs/howto/query.md.", ""]
    for name, columns in VIEWS.items():
        lines += [name, *(f"  {one.name:<14}{one.kind:<11}{one.sentence}" for one in columns), ""]
    return "\n".join(lines)


def _write(file: Path, text: str) -> None:
    """The whole file or nothing of it."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(text, "utf-8")
    os.replace(part, file)


def as_table(found: pa.Table) -> str:
    """For people: columns side by side, numbers to the right."""
    rows = [[_cell(one)[:WIDEST] for one in row.values()] for row in found.to_pylist()]
    widths = [max(map(len, column)) for column in zip(found.column_names, *rows, strict=True)]
    right = [pa.types.is_integer(one.type) or pa.types.is_floating(one.type) for one in found.schema]
    lines = [found.column_names, ["-" * width for width in widths], *rows]
    told = ["  ".join(_fit(*one) for one in zip(line, widths, right, strict=True)).rstrip() for line in lines]
    return "\n".join([*told, f"({found.num_rows:,} {'row' if found.num_rows == 1 else 'rows'})"]) + "\n"


def _fit(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return re.sub(r"\s+", " ", str(_plain(value)))


def as_csv(found: pa.Table) -> str:
    """RFC 4180 with a line of names; nothing for NULL."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(found.column_names)
    writer.writerows([_plain(one) for one in row.values()] for row in found.to_pylist())
    return out.getvalue()


def as_json(found: pa.Table) -> str:
    """An array of objects."""
    rows = [{name: _plain(one) for name, one in row.items()} for row in found.to_pylist()]
    return json.dumps(rows, ensure_ascii=False, indent=1, default=str) + "\n"


def _plain(value: Any) -> Any:
    """Times as ISO 8601 on the city's clock, numbers that JSON has no word for as nothing."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):  # A sum of whole numbers.
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


FORMATS: dict[str, Callable[[pa.Table], str]] = {"table": as_table, "csv": as_csv, "json": as_json}
