"""The life of a pilot as one table: which verb may follow which state, and where it leads."""

from enum import StrEnum

from dothi.programme.pilots.model import GateClosed, IllegalMove, Pilot, State, Verdict


class Verb(StrEnum):
    """What can be done with a pilot."""

    START = "start"
    NOTE = "note"
    STOP = "stop"
    END = "end"
    REVIEW = "review"


NEXT: dict[tuple[State, Verb], State] = {
    (State.PROPOSED, Verb.START): State.RUNNING,
    (State.RUNNING, Verb.NOTE): State.RUNNING,
    (State.RUNNING, Verb.STOP): State.STOPPED,
    (State.RUNNING, Verb.END): State.ENDED,
    (State.STOPPED, Verb.REVIEW): State.CLOSED,
    (State.ENDED, Verb.REVIEW): State.CLOSED,
}


def after(pilot: Pilot, verb: Verb) -> State:
    """The state that follows; IllegalMove when the verb does not fit."""
    following = NEXT.get((pilot.state, verb))
    if following is None:
        raise IllegalMove(f"This pilot is {pilot.state}: it cannot {verb}.", state=pilot.state.value)
    return following


def check_gate(pilot: Pilot) -> None:
    """Raise GateClosed, saying why, unless the pilot was reviewed and its review speaks for scaling up."""
    if pilot.state is not State.CLOSED:
        raise GateClosed(
            f"The pilot is {pilot.state}, its review is not closed: end it, write the lessons, then scale up.",
            gate="open_review",
            state=pilot.state.value,
        )
    if pilot.verdict is Verdict.ABANDON:
        raise GateClosed("The review of this pilot says not to go on with it.", gate="abandoned")
