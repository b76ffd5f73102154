"""Trying alarm rules on the last 90 days: in a thread, with its progress on a page, and adopting what was tried."""

import asyncio
import secrets
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.ground.errors import DothiError, Invalid
from dothi.office.rules import adopt, check_day
from dothi.operations.model import Operations
from dothi.operations.rules.changing import Tables
from dothi.operations.rules.in_force import KIND
from dothi.operations.rules.trial import DAYS, AlarmTrial, try_rules
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.operations.rules.listing import KEEPERS
from dothi.web.pages.shown import STAFF
from dothi.web.pages.system.rule_sets import units_of
from dothi.web.parts import parts

KEPT = 40  # Trials that are remembered, the latest; a restart forgets them.
AT_ONCE_S = 1.5  # So long the answer waits before it shows the progress instead.
FAILED = 422
REASON_LETTERS = 10


@dataclass
class Job:
    """A trial under way or done, and what would be adopted."""

    unit: str
    day: str
    text: str  # TOML of the unit's own set.
    version: int
    back: str  # Address of the form, filled in.
    name: str  # Of the rule, or of the kind.
    before: Tables
    after: Tables
    rules: tuple[str, ...] = ()  # Told of even where nothing differs.
    reason: str = ""  # The decision, where it was named before trying.
    share: float = 0.0
    task: "asyncio.Task[AlarmTrial] | None" = field(default=None, repr=False)

    def hear(self, share: float) -> None:
        """Called by the thread that replays."""
        self.share = share


def start(operations: Operations, job: Job) -> str:
    """Start a trial in a thread; its key. Those that were started long ago are forgotten."""
    key, unit = secrets.token_urlsafe(9), job.unit or None
    run = asyncio.to_thread(try_rules, operations, unit, job.before, job.after, rules=job.rules, told=job.hear)
    job.task = asyncio.create_task(run)
    for old in list(operations.trials)[: max(0, len(operations.trials) - KEPT + 1)]:
        del operations.trials[old]
    operations.trials[key] = job
    return key


async def begin(request: Request, job: Job) -> Response:
    """Start a trial and go to its page; a quick one is done by then."""
    key = start(parts(request).operations, job)
    assert job.task is not None
    await asyncio.wait({job.task}, timeout=AT_ONCE_S)
    return redirect(request, f"/rules/trials/{key}")


async def one_trial(request: Request) -> Response:
    """What would other rules have done over the last 90 days?"""
    job = _job(request)
    if job is None or job.task is None:
        return redirect(request, "/rules", "alarmrules.trial.forgotten", level="info")
    if not job.task.done():
        answer = render(request, "operations/rules/progress.html", job=job, percent=round(job.share * 100), days=DAYS)
        answer.headers["Refresh"] = "2"
        return answer
    return _shown(request, job, {}, job.reason)


async def adopt_trial(request: Request) -> Response:
    """Let what was tried hold from its day on, by a decision."""
    job, form = _job(request), await request.form()
    if job is None:
        return redirect(request, "/rules", "alarmrules.trial.forgotten", level="info")
    reason = str(form.get("reason", "")).strip()
    try:
        if len(reason) < REASON_LETTERS:
            raise Invalid(words(request).t("rules.mend.reason"), field="reason")
        check_day(job.day, now_us())
        await adopt(parts(request).rules, visit(request).actor, KIND, job.unit, job.day, job.text, reason, job.version)
    except Invalid as error:
        return _shown(request, job, {"reason": error.detail}, reason)
    return redirect(request, f"/rules?unit={job.unit}", "rules.adopted", day=words(request).date(job.day))


def _job(request: Request) -> Job | None:
    found: Job | None = parts(request).operations.trials.get(request.path_params["trial"])
    return found


def _shown(request: Request, job: Job, problems: dict[str, str], reason: str) -> Response:
    assert job.task is not None
    failed = job.task.exception()
    if failed is not None:
        why = failed.detail if isinstance(failed, DothiError) else words(request).t("alarmrules.trial.broken")
        return render(request, "operations/rules/progress.html", FAILED, job=job, percent=-1, days=DAYS, why=why)
    return render(
        request,
        "operations/rules/trial.html",
        FAILED if problems else 200,
        job=job,
        found=job.task.result(),
        changed=bool(job.text.strip()),
        unit_word=dict(units_of(request)).get(job.unit, job.unit),
        days=DAYS,
        problems=problems,
        reason=reason,
        key=request.path_params["trial"],
        may_keep=bool(visit(request).actor.roles & KEEPERS),
    )


PAGES = (
    Page("/rules/trials/{trial}", one_trial, "alarmrules.trial.title", roles=STAFF),
    Page("/rules/trials/{trial}", adopt_trial, "alarmrules.trial.adopt", methods=("POST",), roles=KEEPERS),
)
