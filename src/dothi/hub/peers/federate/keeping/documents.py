"""The documents of registrations: read into house names with all that clause 5.2.9 asks for, and written again."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from dothi.ground.errors import Invalid
from dothi.ground.geometry import check as check_geometry
from dothi.hub.context import Names
from dothi.hub.context.terms import is_uri
from dothi.hub.language.pattern import finder
from dothi.hub.language.time import instant
from dothi.hub.peers.federate.operations import AUXILIARY, expanded
from dothi.hub.peers.federate.registrations import INTERVALS, NAMES, SPACES, Mode, listed
from dothi.hub.render.parse import check_id
from dothi.hub.render.values import NULL, Reading, check_nesting, is_moment, shown

KIND = "ContextSourceRegistration"
READ_ONLY = frozenset(
    ("status", "timesSent", "timesFailed", "lastSuccess", "lastFailure", "createdAt", "modifiedAt", "deletedAt")
)
_DURATION = re.compile(
    r"P(?=.)(\d+W|(\d+([.,]\d+)?Y)?(\d+([.,]\d+)?M)?(\d+([.,]\d+)?D)?"
    r"(T(?=\d)(\d+([.,]\d+)?H)?(\d+([.,]\d+)?M)?(\d+([.,]\d+)?S)?)?)",
    re.ASCII,
)
_SCOPE = re.compile(r"/?[\w\-]+(/[\w\-]+)*")
_ALIAS = re.compile(r"[!#$%&'*+\-.^_`|~:/\w]+")
_TENANT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}")
_VERSION = re.compile(r"\d{1,3}\.\d{1,3}", re.ASCII)
_WELL_KNOWN_MEDIA = ("application/json", "application/ld+json")
_MOST = 1000  # Parts of one registration, entities of a part, names of a part.
_DEPTH = 64

Check = Callable[[Any, str, Names], Any]


def read_document(document: Any, names: Names, registration_id: str | None = None) -> dict[str, Any]:
    """A registration as it is kept: every member checked, names of types and attributes as house names.

    `registration_id` is the id to have when the document brings none. Invalid names the member that is wrong.
    """
    if not isinstance(document, dict):
        raise Invalid(f"The body must be a {KIND} object, not {shown(document)}.")
    if document.get("type") != KIND:
        raise Invalid(f'type must be "{KIND}", not {shown(document.get("type"))} (clause 5.2.9).')
    kept = {"id": check_id(document.get("id", registration_id)), "type": KIND} | _members(document, names)
    for name in ("information", "endpoint"):
        if name not in kept:
            raise Invalid(f"{name} is missing; a registration has one (clause 5.2.9).")
    _check_mode(kept)
    return kept


def patched(before: Mapping[str, Any], fragment: Any, names: Names) -> dict[str, Any]:
    """A kept document with a fragment's members in place of its own (clause 5.5.8); a null takes one away."""
    if not isinstance(fragment, dict):
        raise Invalid(f"The body must be an object with the members to change, not {shown(fragment)}.")
    if fragment.get("type", KIND) != KIND:
        raise Invalid(f'type must stay "{KIND}", not {shown(fragment["type"])}.')
    if fragment.get("id", before["id"]) != before["id"]:
        raise Invalid(f"The id is {shown(fragment['id'])}; it cannot be changed (clause 5.2.9).")
    gone = {_kept_name(name, names) for name, value in fragment.items() if value is None or value == NULL}
    for name in ("information", "endpoint", "id", "type"):
        if name in gone:
            raise Invalid(f"{name} cannot be taken away: a registration has one (clause 5.2.9).")
    given = {name: value for name, value in fragment.items() if not (value is None or value == NULL)}
    kept = {name: value for name, value in before.items() if name not in gone} | _members(given, names)
    _check_mode(kept)
    return kept


