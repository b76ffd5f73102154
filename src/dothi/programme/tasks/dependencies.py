"""Which task must be done before which; a circle is refused and told."""

from dothi.ground.errors import Invalid, Missing
from dothi.hub.model import Actor, Change, Commit, Op, read_one, rel, system
from dothi.programme.model import OWNER, IllegalMove, Programme, State, Task, task_of
from dothi.programme.tasks.workflow import OPEN

_SYSTEM = system("programme")


async def depend(programme: Programme, actor: Actor, name: str, before: str) -> None:
    """Let `name` wait for `before`. Invalid, with the circle, when `before` waits for `name` already."""
    one = _task(programme, actor, name)
    first = _task(programme, actor, before)
    if one.state not in OPEN:
        raise IllegalMove(f"Task {name} is {one.state}: it waits for nothing any more.")
    if first.state is State.DROPPED:
        raise Invalid("A task that was dropped is never done: do not wait for it.", field="before")
    reached = _reached(programme, first)
    if one.id in reached:
        names = " → ".join(reached[step].title for step in _way(reached, first.id, one.id))
        raise Invalid(f"That would be a circle: {one.title} → {names}.", field="before")
    if before in one.depends_on:
        return
    change = Change(Op.APPEND, one.id, attrs={"dependsOn": rel([*one.depends_on, before])})
    # What was looked at must still stand: two that close a circle from both sides cannot both pass.
    expect = {found.id: found.version for found in reached.values()} | {one.id: one.version}
    await programme.hub.commit(Commit(actor, (change,), "dependency set", expect, owner=OWNER))


async def release(programme: Programme, actor: Actor, name: str, before: str) -> None:
    """Let a task no longer wait for another."""
    one = _task(programme, actor, name)
    if before not in one.depends_on:
        raise Missing("This task does not wait for that one.")
    left = [found for found in one.depends_on if found != before]
    change = (
        Change(Op.APPEND, one.id, attrs={"dependsOn": rel(left)}) if left else Change(Op.DROP, one.id, name="dependsOn")
    )
    await programme.hub.commit(Commit(actor, (change,), "dependency removed", {one.id: one.version}, owner=OWNER))


def waits_for(programme: Programme, one: Task) -> list[Task]:
    """The tasks that a task still waits for: neither done nor dropped."""
    found = (_find(programme, name) for name in one.depends_on)
    return [before for before in found if before is not None and before.state in OPEN]


def _reached(programme: Programme, first: Task) -> dict[str, Task]:
    """A task and everything that it waits for, near and far, by id."""
    found, waiting = {first.id: first}, [first]
    while waiting:
        for name in waiting.pop().depends_on:
            following = None if name in found else _find(programme, name)
            if following is not None:
                found[name] = following
                waiting.append(following)
    return found


def _way(reached: dict[str, Task], start: str, end: str) -> list[str]:
    """One way of dependencies from `start` to `end`."""
    came = {start: ""}
    waiting = [start]
    while waiting:
        step = waiting.pop(0)
        for name in reached[step].depends_on:
            if name in reached and name not in came:
                came[name] = step
                waiting.append(name)
    way, step = [], end
    while step:
        way.append(step)
        step = came[step]
    return way[::-1]


def _task(programme: Programme, actor: Actor, name: str) -> Task:
    entity = programme.hub.get(actor, name)
    if "Task" not in entity.types:
        raise Missing(f"{name} is not a task.")
    return read_one(entity, task_of)


def _find(programme: Programme, name: str) -> Task | None:
    try:
        return read_one(programme.hub.get(_SYSTEM, name), task_of)
    except Missing:
        return None
