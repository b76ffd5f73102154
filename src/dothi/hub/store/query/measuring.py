"""The text of a measure: the one place where questions of modules, indicators and the API become SQL.

Only words that mean the same in both engines are used: date_trunc, avg, sum, min, max, count, max_by, percentile_cont,
stddev_pop, % on whole numbers, FILTER. A text reads from `readings` and, where entities are chosen, from
`chosen` (eid, grp).
"""

from collections.abc import Sequence

from dothi.hub.language.measure import ANY, USUAL, Measure
from dothi.hub.store.query.views import quoted

FEW = 50  # So many entities are named in the text itself, which finds their place in sorted files.
_METHODS = {
    "mean": "avg(value)",
    "sum": "sum(value)",
    "min": "min(value)",
    "max": "max(value)",
    "count": "count(value)",
    "last": "max_by(value, observed) FILTER (WHERE value IS NOT NULL)",
    "median": "percentile_cont(0.5) WITHIN GROUP (ORDER BY value)",
    "deviation": "stddev_pop(value)",
}


AGGREGATES = {  # The methods of GS CIM 009 clause 4.5.19 over numbers.
    "totalCount": "count(*)",
    "distinctCount": "count(DISTINCT value)",
    "sum": "sum(value)",
    "avg": "avg(value)",
    "min": "min(value)",
    "max": "max(value)",
    "stddev": "stddev_pop(value)",
    "sumsq": "sum(value * value)",
}


def nameable(name: str) -> bool:
    """Whether both engines read a word in quotation marks alike."""
    return "'" not in name and "\\" not in name and name.isprintable()


def method(name: str) -> str:
    """The SQL of a method."""
    return _METHODS.get(name) or f"percentile_cont({int(name[1:]) / 100}) WITHIN GROUP (ORDER BY value)"


def text(measure: Measure, ids: Sequence[str] | None, chosen: bool, alone: bool = False) -> str:
    """The question whose rows are (group, step, count, a value for each method).

    `ids`: the only entities that count, named in the text; `chosen`: only entities of the table `chosen` count.
    `alone`: no other tenant has entities of these ids.
    """
    grouped = "" if not measure.by else "entity" if measure.by == "entity" else "grp"
    stepped = f"date_trunc({quoted(measure.step)}, observed_at)" if measure.step else ""
    keys = [key for key in (grouped, stepped) if key]
    told = [
        f"{grouped or 'NULL'} AS grp",
        f"{stepped or 'NULL'} AS step",
        "count(value) AS numbers",
        *(f"{method(name)} AS m{place}" for place, name in enumerate(measure.methods)),
    ]
    return _statement(told, _source(grouped, chosen), _conditions(measure, ids)[alone:], keys)


def steps_text(
    entity: str, attributes: Sequence[str], columns: Sequence[str], start: int, length: int, tenant: str = ""
) -> str:
    """The question of equal steps of one entity, counted from an instant (µs); a length of 0: all in one step.

    Rows are (attribute, dataset, first µs of the step, last µs told, told, numbers, whole numbers, each of `columns`).
    """
    step = f"observed - (observed - {start}) % {length}" if length else "0"
    told = [
        "attribute",
        "dataset",
        f"{step} AS step",
        "max(observed) AS latest",
        "count(*) AS told",
        "count(value) AS numbers",
        "count(*) FILTER (WHERE whole) AS wholes",
        *(f"{column} AS m{place}" for place, column in enumerate(columns)),
    ]
    conditions = [f"tenant = {quoted(tenant)}", f"entity = {quoted(entity)}", "stated"]
    if attributes:
        conditions.append(f"attribute IN ({', '.join(map(quoted, attributes))})")
    keys = ["attribute", "dataset", *([step] if length else [])]
    return f"SELECT {', '.join(told)} FROM readings WHERE {' AND '.join(conditions)} GROUP BY {', '.join(keys)}"


def slots_text(attribute: str, start: int, end: int, slot: int, tenant: str = "") -> str:
    """The question of an indicator's mean: over the slots of the entities in `chosen` of the mean in each slot.

    Of several values for one instant the one known last counts. `slot` in µs; 0: each reading for itself. One row:
    value, numerator (the sum over slots), denominator (how many), readings.
    """
    step = f"observed - (observed - {start}) % {max(slot, 1)}"
    one = "entity, coalesce(dataset, ''), observed"
    rows = (
        "SELECT entity, observed, max_by(value, seq) AS value FROM readings"
        " WHERE eid IN (SELECT eid FROM chosen)"
        f" AND tenant = {quoted(tenant)} AND attribute = {quoted(attribute)}"
        f" AND stated AND value IS NOT NULL AND observed >= {start} AND observed < {end} GROUP BY {one}"
    )
    slots = (
        f"SELECT avg(value) AS mean, count(*) AS readings FROM ({rows}) AS told GROUP BY entity, {step}"
        if slot
        else f"SELECT value AS mean, 1 AS readings FROM ({rows}) AS told"
    )
    return (
        "SELECT avg(mean) AS value, sum(mean) AS numerator, count(*) AS denominator,"
        " CAST(sum(readings) AS BIGINT) AS readings"
        f" FROM ({slots}) AS slots"
    )


def who(measure: Measure) -> str:
    """The question which entities have a reading at all."""
    return f"SELECT DISTINCT eid FROM readings WHERE {' AND '.join(_conditions(measure, None))}"


def _source(grouped: str, chosen: bool) -> str:
    if grouped == "grp":
        return "readings JOIN chosen USING (eid)"
    return "readings WHERE eid IN (SELECT eid FROM chosen)" if chosen else "readings"


def _statement(told: Sequence[str], source: str, conditions: Sequence[str], keys: Sequence[str]) -> str:
    joint = " AND " if " WHERE " in source else " WHERE "
    grouped = f" GROUP BY {', '.join(keys)}" if keys else ""
    return f"SELECT {', '.join(told)} FROM {source}{joint}{' AND '.join(conditions)}{grouped} HAVING count(value) > 0"


def _conditions(measure: Measure, ids: Sequence[str] | None) -> list[str]:
    found = [f"tenant = {quoted(measure.entities.tenant)}", f"attribute = {quoted(measure.attribute)}"]
    if ids is not None:
        named = ", ".join(map(quoted, ids))
        found.append(f"entity = {named}" if len(ids) == 1 else f"entity IN ({named})")
    if measure.dataset == USUAL:
        found.append("dataset IS NULL")
    elif measure.dataset != ANY:
        found.append(f"dataset = {quoted(measure.dataset)}")
    return found