def written(kept: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """A kept document in the names of a client's context."""
    return {_written_name(name, names): _written_value(name, value, names) for name, value in kept.items()}


def _written_name(name: str, names: Names) -> str:
    return name if name in ("id", "type") or name in MEMBERS else names.outward(name)


def _written_value(name: str, value: Any, names: Names) -> Any:
    if name != "information":
        return value
    return [_written_part(part, names) for part in value]


def _written_part(part: Mapping[str, Any], names: Names) -> dict[str, Any]:
    shown_part: dict[str, Any] = {}
    for name, value in part.items():
        if name == "entities":
            shown_part[name] = [_written_info(info, names) for info in value]
        else:
            shown_part[name] = [names.outward(one) for one in value]
    return shown_part


def _written_info(info: Mapping[str, Any], names: Names) -> dict[str, Any]:
    if "type" not in info:
        return dict(info)
    kinds = info["type"]
    return dict(info) | {"type": names.outward(kinds) if isinstance(kinds, str) else [names.outward(k) for k in kinds]}


def _members(document: Mapping[str, Any], names: Names) -> dict[str, Any]:
    kept = {}
    for name, value in document.items():
        if name in ("id", "type", "@context") or name in READ_ONLY:
            continue
        kept[_kept_name(name, names)] = MEMBERS.get(name, _own_property)(value, name, names)
    return kept


def _kept_name(name: str, names: Names) -> str:
    """The house name of a member: those of the standard are their own."""
    return name if name in MEMBERS or name in READ_ONLY or name in ("id", "type", "@context") else names.inward(name)


def _own_property(value: Any, where: str, names: Names) -> Any:
    """A property of the source that the standard does not know, for csf to ask for."""
    if value is None or value == NULL:
        raise Invalid(f"{where} must not be null.")
    check_nesting(value, Reading(names, depth=_DEPTH), where)
    return value


def _text(value: Any, where: str, _: Names) -> str:
    if not isinstance(value, str) or not value or value == NULL:
        raise Invalid(f"{where} must be a text that is not empty, not {shown(value)}.")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Invalid(f"{where} must be an array that is not empty, not {shown(value)}.")
    if len(value) > _MOST:
        raise Invalid(f"{where} has {len(value)} members; at most {_MOST} are taken.")
    return value


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"{where} must be an object, not {shown(value)}.")
    return value


def _known(value: dict[str, Any], where: str, known: frozenset[str]) -> None:
    unknown = sorted(value.keys() - known)
    if unknown:
        raise Invalid(f"{where} has {', '.join(unknown)[:80]!r}; it knows {', '.join(sorted(known))}.")


def _endpoint(value: Any, where: str, names: Names) -> str:
    text = _text(value, where, names)
    if not is_uri(text) or not text.lower().startswith(("http://", "https://")):
        raise Invalid(f"{where} is {shown(text)}; it must be an address that begins with http:// or https://.")
    return text


def _information(value: Any, where: str, names: Names) -> list[dict[str, Any]]:
    return [_part(part, f"{where}[{place}]", names) for place, part in enumerate(_list(value, where))]


def _part(value: Any, where: str, names: Names) -> dict[str, Any]:
    """A RegistrationInfo (clause 5.2.10)."""
    part = _object(value, where)
    _known(part, where, frozenset(("entities", *NAMES)))
    if not part:
        raise Invalid(f"{where} says nothing: give entities, propertyNames or relationshipNames (clause 5.2.10).")
    kept: dict[str, Any] = {}
    if "entities" in part:
        infos = enumerate(_list(part["entities"], f"{where}.entities"))
        kept["entities"] = [_entity(info, f"{where}.entities[{place}]", names) for place, info in infos]
    for name in NAMES:
        if name in part:
            kept[name] = [_name(one, f"{where}.{name}", names) for one in _list(part[name], f"{where}.{name}")]
    return kept


