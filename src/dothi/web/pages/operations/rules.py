"""The rules that raise alarms: what is watched, at which limit, and changing it with a reason."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.operations.alarms import service
from dothi.operations.model import Kind, Priority, Rule, rule_of
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.operations.situation import PRIORITIES
from dothi.web.pages.shown import KINDS, STAFF, attribute_name, bare, entity_id, find, lasting, measured, unit_of
from dothi.web.parts import parts

KEEPERS = frozenset({"data_steward", "administrator"})
OPS = (">", ">=", "<", "<=")
FAILED = 422
FIELDS = ("name_vi", "name_en", "watch", "op", "limit", "clear", "minutes", "priority", "enabled", "reason")


async def rules(request: Request) -> Response:
    """Which rules raise alarms, and at which limit?"""
    found = sorted(service.rules(parts(request).operations, visit(request).actor), key=_order)
    return render(
        request,
        "operations/rules.html",
        rules=[_shown(request, one) for one in found],
        on=sum(one.enabled for one in found),
        off=sum(not one.enabled for one in found),
        may_keep=bool(visit(request).actor.roles & KEEPERS),
    )


def _order(rule: Rule) -> tuple[bool, int, str]:
    return not rule.enabled, list(Priority).index(rule.priority), rule.id


def _shown(request: Request, rule: Rule) -> dict[str, object]:
    kind, icon = PRIORITIES[rule.priority]
    return {
        "rule": rule,
        "href": f"/rules/{bare(rule.id)}",
        "name": words(request).pick(rule.name),
        "condition": condition(request, rule),
        "kind": kind,
        "icon": icon,
    }


def condition(request: Request, rule: Rule) -> str:
    """The condition of a rule as a sentence."""
    t, attribute = words(request).t, attribute_name(request, rule.attribute)
    span = lasting(request, rule.for_seconds)
    if rule.kind is Kind.NO_DATA:
        return t("operations.rule.silent", name=attribute, span=span)
    said = {"name": attribute, "op": t(f"operations.op.{OPS.index(rule.op)}")}
    said |= {name: measured(request, rule.attribute, getattr(rule, name)) for name in ("limit", "clear")}
    return t("operations.rule.lasting" if rule.for_seconds else "operations.rule.at_once", span=span, **said)


def _rule(request: Request) -> Rule:
    found = parts(request).hub.get(visit(request).actor, entity_id("AlarmRule", request.path_params["rule"]))
    if "AlarmRule" not in found.types:
        raise Missing(f"{found.id} is not an alarm rule.")
    return rule_of(found)


async def one_rule(request: Request) -> Response:
    """What does this rule watch, and how is it changed?"""
    rule = _rule(request)
    if request.method == "GET":
        return _form(request, rule, _values(rule))
    return await _keep(request, rule)


async def new_rule(request: Request) -> Response:
    """A rule that does not exist yet."""
    rule = Rule(urn("AlarmRule"), {}, Kind.THRESHOLD, "AirQualityObserved", "pm25", Priority.MEDIUM)
    if request.method == "GET":
        return _form(request, rule, _values(rule) | {"limit": "", "clear": "", "enabled": "on"}, new=True)
    return await _keep(request, rule, new=True)


def _values(rule: Rule) -> dict[str, str]:
    return {
        "name_vi": rule.name.get("vi", ""),
        "name_en": rule.name.get("en", ""),
        "watch": f"{rule.subject_type}.{rule.attribute}",
        "op": rule.op,
        "limit": _written(rule.limit),
        "clear": _written(rule.clear),
        "minutes": _written(rule.for_seconds / 60),
        "priority": rule.priority.value,
        "enabled": "on" if rule.enabled else "",
        "reason": "",
    }


def _written(value: float) -> str:
    return f"{value:g}".replace(".", ",")


def _form(
    request: Request,
    rule: Rule,
    values: Mapping[str, str],
    problems: Mapping[str, str] | None = None,
    new: bool = False,
) -> Response:
    watched = [(one.name, attribute) for one in KINDS for attribute in one.attributes]
    t = words(request).t
    return render(
        request,
        "operations/rule.html",
        FAILED if problems else 200,
        rule=rule,
        new=new,
        name=words(request).pick(rule.name),
        condition=condition(request, rule),
        unit=unit_of(rule.attribute, None),
        values=values,
        problems=problems or {},
        may_keep=bool(visit(request).actor.roles & KEEPERS),
        watched=[(f"{kind}.{name}", f"{t(f'type.{kind}')}: {attribute_name(request, name)}") for kind, name in watched],
        ops=[(op, t(f"operations.op.{place}")) for place, op in enumerate(OPS)],
        priorities=[(one.value, t(f"operations.priority.{one}")) for one in Priority],
        alarms=0 if new else len(find(request, "Alarm", f'open==true;rule=="{rule.id}"')),
    )


async def _keep(request: Request, rule: Rule, new: bool = False) -> Response:
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in FIELDS}
    try:
        changed = _changed(request, rule, said, new)
    except Invalid as error:
        return _form(request, rule, said, {str(error.fields.get("field", "clear")): error.detail}, new)
    await service.keep_rule(parts(request).operations, visit(request).actor, changed, said["reason"])
    return redirect(request, "/rules", "operations.rule.kept", name=words(request).pick(changed.name))


def _changed(request: Request, rule: Rule, said: Mapping[str, str], new: bool) -> Rule:
    """The rule as the form says; Invalid with the field and what to mend."""
    t = words(request).t
    for name in ("name_vi", "reason"):
        if not said[name]:
            raise Invalid(t(f"operations.mend.{name}"), field=name)
    kind, _, attribute = said["watch"].partition(".")
    if new and (kind, attribute) not in {(one.name, name) for one in KINDS for name in one.attributes}:
        raise Invalid(t("operations.mend.watch"), field="watch")
    limit, clear = _number(request, said, "limit"), _number(request, said, "clear")
    op = said["op"] if said["op"] in OPS else rule.op
    if rule.kind is Kind.THRESHOLD and (clear > limit if op.startswith(">") else clear < limit):
        raise Invalid(t("operations.mend.flaps"), field="clear")
    seconds = round(60 * _number(request, said, "minutes"))
    if seconds < 0 or (rule.kind is Kind.NO_DATA and seconds == 0):
        raise Invalid(t("operations.mend.minutes"), field="minutes")
    return replace(
        rule,
        name={"vi": said["name_vi"], "en": said["name_en"] or said["name_vi"]},
        subject_type=kind if new else rule.subject_type,
        attribute=attribute if new else rule.attribute,
        op=op,
        limit=limit,
        clear=clear,
        for_seconds=seconds,
        priority=Priority(said["priority"]) if said["priority"] in tuple(Priority) else rule.priority,
        enabled=said["enabled"] == "on",
        sample=False,  # A limit that a person has set is no sample any more.
    )


def _number(request: Request, said: Mapping[str, str], name: str) -> float:
    text = said[name].replace(" ", "")
    try:
        value = float(text.replace(",", ".")) if text else 0.0
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e12 or (not text and name == "limit"):
        raise Invalid(words(request).t("operations.mend.number"), field=name)
    return value


_SAMPLE = {"rule": "pm25-high"}
PAGES = (
    Page("/rules", rules, "operations.rules.title", roles=STAFF, menu=Menu("system", 60)),
    Page("/rules/new", new_rule, "operations.rules.new", methods=("GET", "POST"), roles=KEEPERS),
    Page("/rules/{rule}", one_rule, "operations.rule.title", roles=STAFF, sample=_SAMPLE),
    Page("/rules/{rule}", one_rule, "operations.rule.keep", methods=("POST",), roles=KEEPERS, sample=_SAMPLE),
)
