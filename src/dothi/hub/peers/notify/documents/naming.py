"""The names in a document of a subscription, said in those of another @context (clause 5.5.7)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Rename = Callable[[str], str]
_TYPE = re.compile(r"[^\s,;|()]+")
_MEMBER = re.compile(r"[^\s,|{};()\[\]]+")
_HEAD = frozenset({"id", "type", "scope", "*"})


def renamed(document: Mapping[str, Any], meaning: Callable[[str], Rename], outward: Rename) -> dict[str, Any]:
    """A document with its types and attributes as `outward` says them; `meaning(member)` says what they mean.

    Queries (q, csf) stay as they were written: they are text of the subscriber, with literals of any kind in them.
    """

    def by(member: str) -> Rename:
        meant = meaning(member)
        return lambda word: word if word in _HEAD else outward(meant(word))

    made = dict(document)
    if "entities" in made:
        made["entities"] = [
            {**one, "type": _each(_TYPE, one["type"], by("entities"))} if "type" in one else one
            for one in made["entities"]
        ]
    if "watchedAttributes" in made:
        made["watchedAttributes"] = list(map(by("watchedAttributes"), made["watchedAttributes"]))
    if "geoproperty" in made.get("geoQ", ()):
        made["geoQ"] = {**made["geoQ"], "geoproperty": by("geoQ")(made["geoQ"]["geoproperty"])}
    made["notification"] = _of_notification(made["notification"], by("notification"))
    return made


def _of_notification(said: Mapping[str, Any], rename: Rename) -> dict[str, Any]:
    lists = {
        name: [_each(_MEMBER, text, rename) for text in said[name]]
        for name in ("attributes", "pick", "omit")
        if name in said
    }
    return {**said, **lists}


def _each(pattern: re.Pattern[str], text: str, rename: Rename) -> str:
    return pattern.sub(lambda found: rename(found[0]), text)