def _entity(value: Any, where: str, names: Names) -> dict[str, Any]:
    """An EntityInfo (clause 5.2.8); an id or a pattern may stand without a type, as clause 4.3.6.3 has it."""
    info = _object(value, where)
    _known(info, where, frozenset(("id", "idPattern", "type")))
    if not info:
        raise Invalid(f"{where} says nothing: give type, id or idPattern (clause 5.2.8).")
    kept: dict[str, Any] = {}
    if "id" in info:
        kept["id"] = _uri(info["id"], f"{where}.id", names)
    if "idPattern" in info:
        kept["idPattern"] = _text(info["idPattern"], f"{where}.idPattern", names)
        _check_pattern(kept["idPattern"], f"{where}.idPattern")
    if "type" in info:
        kinds = info["type"]
        several = isinstance(kinds, list)
        found = [_name(one, f"{where}.type", names) for one in (_list(kinds, f"{where}.type") if several else [kinds])]
        kept["type"] = found if several else found[0]
    return kept


def _check_pattern(pattern: str, where: str) -> None:
    try:
        finder(pattern)
    except Invalid as wrong:
        raise Invalid(f"{where}: {wrong.detail}") from None


def _name(value: Any, where: str, names: Names) -> str:
    return names.inward(_text(value, where, names))


def _uri(value: Any, where: str, _: Names) -> str:
    if not is_uri(value) or value == NULL:
        raise Invalid(f"{where} is {shown(value)}, which is no URI.")
    return str(value)


def _datasets(value: Any, where: str, names: Names) -> list[str]:
    return [one if one == "@none" else _uri(one, where, names) for one in _list(value, where)]


def _moment(value: Any, where: str, _: Names) -> str:
    if not isinstance(value, str) or not is_moment(value):
        raise Invalid(f"{where} must be a DateTime in UTC such as 2026-11-22T07:30:00Z, not {shown(value)}.")
    return value


def _interval(value: Any, where: str, names: Names) -> dict[str, str]:
    """A TimeInterval (clause 5.2.11)."""
    given = _object(value, where)
    _known(given, where, frozenset(("startAt", "endAt")))
    if "startAt" not in given:
        raise Invalid(f"{where}.startAt is missing (clause 5.2.11).")
    kept = {name: _moment(at, f"{where}.{name}", names) for name, at in given.items()}
    if "endAt" in kept and instant(kept["endAt"]) < instant(kept["startAt"]):
        raise Invalid(f"{where} ends before it starts.")
    return kept


def _geometry(value: Any, where: str, _: Names) -> dict[str, Any]:
    """A GeoJSON geometry, or a GeoProperty that holds one."""
    if isinstance(value, dict) and value.get("type") == "GeoProperty":
        value = value.get("value")
    return check_geometry(value, where)


def _duration(value: Any, where: str, _: Names) -> str:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise Invalid(f"{where} must be an ISO 8601 duration such as PT5M, not {shown(value)}.")
    return value


def _management(value: Any, where: str, names: Names) -> dict[str, Any]:
    """A RegistrationManagementInfo (clause 5.2.34)."""
    given = _object(value, where)
    _known(given, where, frozenset(_MANAGEMENT))
    return {name: _MANAGEMENT[name](one, f"{where}.{name}", names) for name, one in given.items()}


def _milliseconds(value: Any, where: str, _: Names) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise Invalid(f"{where} must be a number of milliseconds above 0, not {shown(value)} (clause 5.2.34).")
    return value


def _flag(value: Any, where: str, _: Names) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{where} must be true or false, not {shown(value)}.")
    return value


_MANAGEMENT: dict[str, Check] = {
    "cacheDuration": _duration,
    "cooldown": _milliseconds,
    "localOnly": _flag,
    "timeout": _milliseconds,
}


def _mode(value: Any, where: str, _: Names) -> str:
    if not isinstance(value, str) or value not in tuple(Mode):
        raise Invalid(f"{where} is {shown(value)}; it must be one of {', '.join(Mode)} (clause 4.3.6).")
    return value


