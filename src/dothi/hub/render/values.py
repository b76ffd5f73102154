"""What may stand as the value of each kind of attribute (GS CIM 009 clauses 4.5.2, 4.5.3, 4.5.18, 4.5.20 to 4.5.24)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dothi.ground import geometry
from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid
from dothi.hub.context import CORE, Names, house_name
from dothi.hub.context.terms import is_term, is_uri

NULL = "urn:ngsi-ld:null"  # Stands for null, where a fragment may delete (clause 4.5.0).
NULL_WORDS = {"@none": NULL}
INTEGER_MAX = 2**63 - 1  # Larger whole numbers survive neither JSON clients nor stores.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d{1,6})?Z")
_LANGUAGE = re.compile(r"@none|[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a document is to be read; one for each request, since it remembers the moments it has checked."""

    names: Names = CORE
    nulls: bool = False  # NGSI-LD Null is allowed: updates and merges.
    deep_nulls: bool = False  # NGSI-LD Null is allowed inside values too: merges.
    valueless: bool = False  # An instance may lack its value: merges and partial updates.
    depth: int = 64  # Levels of nesting in a value, and of attributes in attributes.
    moments: set[str] = field(default_factory=set)  # Those found valid so far: a batch repeats them.

    def moment(self, text: object, where: str) -> None:
        """Invalid unless `text` is a DateTime in UTC (clause 4.6.3)."""
        if isinstance(text, str):
            if text in self.moments:
                return
            if is_moment(text):
                self.moments.add(text)
                return
        raise Invalid(f"{where} must be a DateTime in UTC such as 2026-11-22T07:30:00Z, not {shown(text)}.")


def is_moment(text: str) -> bool:
    """Whether `text` is a full ISO 8601 date-time in UTC, e.g. 2026-11-22T07:30:00.5Z."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        from_iso(text)
    except (ValueError, OverflowError):
        return False
    return True


def shown(value: object) -> str:
    """A value as an error message shows it: short."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def check_nesting(value: Any, reading: Reading, where: str) -> None:
    """Invalid when a value nests too deep, holds an absurd number, or a null that nobody allowed (clause 5.5.4)."""
    waiting = [(value, 0)]
    while waiting:
        part, level = waiting.pop()
        if isinstance(part, dict | list):
            if level >= reading.depth:
                raise Invalid(f"{where} nests more than {reading.depth} levels deep.")
            children = part.values() if isinstance(part, dict) else part
            waiting.extend((child, level + 1) for child in children)
        elif part == NULL and not (reading.deep_nulls or (reading.nulls and level == 0)):
            raise Invalid(f"{where} holds {NULL}, which only updates and merges may use (clause 5.5.4).")
        elif type(part) is int and abs(part) > INTEGER_MAX:
            raise Invalid(f"{where} holds the number {shown(part)}: larger than 64 bits. Send it as a string.")


def _any_value(value: Any, reading: Reading, where: str) -> Any:
    if value is None:
        raise Invalid(f"{where} is null; NGSI-LD has no null. Leave the attribute out, or use a JsonProperty.")
    check_nesting(value, reading, where)
    return value


def _geometry(value: Any, reading: Reading, where: str) -> Any:
    if value == NULL and reading.nulls:
        return value
    return geometry.check(value, where)


def _uri(value: Any, reading: Reading, where: str) -> str:
    if value == NULL and not reading.nulls:
        raise Invalid(f"{where} is {NULL}, which only updates and merges may use (clause 5.5.4).")
    if not is_uri(value):
        raise Invalid(f"{where} must be a URI such as urn:ngsi-ld:Sensor:7, not {shown(value)}.")
    return str(value)


def _uris(value: Any, reading: Reading, where: str) -> Any:
    if isinstance(value, list) and value:
        return [_uri(part, reading, f"{where}[{place}]") for place, part in enumerate(value)]
    return _uri(value, reading, where)


def _words(value: Any, reading: Reading, where: str) -> Any:
    if value == NULL_WORDS and reading.nulls:
        return value
    if not isinstance(value, dict) or not value:
        raise Invalid(f'{where} must be an object of texts by language, such as {{"vi": "Đèn"}}, not {shown(value)}.')
    for language, words in value.items():
        if not _LANGUAGE.fullmatch(language):
            raise Invalid(f"{where} has the key {shown(language)}, which is no language tag (RFC 5646) and not @none.")
        texts = words if isinstance(words, list) else [words]
        if not all(isinstance(text, str) for text in texts):
            raise Invalid(f"{where}.{language} must be a string or an array of strings, not {shown(words)}.")
        if NULL in texts and not reading.nulls:
            raise Invalid(f"{where}.{language} is {NULL}, which only updates and merges may use (clause 5.5.4).")
    return value


def _vocabulary(value: Any, reading: Reading, where: str) -> Any:
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return [_word(part, reading.names) for part in value]
    if value == NULL and reading.nulls:
        return value
    if not isinstance(value, str):
        raise Invalid(f"{where} must be a name or an array of names, not {shown(value)}.")
    return _word(value, reading.names)


def _word(text: str, names: Names) -> str:
    """A vocabulary value in house form; unlike a name it may hold any sign, such as "non-commercial"."""
    return names.inward(text) if is_term(text) or is_uri(text) else house_name(names.terms.get(text, text))


def _json(value: Any, reading: Reading, where: str) -> Any:
    if not isinstance(value, dict | list) and not (value == NULL and reading.nulls):
        raise Invalid(f"{where} must be a JSON object or array, not {shown(value)} (clause 4.5.24.2).")
    check_nesting(value, Reading(nulls=True, deep_nulls=True, depth=reading.depth), where)
    return value


def _list(value: Any, reading: Reading, where: str) -> Any:
    if not isinstance(value, list):
        raise Invalid(f"{where} must be an array, not {shown(value)}.")
    check_nesting(value, reading, where)
    return value


def _objects(value: Any, reading: Reading, where: str) -> Any:
    """A list of {"object": URI}; bare URIs are the concise form (clause 4.5.22.3)."""
    if not isinstance(value, list):
        raise Invalid(f"{where} must be an array, not {shown(value)}.")
    targets = [part.get("object") if isinstance(part, dict) else part for part in value]
    return [{"object": _uri(target, reading, f"{where}[{place}]")} for place, target in enumerate(targets)]


# What checks the value of each attribute type, and gives it back as it is kept.
CHECKS: dict[str, Callable[[Any, Reading, str], Any]] = {
    "Property": _any_value,
    "GeoProperty": _geometry,
    "Relationship": _uris,
    "LanguageProperty": _words,
    "VocabProperty": _vocabulary,
    "JsonProperty": _json,
    "ListProperty": _list,
    "ListRelationship": _objects,
}
