"""What stands now, as tables beside the history: entities, and their attributes one by one."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from dothi.ground.clock import from_iso
from dothi.hub.model import RECORDS, VALUE_KEY, Entity, Instance, instances
from dothi.hub.store import codec
from dothi.hub.store.port import Store

_AT_ONCE = 10_000  # Rows gathered before they become columns.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_WHEN = pa.timestamp("us")
ENTITIES = pa.schema(
    [
        ("tenant", pa.string()),
        ("id", pa.string()),
        ("type", pa.string()),
        ("unit", pa.string()),
        ("created_at", _WHEN),
        ("modified_at", _WHEN),
        ("version", pa.int64()),
        ("attributes", pa.string()),
    ]
)
ATTRIBUTES = pa.schema(
    [
        ("tenant", pa.string()),
        ("entity", pa.string()),
        ("type", pa.string()),
        ("attribute", pa.string()),
        ("dataset", pa.string()),
        ("value", pa.float64()),
        ("text", pa.string()),
        ("moment", _WHEN),
        ("observed_at", _WHEN),
    ]
)


def entities(store: Store, zone: str) -> pa.Table:
    """Every living entity of every tenant."""
    city = ZoneInfo(zone)
    rows = (
        {
            "tenant": tenant,
            "id": one.id,
            "type": ",".join(one.types),
            "unit": unit if isinstance(unit := one.value("unit"), str) else None,
            "created_at": _local(one.created_at, city),
            "modified_at": _local(one.modified_at, city),
            "version": one.version,
            "attributes": msgspec.json.encode(one.attrs).decode(),
        }
        for tenant, one in _living(store)
    )
    return _table(rows, ENTITIES)


def attributes(store: Store, zone: str) -> pa.Table:
    """Every instance of every attribute of every living entity."""
    city = ZoneInfo(zone)
    rows = (
        {
            "tenant": tenant,
            "entity": one.id,
            "type": ",".join(one.types),
            "attribute": name,
            "dataset": instance.get("datasetId"),
            **_told(instance, city),
        }
        for tenant, one in _living(store)
        for name, attribute in one.attrs.items()
        for instance in instances(attribute)
    )
    return _table(rows, ATTRIBUTES)


def _living(store: Store) -> Iterator[tuple[str, Entity]]:
    for tenant in store.tenants():
        tid = store.tenant(tenant)
        if tid is None or tenant.endswith(RECORDS):
            continue
        for kind in store.kinds(tid):
            for _, head in store.scan(tid, kind):
                if head.doc is not None:
                    yield tenant, codec.entity_of(head.doc, head.created, head.modified, head.version)


def _told(instance: Instance, city: ZoneInfo) -> dict[str, Any]:
    value = instance.get(VALUE_KEY.get(instance.get("type", "Property"), "value"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        number, text = float(value), None
    else:
        number, text = None, value if isinstance(value, str) else msgspec.json.encode(value).decode()
    moment = _local(from_iso(text), city) if text is not None and _TIME.fullmatch(text) else None
    observed = instance.get("observedAt")
    seen = _local(from_iso(observed), city) if observed else None
    return {"value": number, "text": text, "moment": moment, "observed_at": seen}


def _local(at: int, city: ZoneInfo) -> datetime:
    """An instant (µs) on the city's clock, without a zone."""
    return (
        datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(city).replace(microsecond=at % 1_000_000, tzinfo=None)
    )


def _table(rows: Iterator[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    batches, some = [], []
    for row in rows:
        some.append(row)
        if len(some) == _AT_ONCE:
            batches.append(pa.RecordBatch.from_pylist(some, schema=schema))
            some = []
    return pa.Table.from_batches([*batches, pa.RecordBatch.from_pylist(some, schema=schema)], schema=schema)