def _operations(value: Any, where: str, _: Names) -> list[str]:
    names = _list(value, where)
    if not all(isinstance(one, str) for one in names):
        raise Invalid(f"{where} must be names of operations, not {shown(value)} (clause 4.20).")
    expanded(names)
    return names


def _scope(value: Any, where: str, names: Names) -> Any:
    for one in value if isinstance(value, list) and value else [value]:
        if not _SCOPE.fullmatch(_text(one, where, names)):
            raise Invalid(f"{where} {shown(one)} must look like /VN/46/19825 (clause 4.18).")
    return value


def _matching(pattern: re.Pattern[str], meaning: str) -> Check:
    def check(value: Any, where: str, names: Names) -> str:
        if not pattern.fullmatch(_text(value, where, names)):
            raise Invalid(f"{where} is {shown(value)}; {meaning}.")
        return str(value)

    return check


def _source_info(value: Any, where: str, names: Names) -> list[dict[str, str]]:
    """The contextSourceInfo (clauses 5.2.22 and 4.3.6.6)."""
    pairs = []
    for place, one in enumerate(_list(value, where)):
        pair = _object(one, f"{where}[{place}]")
        _known(pair, f"{where}[{place}]", frozenset(("key", "value")))
        key, text = (_line(pair.get(name), f"{where}[{place}].{name}", names) for name in ("key", "value"))
        if key in _WELL_KNOWN and not _WELL_KNOWN[key](text):
            raise Invalid(f"{where} gives {key} the value {shown(text)}, which clause 4.3.6.6 does not allow.")
        pairs.append({"key": key, "value": text})
    return pairs


def _line(value: Any, where: str, names: Names) -> str:
    """A text that can stand in a header."""
    text = _text(value, where, names)
    if not text.isprintable():
        raise Invalid(f"{where} must not hold control characters or line breaks.")
    return text


_WELL_KNOWN: dict[str, Callable[[str], bool]] = {
    "accept": lambda text: text in _WELL_KNOWN_MEDIA,
    "contentType": lambda text: text in _WELL_KNOWN_MEDIA,
    "jsonldContext": is_uri,
    "ngsildConformance": lambda text: _VERSION.fullmatch(text) is not None,
}
# Member (table 5.2.9-1) → what it must be and how it is kept.
MEMBERS: dict[str, Check] = {
    "endpoint": _endpoint,
    "information": _information,
    "contextSourceInfo": _source_info,
    "contextSourceAlias": _matching(_ALIAS, "it must be a pseudonym without blanks"),
    "registrationName": _text,
    "description": _text,
    "datasetId": _datasets,
    "expiresAt": _moment,
    "management": _management,
    "mode": _mode,
    "operations": _operations,
    "refreshRate": _duration,
    "scope": _scope,
    "tenant": _matching(_TENANT, "it must be 1 to 64 letters, digits, dots, hyphens or underscores"),
    **dict.fromkeys(SPACES, _geometry),
    **dict.fromkeys(INTERVALS, _interval),
}


def _check_mode(kept: Mapping[str, Any]) -> None:
    """What a mode asks of a registration (clauses 4.3.6.3 and 5.9.2.4)."""
    mode = kept.get("mode", "inclusive")
    if mode == Mode.AUXILIARY and not AUXILIARY.issuperset(kept.get("operations", AUXILIARY)):
        raise Invalid(
            "An auxiliary source serves retrieveOps, retrieveEntity or queryEntity only: say so in operations."
        )
    if mode == Mode.EXCLUSIVE and not all(map(_names_one_entity, kept["information"])):
        raise Invalid("An exclusive source has named attributes of entities named by id (clause 4.3.6.3).")


def _names_one_entity(part: Mapping[str, Any]) -> bool:
    infos = part.get("entities", ())
    named = all("id" in info and "idPattern" not in info for info in infos)
    return bool(infos) and named and any(listed(part.get(name, ())) for name in NAMES)
