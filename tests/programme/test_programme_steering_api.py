"""Council, pilots, directives and imports over HTTP, through the application itself: one walk, and what is refused."""

from pathlib import Path

from httpx import AsyncClient

from dothi.web.parts import Parts
from tests.programme.conftest import COMMUNE, PROVINCE
from tests.programme.papers import docx, scanned, xlsx
from tests.programme.test_programme_api import TASK, play

ROW = (1, "Lập kế hoạch thoát nước", "Sở Xây dựng", None, "Quý IV/2040", "Kế hoạch")
PILOT = {
    "title": "Đèn thông minh",
    "kind": "technology",
    "place": "Đường Lê Lợi",
    "unit": COMMUNE,
    "lead": COMMUNE,
    "begins": "2026-12-01",
    "ends": "2027-05-31",
    "indicators": [{"name": "Điện năng", "target": "giảm 30 %"}],
    "stops": ["Có tai nạn"],
    "exit": "Tháo thiết bị",
}


async def council(client: AsyncClient) -> None:
    body = {
        "name": "Hội đồng",
        "kind": "council",
        "unit": PROVINCE,
        "members": [{"position": "Chủ tịch", "unit": "46"}],
    }
    made = (await client.post("/api/council/bodies", json=body)).json()["id"]
    said = {"body": made, "title": "Phiên 1", "heldAt": "2026-11-02T08:00:00+07:00", "agenda": ["Quy chế"]}
    session = (await client.post("/api/council/sessions", json=said)).json()["id"]
    asked = await client.post(f"/api/council/sessions/{session}/rounds", json={"title": "Dự thảo", "hours": 8})
    opinion = (await client.get(f"/api/council/rounds/{asked.json()['id']}/opinions")).json()[0]["id"]
    answer = await client.post(f"/api/council/opinions/{opinion}", json={"stance": "changes", "words": "Thêm"})
    assert answer.status_code == 204
    assert (await client.post(f"/api/council/opinions/{opinion}", json={"stance": "agree"})).status_code == 409
    taken = {"answer": "taken", "reason": "Đã thêm"}
    assert (await client.post(f"/api/council/opinions/{opinion}/answer", json=taken)).status_code == 204
    concluded = {"words": "Lập kế hoạch", "task": {**TASK, "due": "2040-12-31"}, "key": "k1"}
    for _ in range(2):
        assert (await client.post(f"/api/council/sessions/{session}/conclusions", json=concluded)).status_code == 201
    found = (await client.get(f"/api/council/sessions/{session}/conclusions")).json()
    assert [one["taskState"] for one in found] == ["assigned"]
    assert len((await client.get("/api/tasks")).json()) == 1
    assert (await client.get("/api/council/bodies")).json()[0]["members"][0]["position"] == "Chủ tịch"
    assert len((await client.get("/api/council/sessions")).json()) == 1


async def pilots(client: AsyncClient) -> None:
    assert (await client.post("/api/pilots", json={**PILOT, "stops": []})).status_code == 400
    pilot = (await client.post("/api/pilots", json=PILOT)).json()["id"]
    scale = {"words": "Hai phường nữa", "units": ["19753"]}
    for verb, body in (("start", {}), ("notes", {"words": "giảm 28 %"}), ("end", {})):
        shut = await client.post(f"/api/pilots/{pilot}/scale-up", json=scale)
        assert (shut.status_code, shut.json()["gate"]) == (409, "open_review")
        assert (await client.post(f"/api/pilots/{pilot}/{verb}", json=body)).status_code == 204
    assert (await client.post(f"/api/pilots/{pilot}/stop", json={"condition": "Có tai nạn"})).status_code == 409
    review = {"lessons": "Lắp cảm biến trước", "verdict": "scale"}
    assert (await client.post(f"/api/pilots/{pilot}/review", json=review)).status_code == 204
    assert (await client.post(f"/api/pilots/{pilot}/scale-up", json=scale)).status_code == 201
    assert (await client.get("/api/pilots/lessons")).json()[0]["lessons"] == "Lắp cảm biến trước"
    assert (await client.get("/api/pilots")).json()[0]["state"] == "closed"


