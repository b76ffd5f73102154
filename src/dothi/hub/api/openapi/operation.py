"""One method of one path as a value, and the statuses that go together."""

from typing import NamedTuple

ALWAYS = (400, 401, 403, 404, 422, 503, 504)
READ = (*ALWAYS, 406)
WRITE = (*ALWAYS, 409, 411, 413, 415)
SHARED = (207,)  # Partly done: others hold parts of the entity, and one of them refused (clause 6.3.17).


class Operation(NamedTuple):
    """One method of one path. `body` names a schema of the components; `answer` that of the 200 (or 201) body."""

    path: str
    method: str
    name: str
    clause: str
    statuses: tuple[int, ...]
    parameters: tuple[str, ...] = ()
    body: str = ""
    answer: str = ""
