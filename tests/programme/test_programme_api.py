"""The programme over HTTP, through the application itself: signed in, with a real hub, files and policy."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient

from dothi.accounts.model import NewUser
from dothi.accounts.people import SETUP, create_user
from dothi.app import close_city, make_app, open_city
from dothi.hub.model import Commit, create, prop, rel, system
from dothi.programme.model import PROPOSALS
from dothi.settings import Settings
from dothi.web.parts import Parts
from tests.programme.conftest import COMMUNE, ELSEWHERE, PDF, PROVINCE

TASK = {
    "title": "Thay đèn",
    "lead": COMMUNE,
    "due": "2026-12-31",
    "output": "Biên bản",
    "units": [COMMUNE],
    "responsible": "Trưởng phòng Kinh tế",
    "evidenceKind": "minutes",
}
PASSWORD = "bốn con ngựa vằn"
Story = Callable[[AsyncClient, Parts], Awaitable[None]]


@asynccontextmanager
async def signed_in(parts: Parts, settings: Settings) -> AsyncIterator[AsyncClient]:
    """A client that has signed in and sends its token with each request."""
    transport = ASGITransport(make_app(parts, settings))
    async with AsyncClient(transport=transport, base_url="http://city.vn") as client:
        answer = await client.post("/api/session", json={"login": "lan", "password": PASSWORD})
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield client


def play(folder: Path, role: str, story: Story) -> None:
    """Open a city, sign somebody of a role in, and tell the story."""

    async def run() -> None:
        settings = Settings(data=folder)
        parts = await open_city(settings)
        new = NewUser("lan", "Lan", frozenset({role}), frozenset({PROVINCE}), password=PASSWORD)
        await create_user(parts.accounts, SETUP, new)
        async with signed_in(parts, settings) as client:
            await story(client, parts)
        await close_city(parts)

    asyncio.run(run())


def test_a_task_from_article_to_evidence(tmp_path: Path) -> None:
    """An article is written, a task issued by it, extended, and finished with a file; each answer says what is."""

    async def story(client: AsyncClient, parts: Parts) -> None:
        body = {"document": "269/2025/NĐ-CP", "article": 6, "clause": 2, "point": "đ", "validFrom": "2025-10-14"}
        law = (await client.post("/api/legal-bases", json=body)).json()
        assert law["citation"] == "Điểm đ khoản 2 Điều 6 Nghị định 269/2025/NĐ-CP"
        assert [one["point"] for one in (await client.get("/api/legal-bases?day=2026-01-01")).json()] == ["đ"]
        assert (await client.get("/api/legal-bases?day=2025-01-01")).json() == []

        headers = {"Idempotency-Key": "1"}
        sent = [await client.post("/api/tasks", json=TASK | {"legalBasis": law["id"]}, headers=headers) for _ in "ab"]
        assert {one.status_code for one in sent} == {201}
        (task,) = (await client.get("/api/tasks")).json()
        address = f"/api/tasks/{task['id']}"
        assert task["legal_basis"] == law["id"]

        assert (await client.post(f"{address}/progress", json={"percent": 40, "note": "Đã mua"})).status_code == 204
        said = {"due": "2027-01-31", "reason": "Thiếu vật tư"}
        assert (await client.post(f"{address}/extend", json=said)).status_code == 204
        files = [("evidence", ("nghiem-thu.pdf", PDF, "application/pdf"))]
        assert (await client.post(f"{address}/finish", files=files, data={"note": "Xong"})).status_code == 204
        done = (await client.get(address)).json()
        assert (done["state"], done["due"][:10], done["original_due"][:10]) == ("done", "2027-01-31", "2026-12-31")
        assert (done["lateByOriginal"], done["lateByAgreed"]) == (False, False)
        assert parts.hub.read_file(done["evidence"][0]["sha256"]) == PDF
        assert (await client.get("/api/tasks")).json() == []
        assert [one["id"] for one in (await client.get("/api/tasks?closed=true")).json()] == [done["id"]]
        assert (await client.post(f"{address}/drop", json={"reason": "thôi"})).status_code == 409

    play(tmp_path, "programme_officer", story)


def test_bad_orders(tmp_path: Path) -> None:
    """What is unclear, malformed, out of the area or a false file is refused with words, and writes nothing."""

    async def story(client: AsyncClient, parts: Parts) -> None:
        unclear = await client.post("/api/tasks", json={"title": "Thay đèn"})
        assert unclear.status_code == 400
        assert "kết quả (output)" in unclear.json()["detail"]
        for body, status in (
            (TASK | {"due": "mai"}, 400),
            (TASK | {"lead": "Huế"}, 422),
            (TASK | {"colour": "red"}, 422),
            (TASK | {"units": [ELSEWHERE], "lead": ELSEWHERE}, 403),
        ):
            assert (await client.post("/api/tasks", json=body)).status_code == status
        assert (await client.get("/api/tasks")).json() == []

        name = (await client.post("/api/tasks", json=TASK)).json()["id"]
        script = [("evidence", ("x.pdf", b"<script>alert(1)</script>", "application/pdf"))]
        assert (await client.post(f"/api/tasks/{name}/finish", files=script)).status_code == 400
        assert (await client.post(f"/api/tasks/{name}/progress", json={"percent": 101})).status_code == 400
        assert (await client.get("/api/tasks/urn:ngsi-ld:Task:none")).status_code == 404
        del client.headers["X-CSRF-Token"]
        assert (await client.post("/api/tasks", json=TASK)).status_code == 403

    play(tmp_path, "programme_officer", story)


def test_proposals(tmp_path: Path) -> None:
    """A proposal is listed, accepted as a task with its sources, and another declined with its reason."""

    async def story(client: AsyncClient, parts: Parts) -> None:
        for name in ("1", "2"):
            sources = rel([f"urn:ngsi-ld:CitizenReport:{name}"])
            said = {"state": prop("proposed"), "kind": prop("recurring"), "unit": prop(COMMUNE), "sources": sources}
            change = create(f"urn:ngsi-ld:Proposal:{name}", "Proposal", **said)
            await parts.hub.commit(Commit(system("citizens"), (change,), owner=PROPOSALS))
        listed = (await client.get("/api/proposals")).json()
        assert [one["id"][-1] for one in listed] == ["2", "1"]
        made = await client.post(f"/api/proposals/{listed[1]['id']}/accept", json=TASK)
        assert made.status_code == 201
        task = (await client.get(f"/api/tasks/{made.json()['id']}")).json()
        assert task["sources"] == ["urn:ngsi-ld:Proposal:1", "urn:ngsi-ld:CitizenReport:1"]
        declined = await client.post(f"/api/proposals/{listed[0]['id']}/decline", json={"reason": "Đã có kế hoạch"})
        assert declined.status_code == 204
        assert (await client.get("/api/proposals")).json() == []

    play(tmp_path, "programme_officer", story)


@pytest.mark.parametrize("role", ["duty_officer", "assessor", "citizen"])
def test_who_issues_no_task(tmp_path: Path, role: str) -> None:
    """Those whose work it is not are refused; a citizen does not even read the list."""

    async def story(client: AsyncClient, parts: Parts) -> None:
        assert (await client.post("/api/tasks", json=TASK)).status_code == 403
        assert (await client.get("/api/tasks")).status_code == (403 if role == "citizen" else 200)

    play(tmp_path, role, story)


def test_planning(tmp_path: Path) -> None:
    """A scheme with a target, a plan under its code, a project with its money, the chart and the law: all as JSON."""

    async def story(client: AsyncClient, parts: Parts) -> None:
        law = (await client.post("/api/legal-bases", json={"document": "269/2025/NĐ-CP", "article": 6})).json()["id"]
        stages = [{"first": 2026, "last": 2030, "level": 2}]
        scheme = {"title": "Đề án (mẫu)", "unit": PROVINCE, "year": 2026, "vision": "Đáng sống", "visionYear": 2035}
        made = await client.post("/api/schemes", json=scheme | {"stages": stages, "legalBases": [law]})
        assert made.status_code == 201
        name = made.json()["id"]
        assert name.endswith(f"DEAN-{PROVINCE}-2026-001")
        refused = await client.post(
            "/api/schemes", json=scheme | {"stages": [{"first": 2026, "last": 2040, "level": 2}]}
        )
        assert (refused.status_code, refused.json()["title"]) == (400, "The input is not valid")
        goal = {"title": "Cấp độ 2", "year": 2027, "unit": PROVINCE, "level": 2, "legalBasis": law}
        target = (await client.post(f"/api/schemes/{name}/targets", json=goal)).json()["id"]
        (read,) = (await client.get(f"/api/schemes/{name}/targets")).json()
        assert (read["id"], read["reached"]["standing"]) == (target, "unknown")
        assert (await client.post(f"/api/schemes/{name}/approve", json={"number": "1"})).status_code == 409
        assert (await client.post(f"/api/schemes/{name}/consult", json={"note": "30 ngày"})).status_code == 204
        assert (await client.get(f"/api/schemes/{name}")).json()["state"] == "consulted"

        body = {"title": "Kế hoạch (mẫu)", "unit": PROVINCE, "year": 2026, "kind": "local", "scheme": name}
        plan = (await client.post("/api/plans", json=body)).json()["id"]
        task = (await client.post("/api/tasks", json=TASK | {"plan": plan, "targets": [target]})).json()["id"]
        drawn = (await client.get(f"/api/plans/KH-{PROVINCE}-2026-001/gantt?baseline=2026-01-01")).json()
        assert [(one["id"], one["then"]) for one in drawn["tasks"]] == [(task, None)]

        project = {"title": "Dự án (mẫu)", "plan": plan, "unit": PROVINCE, "lead": COMMUNE, "units": [COMMUNE]}
        project |= {"year": 2026, "starts": "2026-01-01", "ends": "2027-01-01", "longitude": 107.58, "latitude": 16.46}
        code = (await client.post("/api/projects", json=project)).json()["id"].rpartition(":")[2]
        money = {"funding": [{"kind": "ppp", "amount": 5_000_000_000}], "capex": 6_000_000_000, "opex": 0}
        assert (await client.post(f"/api/projects/{code}/finance", json=money)).status_code == 204
        half = money | {"capex": 1.5}
        assert (await client.post(f"/api/projects/{code}/finance", json=half)).status_code == 422
        assert (await client.post(f"/api/projects/{code}/approved", json={"reason": ""})).status_code == 204
        paid = {"day": "2026-02-01", "amount": 6_000_000_000, "kind": "ppp"}
        assert (await client.post(f"/api/projects/{code}/payments", json=paid)).status_code == 400
        paid["amount"] = 1_000_000_000
        assert (await client.post(f"/api/projects/{code}/payments", json=paid)).status_code == 204
        sums = (await client.get(f"/api/plans/{plan}/finance?until=2026-12-31")).json()
        assert (sums["funded"], sums["disbursed"], sums["share"]) == (5_000_000_000, 1_000_000_000, 0.2)
        rests = (await client.get(f"/api/legal-bases/{law}/resting")).json()
        assert {kind: one["count"] for kind, one in rests["resting"].items()} == {"Scheme": 1, "SchemeTarget": 1}
        whole = (await client.get("/api/programme")).json()
        assert (whole["tasks"]["open"], whole["plans"][0]["tasks"]["open"]) == (1, 1)
        assert (await client.get("/api/plans/KH-46-1999-001")).status_code == 404

    play(tmp_path, "programme_officer", story)


def test_work_on_a_task(tmp_path: Path) -> None:
    """Parts, requests, bottlenecks, order and evidence over HTTP: what does not fit is refused and says what to do."""

    async def story(client: AsyncClient, parts: Parts) -> None:
        task = (await client.post("/api/tasks", json=TASK | {"cooperating": ["19753"]})).json()["id"]
        other = (await client.post("/api/tasks", json=TASK | {"title": "Khác"})).json()["id"]
        address = f"/api/tasks/{task}"
        (part,) = (await client.get(f"{address}/parts")).json()["parts"]
        answered = await client.post(f"/api/parts/{part['id']}/accept", json={})
        assert (answered.status_code, "19753" in answered.json()["detail"]) == (403, True)
        assert (await client.post(f"/api/parts/{part['id']}/waive", json={"said": "Tự làm"})).status_code == 204
        assert (await client.post(f"/api/parts/{part['id']}/finish", json={"said": "x"})).status_code == 409
        assert (await client.post(f"/api/parts/{part['id']}/eat", json={})).status_code == 422

        said = {"due": "2027-01-31", "reason": "Thiếu vật tư"}
        asked = (await client.post(f"{address}/extension", json=said)).json()["id"]
        assert (await client.post(f"/api/extensions/{asked}/decide", json={"agreed": True})).status_code == 403
        assert [one["state"] for one in (await client.get(f"{address}/extensions")).json()] == ["asked"]

        block = {"kind": "data", "words": "Thiếu số liệu", "owner": PROVINCE, "due": "2026-12-01"}
        made = (await client.post(f"{address}/bottlenecks", json=block)).json()["id"]
        assert (await client.get("/api/bottlenecks")).json()["data"] == 1
        assert (await client.post(f"/api/bottlenecks/{made}/resolve", json={"reason": "Đã có"})).status_code == 204
        assert (await client.post(f"{address}/bottlenecks", json=block | {"kind": "rain"})).status_code == 400

        assert (await client.post(f"{address}/depends-on", json={"before": other})).status_code == 204
        circle = await client.post(f"/api/tasks/{other}/depends-on", json={"before": task})
        assert (circle.status_code, "circle" in circle.json()["detail"]) == (400, True)

        file = {"file": ("bien-ban.pdf", PDF, "application/pdf")}
        about = {"unit": COMMUNE, "kind": "minutes", "issuer": "Sở (mẫu)", "validTo": "2099-12-31"}
        kept = (await client.post("/api/evidence-files", files=file, data=about)).json()["id"]
        assert (await client.post(f"{address}/evidence", json={"evidence": [kept]})).status_code == 204
        (read,) = (await client.get("/api/evidence-files")).json()
        assert (read["issuer"], read["expired"]) == ("Sở (mẫu)", False)
        photo = about | {"kind": "photo"}
        assert (await client.post("/api/evidence-files", files=file, data=photo)).status_code == 400
        described = (await client.get("/api/openapi.json")).json()["paths"]
        assert {"/parts/{part_id}/{verb}", "/plans/{name}/gantt", "/schemes/{name}/sum-up"} <= described.keys()

    play(tmp_path, "programme_officer", story)