async def papers(client: AsyncClient) -> None:
    unit = {"unit": PROVINCE}
    scan = await client.post("/api/directives", files={"file": ("a.pdf", scanned())}, data=unit)
    assert (scan.status_code, scan.json()["problem"]) == (400, "scanned")
    letter = docx()
    taken = await client.post("/api/directives", files={"file": ("15.docx", letter)}, data=unit)
    directive = taken.json()["id"]
    again = await client.post("/api/directives", files={"file": ("lai.docx", letter)}, data=unit)
    assert again.status_code == 409
    first, second = (await client.get(f"/api/directives/{directive}/obligations")).json()
    body = {**TASK, "lead": first["lead"], "due": "2040-04-30", "units": [COMMUNE]}
    assert (await client.post(f"/api/obligations/{first['id']}/confirm", json=body)).status_code == 201
    assert (await client.post(f"/api/obligations/{first['id']}/confirm", json=body)).status_code == 409
    no = await client.post(f"/api/obligations/{second['id']}/reject", json={"reason": "Đã làm"})
    assert no.status_code == 204
    assert [(one["waiting"], one["obligations"]) for one in (await client.get("/api/directives")).json()][-1] == (0, 2)

    made = await client.post("/api/imports", files={"file": ("kh.xlsx", xlsx([ROW]))}, data=unit)
    plan = made.json()["id"]
    assert (await client.post(f"/api/imports/{plan}/issue")).status_code == 400
    row = await client.put(f"/api/imports/{plan}/rows/3", json={"cells": {"responsible": "Giám đốc Sở"}})
    assert row.json()["state"] == "ready"
    assert (await client.put(f"/api/imports/{plan}/rows/99", json={"cells": {}})).status_code == 404
    assert (await client.post(f"/api/imports/{plan}/issue")).json() == {"issued": 1}
    assert (await client.delete(f"/api/imports/{plan}/rows/3")).status_code == 409
    mapped = await client.put(f"/api/imports/{plan}/mapping", json={"mapping": {"title": 1}})
    assert mapped.status_code == 409
    assert (await client.get("/api/imports")).json()[0]["state"] == "done"


async def partners(client: AsyncClient) -> None:
    call = {
        "kind": "dialogue",
        "title": "Đối thoại",
        "words": "Gửi câu hỏi",
        "opens": "2026-01-01",
        "closes": "2040-12-31",
        "answerHours": 16,
        "unit": PROVINCE,
    }
    made = (await client.post("/api/calls", json=call)).json()["id"]
    said = {"title": "Hỏi", "words": "Ở đâu?", "name": "Công ty A"}
    code = (await client.post(f"/api/calls/{made}/submissions", json=said)).json()["code"]
    assert (await client.get(f"/api/calls/{made}/answers")).json() == {"answered": [], "waiting": 1}
    name = (await client.get(f"/api/submissions/{code}")).json()["id"]
    judged = await client.post(f"/api/submissions/{name}/judgement", json={"outcome": "answered", "answer": "Tại A"})
    assert judged.status_code == 204
    assert "Công ty A" not in (await client.get(f"/api/calls/{made}/answers")).text
    assert len((await client.get("/api/calls")).json()) == 1


async def chased(client: AsyncClient) -> None:
    task = (await client.post("/api/tasks", json={**TASK, "due": "2026-01-05"})).json()["id"]
    ask = {"subject": task, "question": "Vì sao trễ?"}
    made = await client.post("/api/explanations", json=ask)
    assert made.status_code == 201
    assert (await client.post("/api/explanations", json=ask)).status_code == 409
    name = made.json()["id"]
    # The officer speaks for the province; the task is a commune's.
    assert (await client.post(f"/api/explanations/{name}/answer", json={"answer": "Chờ"})).status_code == 403
    assert [one["state"] for one in (await client.get("/api/explanations")).json()] == ["asked"]
    assert (await client.get("/api/reminders", params={"task": task})).status_code == 200


def test_the_whole_walk(tmp_path: Path) -> None:
    """Each verb over HTTP does what it says, and each refusal has its status: 403, 404, 409, 400."""

    async def story(client: AsyncClient, parts: Parts) -> None:
        await council(client)
        await pilots(client)
        await papers(client)
        await partners(client)
        await chased(client)
        assert parts.hub.guarded()["ScaleUp"].startswith("POST /api/pilots")

    play(tmp_path, "programme_officer", story)


def test_an_official_calls_no_session(tmp_path: Path) -> None:
    """Who does not keep the programme reads it and is refused its verbs."""

    async def story(client: AsyncClient, parts: Parts) -> None:
        body = {"name": "Hội đồng", "kind": "council", "unit": PROVINCE, "members": [{"position": "A", "unit": "46"}]}
        assert (await client.post("/api/council/bodies", json=body)).status_code == 403
        assert (await client.post("/api/pilots", json=PILOT)).status_code == 403
        taken = await client.post("/api/directives", files={"file": ("15.docx", docx())}, data={"unit": PROVINCE})
        assert taken.status_code == 403
        assert (await client.get("/api/pilots")).json() == []

    play(tmp_path, "official", story)
