"""The case library's pages: who sees what, the form and its conflicts, collections, exports, the star."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import case_kit
import chat_kit
import openpyxl
import pytest
import web_kit
from sqlalchemy import Engine

from qa.people import UserRole


@pytest.fixture(scope="module")
def made(
    module_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[web_kit.Kit, chat_kit.Chats]]:
    """One application with inspected chats for the whole module; every test makes what it looks at."""
    folder = tmp_path_factory.mktemp("cases")
    with web_kit.kit_on(module_engine, folder) as kit:
        yield kit, chat_kit.put_in(module_engine, folder)


def text(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


FORM = {"title": "推脱的说法", "kind": "typical", "tags": "推诿，态度", "scenario": "售后", "task": "说清楚"}
NOTE = {"note-turn": "1", "note-good": "0", "note-text": "不能说不知道", "note-start": "2", "note-end": "5"}


def test_from_chat_to_published_case(made: tuple[web_kit.Kit, chat_kit.Chats]) -> None:
    kit, chats = made
    trainer, specialist, agent = kit.client("trainer"), kit.client("specialist"), kit.client("agent")
    page = text(trainer.get(f"/chats/{chats.three}"))
    assert f"/chats/{chats.three}/case" in page
    assert f"/chats/{chats.three}/similar-cases" in page
    form = text(trainer.get(f"/chats/{chats.three}/case?kind=typical"))
    assert chat_kit.PHONE not in form
    assert re.search(r'value="typical" checked', form)
    refused = trainer.send(f"/chats/{chats.three}/case", **FORM | {"title": " "}, **NOTE)
    assert refused.status_code == 422
    assert all(one in text(refused) for one in ("案例需要标题", "不能说不知道", "说清楚"))
    sent = trainer.send(f"/chats/{chats.three}/case", **FORM, **NOTE)
    case = sent.location
    assert sent.status_code == 302
    assert trainer.send(f"/chats/{chats.three}/case", **FORM, **NOTE).location == case  # sent twice, made once
    assert [one.get(case).status_code for one in (trainer, specialist, agent)] == [200, 404, 404]  # a draft
    assert specialist.send(f"{case}/state", state="published").status_code == 403
    assert trainer.send(f"{case}/state", state="odd").status_code == 400
    assert trainer.send(f"{case}/state", state="published").status_code == 302
    seen = text(agent.get(case))
    assert '<mark class="noted noted-bad">不知道</mark>' in seen
    assert "小王" not in seen
    assert f"/chats/{chats.three}" not in seen
    assert f"/chats/{chats.three}" in text(specialist.get(case))
    assert kit.client("agent", "elsewhere", merchants=("other",), agent_id="a-2").get(case).status_code == 404
    assert "推脱的说法" in text(agent.get("/cases?text=推脱&tag=态度"))
    assert "推脱的说法" not in text(agent.get("/cases?state=draft&kind=excellent"))
    beside = text(specialist.get(f"/chats/{chats.two}/similar-cases"))
    assert "推脱的说法" in beside
    assert "都提到" in beside
    trainer.send(f"{case}/state", state="withdrawn")
    assert agent.get(case).status_code == 404


def test_a_stale_form_keeps_what_was_typed(made: tuple[web_kit.Kit, chat_kit.Chats]) -> None:
    kit, _ = made
    case = case_kit.add(kit.engine)
    trainer = kit.client("trainer")
    assert trainer.send(f"/cases/{case}/edit", **FORM, version="1").status_code == 302
    stale = trainer.send(f"/cases/{case}/edit", **FORM | {"title": "我的说法"}, version="1", publish="1")
    assert stale.status_code == 409
    assert all(one in text(stale) for one in ('value="我的说法"', 'name="version" value="2"', "trainer 修改了"))
    long = trainer.send(f"/cases/{case}/edit", **FORM | {"scenario": "长" * 41}, version="2")
    assert (long.status_code, "长" * 41 in text(long)) == (422, True)
    done = trainer.send(f"/cases/{case}/edit", **FORM | {"title": "我的说法"}, version="2", publish="1")
    assert done.status_code == 302
    assert "我的说法" in text(kit.client("agent").get(f"/cases/{case}"))


def test_nominating_and_candidates(made: tuple[web_kit.Kit, chat_kit.Chats]) -> None:
    kit, chats = made
    specialist, trainer = kit.client("specialist"), kit.client("trainer")
    path = f"/chats/{chats.two}/nominated"
    by_htmx = specialist.send(path, kind="excellent", note="回答快", headers={"HX-Request": "true"})
    assert "已推荐" in text(by_htmx)
    assert specialist.send(path, kind="excellent", note="很清楚").status_code == 302
    assert specialist.send(path, kind="odd").status_code == 422
    page = text(trainer.get("/cases/candidates?source=people&since=2026-11-01&until=2026-11-30"))
    assert "很清楚" in page
    assert f"/chats/{chats.two}/case?kind=excellent" in page
    assert "没有候选会话" in text(trainer.get("/cases/candidates?until=2020-01-01&kind=typical&source=problem"))
    blind = trainer.get(f"/chats/{chats.blind}/case")
    assert (blind.status_code, blind.location) == (302, f"/chats/{chats.blind}")
    assert trainer.send(f"/chats/{chats.blind}/case", **FORM).status_code == 422


def test_folding(made: tuple[web_kit.Kit, chat_kit.Chats]) -> None:
    kit, _ = made
    trainer = kit.client("trainer")
    said = ("快递显示签收了可是我没有收到", "我马上联系快递核实，今天给您答复")
    one, other = (case_kit.add(kit.engine, said, title=title) for title in ("丢件甲", "丢件乙"))
    assert "几乎相同：100" in text(trainer.get(f"/cases/{other}"))
    assert [trainer.send(f"/cases/{other}/folded", into=into).status_code for into in ("x", str(other))] == [400, 422]
    assert trainer.send(f"/cases/{other}/folded", into=str(one)).status_code == 302
    assert "丢件乙" in text(kit.client("agent").get(f"/cases/{one}"))
    assert "丢件乙" not in text(kit.client("agent").get("/cases?text=快递"))
    trainer.send(f"/cases/{other}/folded", into="0")
    assert "丢件乙" in text(kit.client("agent").get("/cases?text=快递"))


def test_a_collection_and_its_files(made: tuple[web_kit.Kit, chat_kit.Chats]) -> None:
    kit, _ = made
    trainer, agent = kit.client("trainer"), kit.client("agent")
    naughty = '=cmd()"><script>alert(1)</script>'
    cases = [case_kit.add(kit.engine, title=title) for title in (naughty, "=1+1")]
    hidden = case_kit.add(kit.engine, state="draft", title="还没好")
    assert trainer.send("/collections", name=" ").status_code == 422
    place = trainer.send("/collections", name="=新人课/一", about="a", merchant="acme").location
    for case in (*cases, hidden):
        assert trainer.send(f"/cases/{case}/collected", collection=place.rpartition("/")[2]).status_code == 303
    assert trainer.send(f"/cases/{cases[0]}/collected", collection="x").status_code == 400
    made_on_the_way = trainer.send(f"/cases/{cases[0]}/collected", name="第二个")
    assert made_on_the_way.status_code == 303
    foreign = case_kit.add(kit.engine, merchant="other")
    refused = trainer.send(f"/cases/{foreign}/collected", collection=place.rpartition("/")[2])
    assert (refused.status_code, "该专题不包含此商家" in text(refused)) == (422, True)
    assert trainer.send(f"{place}/moved", case=str(cases[1]), to="up").location.endswith(f"#case-{cases[1]}")
    assert trainer.send(f"{place}/moved", to="up").status_code == 400
    assert trainer.send(f"{place}/removed", case=str(foreign)).status_code == 303
    assert trainer.send(f"{place}/name", name="").status_code == 422
    trainer.send(f"{place}/name", name="=新人课/二", about="b")
    assert "还没好" in text(trainer.get(place))
    assert [agent.send(f"{place}/{one}").status_code for one in ("xlsx", "handout", "dropped")] == [403] * 3
    assert kit.client("agent", "elsewhere", merchants=("other",), agent_id="a-2").get(place).status_code == 404

    file = trainer.send(f"{place}/xlsx")
    book = openpyxl.load_workbook(BytesIO(file.data))
    assert book.sheetnames == ["案例", "逐句点评", "对话"]
    rows = list(book["案例"].iter_rows(min_row=2))
    assert [row[1].value for row in rows] == ["=1+1", naughty]
    assert {cell.data_type for row in rows for cell in row if cell.value is not None} == {"s", "n"}
    handout = trainer.send(f"{place}/handout")
    page = text(handout)
    assert handout.headers["Content-Disposition"].startswith("attachment; filename")
    assert not re.search(r"<script|<link|<img|\ssrc=|url\(|https?://", page)
    assert "&lt;script&gt;" in page
    assert "还没好" not in page + text(agent.get(f"{place}/print"))
    assert "=新人课/二" in text(agent.get("/collections"))
    assert trainer.send(f"{place}/dropped").status_code == 400
    assert trainer.send(f"{place}/dropped", sure="yes").status_code == 302
    log = text(kit.client("lead").get("/audit"))
    assert all(action in log for action in ("collection.export", "collection.drop", "case.fold"))


def test_the_star_links_to_its_chats(made: tuple[web_kit.Kit, chat_kit.Chats]) -> None:
    kit, chats = made
    page = text(kit.client("trainer").get("/service-star?month=2026-11"))
    assert "会话数不足" in page
    link = re.search(r'href="(/service-star/chats\?[^"]+which=all)"', page)
    assert link is not None
    assert f"/chats/{chats.three}" in text(kit.client("trainer").get(link[1].replace("&amp;", "&")))
    assert "这里没有会话" in text(kit.client("trainer").get("/service-star/chats?merchant=%00&agent=x&which=red"))
    viewer = kit.client(UserRole.MERCHANT_VIEWER)
    foreign = viewer.get("/service-star/chats?merchant=other&agent=a-2&month=2026-11")
    assert "这里没有会话" in text(foreign)


def test_naughty_strings_stay_text(made: tuple[web_kit.Kit, chat_kit.Chats], shared_dir: Path) -> None:
    kit, _ = made
    trainer = kit.client("trainer")
    strings = json.loads((shared_dir / "suites" / "blns" / "blns.json").read_text("utf-8"))[:40]
    case = case_kit.add(kit.engine)
    for version, one in enumerate(strings, 1):
        sent = trainer.send(
            f"/cases/{case}/edit", title=f"x{one}"[:100], kind="typical", tags=one.replace(",", " ")[:30],
            situation=one, version=str(version), **NOTE | {"note-text": f"x{one}"},
        )  # fmt: skip
        assert sent.status_code == 302, one
        page = trainer.get(f"/cases/{case}")
        assert page.status_code == 200
        assert "<script>alert" not in text(page)
