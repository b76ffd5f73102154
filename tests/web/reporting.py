"""The reports of the city of the page tests: one signed, for the pages of reports."""

from dothi.evidence.report.service import accept, asked_about, begin, snapshot_of, submit, waiting, wording_of
from dothi.evidence.report.signing import Signature, sign
from dothi.ground.clock import now_us
from dothi.hub.model import Actor
from dothi.web.parts import Parts

OFFICER = Actor("user:sample-programme", frozenset({"programme_officer"}), frozenset({"46"}))
COMMUNE = "19789"


async def fill_report(parts: Parts) -> dict[str, str]:
    """Last year's report of the commune, signed; returns values for the {parts} of addresses."""
    here = parts.evidence
    about = asked_about(here, OFFICER, "year", COMMUNE, "2025", "", now_us())
    duty = await begin(here, OFFICER, about)
    snapshot = snapshot_of(here, duty)
    assert snapshot is not None
    for section in waiting(snapshot, wording_of(duty)):
        duty = await accept(here, OFFICER, duty.id, section.id)
    await submit(here, OFFICER, duty.id)
    signed = await sign(
        here, OFFICER, duty.id, Signature("1", "Người ký (mẫu)"), lambda name: lambda one: f"http://x/{one}"
    )
    bare = [name.split(":", 3)[3] for name in (duty.id, signed.id)]
    return {"duty": bare[0], "report": bare[1], "list": "due"}
