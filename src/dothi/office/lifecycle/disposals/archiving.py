"""An archive is an open package: NGSI-LD as JSON lines, Parquet, the files, and a manifest with hashes of all of it.

It lies in a folder or an S3-compatible store. Its parts are written before anything leaves; written again after a
crash they are the same. The record says where it is; `read` checks every hash and brings it back to be read.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.core import Hub
from dothi.hub.model import Entity, Event, instance_value, instances
from dothi.office.lifecycle.model import SYSTEM, LifeCycle, Proposal

CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
MANIFEST = "manifest.json"
_COLUMNS = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("id", "type", "attribute", "dataset", "observedAt", "knownAt")),
        pa.field("number", pa.float64()),
        pa.field("text", pa.string()),
    ]
)


@dataclass(frozen=True)
class Package:
    """A package while it is filled."""

    system: Any  # fsspec's file system.
    folder: str
    place: str  # As people write it.

    def put(self, name: str, content: bytes) -> None:
        """Write one file of the package; the same again changes nothing."""
        path = f"{self.folder}/{name}"
        self.system.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self.system.open(path, "wb") as out:
            out.write(content)

    def keep_things(self, hub: Hub, step: int, entities: Sequence[Entity]) -> None:
        """The things of a step: as they stand, and all that is remembered of them."""
        rows: list[dict[str, Any]] = []
        past: list[dict[str, Any]] = []
        for entity in entities:
            history = hub.history(SYSTEM, entity.id)
            past.append({"id": entity.id, "type": _types(entity), **history, "@context": CONTEXT})
            rows += _rows(entity, history)
        self.put(f"entities/{step:06}.jsonl", _lines(map(_normalized, entities)))
        self.put(f"temporal/{step:06}.jsonl", _lines(past))
        self.put(f"history/{step:06}.parquet", _parquet(rows))

    def keep_entries(self, upto: int, bodies: Iterable[bytes]) -> None:
        """What entries of the log said, up to a position, before they are thinned."""
        docs = [json.loads(body) for body in bodies]
        self.put(f"log/{upto:012}.jsonl", _lines(docs))
        self.put(f"history/log-{upto:012}.parquet", _parquet([row for doc in docs for row in _entry_rows(doc)]))

    def keep_events(self, name: str, lines: Iterable[bytes]) -> None:
        """The events of a lane; what is personal in them stays sealed."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        self.put(f"events/{digest}.jsonl", b"".join(line + b"\n" for line in lines))

    def keep_file(self, hub: Hub, digest: str) -> None:
        """A kept file, under its hash."""
        try:
            self.put(f"files/{digest}", hub.read_file(digest))
        except Missing:
            return  # A crash came after it was kept and removed here.

    def close(self, one: Proposal) -> tuple[str, str]:
        """Write the manifest over all parts; (where it is, SHA-256 of the manifest)."""
        listed = sorted(path for path in self.system.find(self.folder) if not path.endswith(MANIFEST))
        parts = {path[len(self.folder) :].lstrip("/"): self._fact(path) for path in listed}
        told = {
            "format": "dothi archive 1",
            "proposal": one.id,
            "class": one.data_class,
            "unit": one.unit,
            "asOf": one.as_of,
            "proposedBy": one.proposed_by,
            "approvedBy": one.decided_by,
            "writtenAt": iso(now_us()),
            "parts": parts,
        }
        content = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True).encode()
        self.put(MANIFEST, content)
        return self.place, hashlib.sha256(content).hexdigest()

    def _fact(self, path: str) -> dict[str, Any]:
        content = self.system.cat_file(path)
        return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def open_package(life: LifeCycle, one: Proposal) -> Package:
    """The package of a proposal, begun or found again."""
    home = life.archive or (f"{life.folder}/archives" if life.folder else "")
    if not home:
        raise Invalid("No folder for archives is set: set one before data are archived.")
    place = f"{home.rstrip('/')}/{one.data_class}-{one.as_of[:10]}-{one.id.rpartition(':')[2][:12]}"
    system, folder = fsspec.core.url_to_fs(place)
    return Package(system, folder, place)


def read(place: str, manifest: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the parts of a package, each checked by its hash. Conflict when one was changed or is gone."""
    system, folder = fsspec.core.url_to_fs(place)
    try:
        content = system.cat_file(f"{folder}/{MANIFEST}")
    except FileNotFoundError as cause:
        raise Missing(f"There is no package at {place}: put it back where it was, or set its folder.") from cause
    if hashlib.sha256(content).hexdigest() != manifest:
        raise Conflict(f"The manifest at {place} is not the one of the record: it was changed.")
    for name, fact in json.loads(content)["parts"].items():
        part = system.cat_file(f"{folder}/{name}")
        if hashlib.sha256(part).hexdigest() != fact["sha256"]:
            raise Conflict(f"{name} at {place} was changed: its hash is not that of the manifest.")
        yield name, part


def event_line(event: Event) -> bytes:
    """An event as a line of JSON; what is sealed stays so, as base64."""
    return msgspec.json.encode(event)


def _types(entity: Entity) -> str | list[str]:
    return entity.types[0] if len(entity.types) == 1 else list(entity.types)


def _normalized(entity: Entity) -> dict[str, Any]:
    scope = {"scope": list(entity.scope)} if entity.scope else {}
    times = {"createdAt": iso(entity.created_at), "modifiedAt": iso(entity.modified_at)}
    return {"id": entity.id, "type": _types(entity), **scope, **times, **entity.attrs, "@context": CONTEXT}


def _rows(entity: Entity, history: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for name, told in history.items():
        for instance in told:
            yield _row(entity.id, entity.types[0], name, instance)


def _entry_rows(doc: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in ("attrs", "late"):
        for name, attribute in doc.get(part, {}).items():
            for instance in instances(attribute):
                yield _row(doc["id"], doc["type"][0], name, instance)


def _row(entity_id: str, kind: str, name: str, instance: dict[str, Any]) -> dict[str, Any]:
    value = instance_value(instance)
    number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    text = None if number is not None else (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    known = instance.get("createdAt")
    return {
        **{"id": entity_id, "type": kind, "attribute": name, "dataset": instance.get("datasetId")},
        **{"observedAt": instance.get("observedAt"), "knownAt": known, "number": number, "text": text},
    }


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=_COLUMNS), out, compression="zstd")
    return out.getvalue()


def _lines(rows: Iterable[Any]) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
