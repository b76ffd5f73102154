"""Doing and leaving out the steps of an incident: what was filled in is checked against the fields of the playbook."""

from collections.abc import Mapping
from typing import Any

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Invalid
from dothi.hub.model import Actor, Attribute, json_prop
from dothi.office.photos import Upload, clean_proof
from dothi.operations.incidents.model import IllegalMove, Incident, Step, StepState
from dothi.operations.incidents.service import incident, move
from dothi.operations.incidents.workflow import Facts
from dothi.operations.model import Operations

LETTERS = 2_000


async def do_step(  # A deed with what was filled in.
    operations: Operations,
    actor: Actor,
    name: str,
    step: str,
    form: Mapping[str, Any] | None = None,
    version: int | None = None,
    now: int | None = None,
) -> Incident:
    """A step is done by `actor`, with its form; steps that waited for what it says wake. Invalid names the field."""
    at = now_us() if now is None else now
    found = incident(operations, actor, name)
    one = _open_step(found, step)
    filled = check_form(one, form or {})
    done = one.with_(state=StepState.DONE, by=actor.id, at=iso(at), form=filled or None)
    return await _written(operations, actor, found, done, "step_done", Facts(), version, at)


async def skip_step(  # A step and the reason.
    operations: Operations,
    actor: Actor,
    name: str,
    step: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Incident:
    """A step is left out, and why."""
    at = now_us() if now is None else now
    found = incident(operations, actor, name)
    one = _open_step(found, step)
    left = one.with_(state=StepState.SKIPPED, by=actor.id, at=iso(at), why=reason.strip())
    return await _written(operations, actor, found, left, "step_skipped", Facts(reason), version, at)


async def _written(  # The one path of both.
    operations: Operations,
    actor: Actor,
    found: Incident,
    step: Step,
    verb: str,
    facts: Facts,
    version: int | None,
    now: int,
) -> Incident:
    steps = tuple(step if one.id == step.id else one for one in found.steps)
    attrs: dict[str, Attribute] = {"steps": json_prop([one.as_json() for one in steps])}
    return await move(operations, actor, found, verb, attrs, facts, version=version, now=now, step=step.id)


def _open_step(found: Incident, name: str) -> Step:
    one = found.step(name)
    if one.state is not StepState.TODO:
        raise IllegalMove(f"This step is {one.state} already, by {one.by}.")
    return one


def check_form(step: Step, form: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, as it is kept. Invalid (with `field`) when it does not fit the fields of the step."""
    known = {one["id"] for one in step.fields}
    for name in form:
        if name not in known:
            raise Invalid(f"This step has no field “{name[:40]}”.", field=name)
    filled = {one["id"]: _value(one, form.get(one["id"])) for one in step.fields}
    return {name: value for name, value in filled.items() if value not in (None, "", [])}


def _value(field: Mapping[str, Any], given: Any) -> Any:
    if given in (None, "", []):
        if field.get("required"):
            raise Invalid("Fill this in.", field=field["id"], guard="required")
        return None
    return _READ[field["type"]](field, given)


def _text(field: Mapping[str, Any], given: Any) -> str:
    said = str(given).strip()
    if len(said) > LETTERS:
        raise Invalid(f"Up to {LETTERS} letters.", field=field["id"])
    return said


def _number(field: Mapping[str, Any], given: Any) -> float:
    """A number as it is written in Vietnam or elsewhere, inside its bounds."""
    try:
        number = float(str(given).strip().replace(",", "."))
    except ValueError:
        raise Invalid("Write a number.", field=field["id"], guard="number") from None
    if not field.get("least", number) <= number <= field.get("most", number):
        raise Invalid("This number cannot be.", field=field["id"], guard="number")
    return number


def _choice(field: Mapping[str, Any], given: Any) -> str:
    if given not in [one["id"] for one in field["choices"]]:
        raise Invalid("Choose one of the list.", field=field["id"], guard="required")
    return str(given)


def _file(field: Mapping[str, Any], given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or "sha256" not in given:
        raise Invalid("Send a file.", field=field["id"], guard="required")
    return {"sha256": str(given["sha256"]), "mediaType": str(given.get("mediaType", ""))}


_READ: Mapping[str, Any] = {"text": _text, "number": _number, "choice": _choice, "file": _file}


def keep_file(operations: Operations, upload: Upload) -> dict[str, Any]:
    """Keep a photo (written anew without place or device) or a PDF; returns what a form's file field takes."""
    clean = clean_proof(upload)
    return {"sha256": operations.hub.keep_file(clean.content), "mediaType": clean.media_type}
