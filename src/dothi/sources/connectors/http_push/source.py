"""Rows from the body of a request: its content type says how it is read, the source's mapping what it means."""

import hashlib
import io
from collections.abc import AsyncIterator

from dothi.ground.errors import Invalid
from dothi.sources.connectors.files.source import deliveries
from dothi.sources.model import Delivery, Job

FORMATS = {  # Content type → the formats of mapping that read it.
    "text/csv": {"csv"},
    "application/csv": {"csv"},
    "application/geo+json": {"geojson"},
    "application/ld+json": {"ngsi-ld"},
    "application/json": {"json", "geojson", "ngsi-ld"},
    "application/octet-stream": {"csv", "json", "geojson", "ngsi-ld"},
}


async def rows(job: Job) -> AsyncIterator[Delivery]:
    """The rows of one body; rows that carry their own time are recognised when the same body comes twice."""
    kind = job.content_type.partition(";")[0].strip().lower() or "application/octet-stream"
    wanted = FORMATS.get(kind)
    if wanted is None:
        raise Invalid(f"Content type {kind} is not taken; send one of {', '.join(FORMATS)}.")
    if job.mapping.format not in wanted:
        raise Invalid(f"{kind} does not go with mapping {job.mapping.name}, which reads {job.mapping.format}.")
    key = None
    if job.key:
        key = f"push:{job.source}:{job.key}"
    elif job.mapping.timed:
        key = f"push:{job.source}:{job.mapping.digest[:16]}:{hashlib.sha256(job.body).hexdigest()}"
    for delivery in deliveries(io.BytesIO(job.body), job.mapping, job.name, key):
        yield delivery
