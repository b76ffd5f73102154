"""How an answer is to look: names, form, which members, which language, which datasets."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from dothi.ground.errors import Invalid
from dothi.hub.context import CORE, Names
from dothi.hub.model import Attribute, Entity, Instance, instances
from dothi.hub.render.instance import NO_DATASET

Form = Literal["normalized", "concise", "simplified"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a client asked to see. All names are house names; None means no restriction."""

    names: Names = CORE
    form: Form = "normalized"
    sys_attrs: bool = False
    attrs: frozenset[str] | None = None  # Only these attributes; id, type and scope stay (clause 5.7.1).
    pick: frozenset[str] | None = None  # Only these members, id, type and scope among them (clause 4.21).
    omit: frozenset[str] = frozenset()
    languages: tuple[str, ...] | None = None  # Ranked, "*" for any; None leaves language maps whole (clause 4.15).
    datasets: frozenset[str] | None = None  # Only instances of these; "@none" is the default one (clause 4.5.5).
    geometry: str = "location"  # The GeoProperty that becomes a Feature's geometry (clause 4.5.16.1).
    linked: tuple[tuple[str, "Shape"], ...] = ()  # How entities look to which these attributes lead (clause 4.21).

    def behind(self, name: str) -> "Shape":
        """How the entities look to which attribute `name` leads: whole, where nothing is said of their members."""
        special = next((shape for relation, shape in self.linked if relation == name), None)
        return special or replace(self, attrs=None, pick=None, omit=frozenset(), linked=())

    def visible(self, attrs: Iterable[str]) -> set[str]:
        """Those of the attributes that are shown."""
        return {name for name in attrs if _wanted(name, self)}

    def shows(self, member: str) -> bool:
        """Whether the member id, type or scope is part of the answer."""
        return member not in self.omit and (self.pick is None or member in self.pick)


def chosen(entity: Entity, shape: Shape) -> dict[str, Attribute]:
    """The attributes of an entity that the shape shows, narrowed to its datasets."""
    return {
        name: kept
        for name, attribute in entity.attrs.items()
        if _wanted(name, shape) and (kept := _narrowed(attribute, shape.datasets))
    }


def _wanted(name: str, shape: Shape) -> bool:
    return shape.shows(name) and (shape.attrs is None or name in shape.attrs)


def _narrowed(attribute: Attribute, datasets: frozenset[str] | None) -> Attribute | None:
    if datasets is None:
        return attribute
    kept = [one for one in instances(attribute) if one.get("datasetId", NO_DATASET) in datasets]
    return (kept[0] if len(kept) == 1 else kept) if kept else None


def ranked_languages(text: str) -> tuple[str, ...]:
    """The languages of a filter such as "fr-CH,fr;q=0.9,*;q=0.5", best first. Invalid when it is no such filter."""
    ranked: list[tuple[float, str]] = []
    for part in text.split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            raise Invalid(f"lang holds {part.strip()[:40]!r}; it looks like vi,en;q=0.8.") from None
        if not tag:
            raise Invalid("lang holds an empty language; it looks like vi,en;q=0.8.")
        ranked.append((-quality, tag.strip().lower()))
    return tuple(tag for _, tag in sorted(ranked, key=lambda pair: pair[0]))


def best_language(available: Iterable[str], ranked: Iterable[str]) -> str:
    """The tag among `available` that serves best: the same, the same language, else the default or any."""
    tags = {tag.lower(): tag for tag in available}
    for wanted in ranked:
        if wanted == "*":
            break
        near = next((tag for tag in tags if tag.split("-")[0] == wanted.split("-")[0]), None)
        found = wanted if wanted in tags else near
        if found is not None:
            return tags[found]
    return tags.get(NO_DATASET) or next(iter(tags.values()))


def in_one_language(instance: Instance, languages: tuple[str, ...]) -> Instance:
    """A LanguageProperty as a Property with the best word and its `lang` (clause 4.15); others as they are."""
    words: dict[str, Any] | None = instance.get("languageMap")
    if instance.get("type") != "LanguageProperty" or not words:
        return instance
    tag = best_language(words, languages)
    kept = {key: value for key, value in instance.items() if key not in ("type", "languageMap")}
    return {"type": "Property", "value": words[tag], "lang": tag, **kept}
