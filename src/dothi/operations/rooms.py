"""What the rooms of operations bring to a city: rule kinds, declarations, consumers, endpoints; a line for each."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import APIRouter

from dothi.office.rules.model import Kind
from dothi.operations import wall
from dothi.operations.alarms import handling, record, watching
from dothi.operations.alarms import service as alarms
from dothi.operations.api import alarms as alarms_api
from dothi.operations.api import bulletins as bulletins_api
from dothi.operations.api import channels as channels_api
from dothi.operations.api import events as events_api
from dothi.operations.api import incidents as incidents_api
from dothi.operations.api import orders as orders_api
from dothi.operations.api import rules as rules_api
from dothi.operations.api import shifts as shifts_api
from dothi.operations.api import warnings as warnings_api
from dothi.operations.engine import following as engine
from dothi.operations.events import expiry
from dothi.operations.events import rules as detection_rules
from dothi.operations.events import sources as event_sources
from dothi.operations.incidents import service as incidents
from dothi.operations.incidents import together
from dothi.operations.incidents.orders import following as order_clocks
from dothi.operations.incidents.orders import service as orders
from dothi.operations.incidents.orders.model import INDEXED as ORDERS_INDEXED
from dothi.operations.incidents.orders.rules import rules_kind as order_rules
from dothi.operations.incidents.playbooks import drill, late
from dothi.operations.incidents.playbooks.tables import rules_kind as playbook_rules
from dothi.operations.model import Operations
from dothi.operations.rules.in_force import rules_kind as alarm_rules
from dothi.operations.rules.odd import following as odd_values
from dothi.operations.rules.odd.watching import rules_kind as odd_rules
from dothi.operations.shifts import planning as shift_clocks
from dothi.operations.shifts import service as shifts
from dothi.operations.shifts.rules import rules_kind as shift_rules
from dothi.operations.warnings import service as warnings
from dothi.operations.warnings.rules import rules_kind as warning_rules

Run = Callable[[], Coroutine[Any, Any, None]]
ROUTERS: tuple[APIRouter, ...] = (
    incidents_api.router,
    alarms_api.router,
    channels_api.router,
    events_api.router,
    orders_api.router,
    rules_api.router,
    shifts_api.router,
    bulletins_api.router,
    warnings_api.router,
)


def rule_kinds() -> tuple[Kind, ...]:
    """The kinds of rules that a province or commune may set of its own."""
    return (
        alarm_rules(),
        handling.rules_kind(),
        order_rules(),
        playbook_rules(),
        detection_rules.rules_kind(),
        odd_rules(),
        shift_rules(),
        warning_rules(),
        wall.rules_kind(),
    )


def declare(operations: Operations) -> None:
    """Guard the types of operations and say what its lists ask for."""
    alarms.own(operations)
    orders.declare(operations, ORDERS_INDEXED)
    incidents.declare(operations)
    event_sources.declare(operations)
    shifts.declare(operations)
    warnings.declare(operations)


def consumers(operations: Operations) -> Mapping[str, Run]:
    """What follows the feed or the clock, by name."""
    return {
        "alarms": lambda: engine.run(operations),
        "life of alarms": lambda: watching.run(operations),
        "record of alarms": lambda: record.run(operations),
        "odd values": lambda: odd_values.run(operations),
        "what belongs together": lambda: together.run(operations),
        "clocks of incidents": lambda: late.run(operations),
        "drills": lambda: drill.run(operations),
        "orders": lambda: order_clocks.run(operations),
        "shifts": lambda: shift_clocks.run(operations, operations.home),
        "end of warnings": lambda: warnings.run(operations),
        "end of detections": lambda: expiry.run(operations),
    }
