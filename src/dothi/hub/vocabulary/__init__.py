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
