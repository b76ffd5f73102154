"""What a question about histories asks: form, window, selection, each checked (clauses 4.11, 5.7.3.4, 5.7.4.4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dothi.ground.errors import Invalid, Malformed
from dothi.hub.api.door.parameters import Asked, Paging, query_of, shape_of, window_of, words
from dothi.hub.api.door.request import Call
from dothi.hub.context import Names
from dothi.hub.language.nodes import Query, Window
from dothi.hub.language.time import Period, parse_period
from dothi.hub.render.aggregate import parse_methods
from dothi.hub.render.shape import Shape

FORMS = ("temporalValues", "aggregatedValues")
WHOLE = Period()
_SYSTEM = frozenset({"createdAt", "modifiedAt", "deletedAt", "observedAt", "expiresAt"})
_QUOTED = re.compile(r'"[^"]*"')
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown of each evolution; `strict`: only instances that have the window's time count."""

    window: Window
    strict: bool
    shape: Shape
    form: str | None
    last: int | None = None
    methods: tuple[str, ...] = ()
    period: Period = WHOLE


def wanted_of(call: Call, names: Names, asked: Asked, media: str) -> Wanted:
    """Form, shape and window. Malformed for a form that is none, Invalid for the rest."""
    check_no_links(asked)
    form = _form(call)
    plain = {name: text for name, text in call.query.items() if name != "format"}  # It means something else here.
    shape = shape_of(replace(call, _query=plain), names, asked, media)
    window = window_of(asked)
    wanted = Wanted(replace(window, last=None), not asked.keys().isdisjoint(("timerel", "timeproperty")), shape, form)
    period = parse_period(asked.get("aggrPeriodDuration", "PT0S"))
    methods = parse_methods(asked["aggrMethods"]) if "aggrMethods" in asked else ()
    if form == "aggregatedValues" and not methods:
        raise Invalid("aggregatedValues needs aggrMethods, such as avg,max (clause 4.5.19).")
    return replace(wanted, last=window.last, methods=methods, period=period)


def _form(call: Call) -> str | None:
    """The temporal form, by format or (older) options, of which format goes first (clause 6.3.12)."""
    words_given = call.options()
    form = call.query.get("format")
    if form is not None and form not in (*FORMS, "normalized"):
        raise Malformed(f"format is {form[:40]!r}; of histories there are normalized, {' and '.join(FORMS)}.")
    named = [word for word in FORMS if word in words_given]
    if form is None and len(named) > 1:
        raise Malformed("options names temporalValues and aggregatedValues; only one of them is possible.")
    return form or (named[0] if named else None)


def check_no_links(asked: Asked) -> None:
    """Raise Invalid where linked entities are asked for: histories have none (clauses 5.7.3.4 and 5.7.4.4)."""
    for name in ("pick", "omit", "attrs", "q"):
        bare = _QUOTED.sub("", asked.get(name, ""))
        if "{" in bare or "}" in bare:
            raise Invalid(f"{name} names linked entities by braces; histories know no linked entity retrieval.")
    if asked.get("join", "@none") != "@none":
        raise Invalid("join is for entities as they stand; histories know no linked entity retrieval.")


def query_wanted(call: Call, names: Names, asked: Asked, page: Paging) -> tuple[Query, str]:
    """Which entities, and their order: "", "asc" or "desc" by id. Invalid when the question is too wide or wrong."""
    if "timerel" not in asked:
        raise Invalid("A temporal query needs timerel and timeAt (clause 5.7.4.4).")
    local = call.flag("local") or asked.get("type") == "*"
    if not local:
        _check_narrow(asked)
    order = _order(asked, local or call.door.registry.none(call.tenant))
    return query_of(call, names, _without(asked, ("orderBy", "collation")), page), order


def _check_narrow(asked: Asked) -> None:
    """Raise Invalid unless something beside ids narrows the question: a type, a place, an attribute of the user."""
    if "type" in asked or "georel" in asked:
        return
    named = set(words((asked.get("attrs") or asked.get("pick") or "").replace("|", ",")))
    named |= set(_NAME.findall(_QUOTED.sub("", asked.get("q", ""))))
    if not named - _SYSTEM - {"id", "type", "scope"}:
        raise Invalid(
            "The query is too wide: give type, attrs, q or a geo-query, or local=true for everything (clause 5.7.4.4)."
        )


def _order(asked: Asked, local: bool) -> str:
    """How entities are ordered: by id only, and in this hub only (clause 5.7.4.4)."""
    text = asked.get("orderBy")
    if text is None:
        return ""
    name, _, direction = text.partition(";")
    if name != "id" or direction not in ("", "asc", "desc"):
        raise Invalid(f"orderBy is {text[:60]!r}; histories are ordered by id, id;asc or id;desc (clause 5.7.4.4).")
    if not local:
        raise Invalid("orderBy needs local=true where other sources are asked too (clause 5.7.4.4).")
    return direction or "asc"


def _without(asked: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: text for name, text in asked.items() if name not in names}
