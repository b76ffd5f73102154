"""Names of units: kinds in Vietnamese and English, and the English name of a Vietnamese one."""

import unicodedata

from dothi.ground.text import nfc
from dothi.territory.model import PROVINCE, Kind

KIND_EN = {
    Kind.PROVINCE: "Province",
    Kind.CITY: "City",
    Kind.COMMUNE: "Commune",
    Kind.WARD: "Ward",
    Kind.SPECIAL_ZONE: "Special Zone",
    Kind.URBAN_DISTRICT: "District",
    Kind.RURAL_DISTRICT: "District",
    Kind.TOWN: "Town",
    Kind.TOWNSHIP: "Township",
}
USUAL_EN = {"Hà Nội": "Hanoi"}  # English has a spelling of its own; every other name only loses its marks.


def kind_of(name: str) -> Kind:
    """The kind that a full name begins with; ValueError when it begins with none."""
    small = nfc(name).lower()
    for kind in Kind:
        if small.startswith(f"{kind} "):
            return kind
    raise ValueError(f"{name!r} does not begin with a kind of unit ({', '.join(Kind)})")


def capitalised(name: str) -> str:
    """A full name with a capital first letter, as it stands in a document."""
    clean = " ".join(nfc(name).split())
    return clean[:1].upper() + clean[1:]


def english(name: str, kind: Kind, level: str) -> str:
    """The English of a full name: "Thuan Hoa Ward", "Ward 1"; provinces too carry their kind ("Ca Mau Province")."""
    bare = name[len(kind) :].strip()
    plain = USUAL_EN.get(bare, unmarked(bare)) if level == PROVINCE else unmarked(bare)
    return f"{KIND_EN[kind]} {plain}" if plain.isdecimal() else f"{plain} {KIND_EN[kind]}"


def unmarked(text: str) -> str:
    """The text without marks, in its own capitals: Đắk Lắk becomes Dak Lak."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in bare if not unicodedata.combining(char))
