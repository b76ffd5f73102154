"""The few kinds of error, in words of the domain; one table (problem.py) maps kinds to HTTP.

A module's own error subclasses one of these kinds. `detail` says what, where and what to do.
"""


class DothiError(Exception):
    """Something in dothi could not be done."""

    def __init__(self, detail: str = "", **fields: object) -> None:
        """`detail` is shown to the caller; `fields` are further members of the problem document."""
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.fields = fields
        super().__init__(self.detail)


class Invalid(DothiError):
    """The input is malformed or breaks a rule of its format."""


class Missing(DothiError):
    """There is no such thing."""


class Conflict(DothiError):
    """It exists already, or was changed by someone else meanwhile."""


class Contrary(Conflict):
    """It contradicts something else that stands."""


class Forbidden(DothiError):
    """This actor may not do this."""


class Unauthenticated(DothiError):
    """Sign in first."""


class TooLarge(DothiError):
    """The input is larger than the limit."""


class Unsupported(DothiError):
    """The standard knows this, this server does not."""


class Unavailable(DothiError):
    """A part that is needed does not answer now; try again later."""


class Malformed(Invalid):
    """The input is not even well-formed (broken JSON, wrong member types)."""


class TooComplex(Invalid):
    """The query is too long or too deeply nested to be answered."""


class TooMany(DothiError):
    """The answer would be larger than the limit; narrow the question."""


class NoTenant(Missing):
    """There is no such tenant."""


class Full(DothiError):
    """There is no room left to keep it."""


class Damaged(Unavailable):
    """What was kept cannot be read any more as it was written."""


class ContextUnavailable(DothiError):
    """An @context that the request names cannot be had."""


class TooSoon(DothiError):
    """Too many tries; wait and try again."""
