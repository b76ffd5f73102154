"""The life of a shift as one table: which verb leads from where to where, and who may do it."""

from collections.abc import Mapping
from dataclasses import dataclass

from dothi.operations.shifts.model import NotOnDuty, Shift, State


@dataclass(frozen=True, slots=True)
class Move:
    """One line of the table."""

    verb: str
    states: tuple[State, ...]
    leads_to: State | None  # None: as it was.
    who: str
    needs: str  # What must be given or hold.


P, A, D, H = State.PLANNED, State.ABSENT, State.ON_DUTY, State.HANDING_OVER
MOVES: tuple[Move, ...] = (
    Move("plan", (P,), State.PLANNED, "clock", "the roster names it; nobody changed it by hand"),
    Move("begin", (P,), State.ON_DUTY, "its officer, or anyone where a role is named", "nobody is on duty"),
    Move("report_absent", (P,), State.ABSENT, "its officer, or a duty officer of the unit", "a reason"),
    Move("stand_in", (P, A), State.PLANNED, "another duty officer", "a reason; it begins later"),
    Move("step_in", (P, A), State.ON_DUTY, "another duty officer", "a reason; nobody is on duty"),
    Move("relieve", (D, H), None, "another duty officer", "a reason; all that is held passes to the new officer"),
    Move("ask_swap", (P,), None, "its officer", "another officer; a turn in return, or none"),
    Move("agree_swap", (P,), None, "the officer who was asked", "both shifts are still to come"),
    Move("refuse_swap", (P,), None, "the officer who was asked, or who asked", "–"),
    Move("sign_out", (D,), State.HANDING_OVER, "its officer", "the note as it was read: first signature"),
    Move("take_back", (H,), State.ON_DUTY, "its officer", "the second signature is not there"),
    Move("take_over", (H,), State.CLOSED, "another duty officer", "the second signature; all that is held passes"),
    Move("miss", (P, A), State.MISSED, "clock", "its end has come"),
    Move("lapse", (D, H), State.CLOSED, "clock", "its end is past by the overrun; the unit has the duty"),
    Move("drop", (P, A), State.DROPPED, "clock", "the roster no longer has it; nobody changed it by hand"),
)
TABLE: Mapping[str, Move] = {one.verb: one for one in MOVES}


def after(shift: Shift, verb: str) -> State:
    """The state to which a verb leads. NotOnDuty says what is possible instead."""
    move = TABLE[verb]
    if shift.state not in move.states:
        possible = ", ".join(one.verb for one in MOVES if shift.state in one.states) or "nothing"
        raise NotOnDuty(f"A shift that is {shift.state} cannot {verb}; possible are: {possible}.", state=shift.state)
    return move.leads_to or shift.state


def table_text() -> str:
    """The table as the documentation prints it."""
    lines = ["| Verb | From | To | Who | Needs |", "|---|---|---|---|---|"]
    for one in MOVES:
        states = ", ".join(f"`{state}`" for state in one.states)
        leads = f"`{one.leads_to}`" if one.leads_to else "as it was"
        lines.append(f"| `{one.verb}` | {states} | {leads} | {one.who} | {one.needs} |")
    return "\n".join(lines)
