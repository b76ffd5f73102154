"""The published vocabulary: the types and attributes that modules share through the hub, by house name.

All names stand in NGSI-LD's default vocabulary or its core context, so that a client without any @context of its
own reads and writes the same names. Field names follow smart-data-models where a model exists. One file for each
owner; the nouns of all are `NOUNS`.
"""

from dothi.hub.vocabulary import citizens, common, evidence, operations, programme
from dothi.hub.vocabulary.noun import ACT as ACT
from dothi.hub.vocabulary.noun import PLACE as PLACE
from dothi.hub.vocabulary.noun import Noun as Noun

NOUNS: dict[str, Noun] = {
    **common.NOUNS,
    **operations.NOUNS,
    **citizens.NOUNS,
    **programme.NOUNS,
    **evidence.NOUNS,
}

PERSONAL = frozenset({"Person"})  # Generic types that are of people, by any source.


def of_people(types: tuple[str, ...]) -> bool:
    """Whether what is written of an entity of these types may be of people.

    It may where a module owns the noun, since verbs over it are acts of people, and in the hub's records of others
    outside ("dothi:…"). Readings and other generic nouns are of things.
    """
    return any(kind in PERSONAL or kind.startswith("dothi:") or _owned(kind) for kind in types)


def _owned(kind: str) -> bool:
    noun = NOUNS.get(kind)
    return noun is not None and noun.owner is not None
