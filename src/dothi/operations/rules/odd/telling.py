"""An odd value told to the duty officer as a suggestion, with reasons that anybody can check against the chart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dothi.ground.clock import VIETNAM, to_datetime
from dothi.hub.model import Entity
from dothi.operations.incidents.suggestions import ANOMALY, NewSuggestion, suggest
from dothi.operations.model import Operations
from dothi.operations.rules.odd.memory import Odd
from dothi.operations.rules.odd.watching import Watch

_SWAPPED = str.maketrans(",.", ".,")  # 1,234.5 as Vietnamese write it.
_SENTENCES = (
    {
        "vi": "Đo được {value}{unit} lúc {when}; giờ này thường là {usual}{unit} (trung vị của {of} số đo trước đó).",
        "en": "{value}{unit} at {when}; usual at this hour is {usual}{unit} (median of {of} values before).",
    },
    {
        "vi": "Lệch {away}{unit}, bằng {times} lần độ lệch chuẩn {deviation}{unit}; gợi ý từ {wanted} lần trở lên.",
        "en": "Away by {away}{unit}, {times} standard deviations of {deviation}{unit}; told from {wanted} on.",
    },
)


@dataclass(frozen=True)
class Found:
    """A value that is odd enough to be told."""

    watch: Watch
    entity: Entity
    at: int  # µs
    value: float
    odd: Odd


async def tell(operations: Operations, found: Found) -> str | None:
    """Suggest it to the duty officer of the entity's unit; None when it was suggested before."""
    entity, row = found.entity, found.watch
    place, unit = entity.value("location"), entity.value("unit", "") or ""
    point = place["coordinates"] if isinstance(place, Mapping) and place.get("type") == "Point" else None
    new = NewSuggestion(
        kind=ANOMALY,
        cause=f"{entity.id} {row.attribute} {found.at}",
        title={language: f"{word}: {_called(entity, language)}" for language, word in row.name.items()},
        reasons=tuple(reasons(found)),
        sources=(entity.id,),
        unit=unit,
        place=(point[0], point[1]) if point else None,
        simulated=bool(entity.value("simulated", False)),
    )
    return await suggest(operations, new)


def _called(entity: Entity, language: str) -> str:
    name = entity.value("name") or entity.id.rpartition(":")[2]
    return str(name.get(language) or next(iter(name.values()))) if isinstance(name, Mapping) else str(name)


def reasons(found: Found) -> Iterator[dict[str, str]]:
    """Why, in two sentences by language: the value beside what is usual, and how far that is."""
    odd, row = found.odd, found.watch
    numbers = {
        "value": found.value,
        "usual": odd.usual,
        "away": found.value - odd.usual,
        "deviation": odd.deviation,
        "times": abs(odd.times),
        "wanted": row.sensitivity,
    }
    written = {name: f"{one:,.3g}" if abs(one) < 1000 else f"{one:,.0f}" for name, one in numbers.items()}
    more = {
        "when": to_datetime(found.at).astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y"),
        "of": odd.of,
        "unit": f" {row.written}" if row.written else "",
    }
    swapped = {name: one.translate(_SWAPPED) for name, one in written.items()}
    for one in _SENTENCES:
        yield {"vi": one["vi"].format(**swapped, **more), "en": one["en"].format(**written, **more)}
