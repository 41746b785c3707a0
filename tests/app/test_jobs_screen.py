"""The jobs screen and the screen of one job, driven by keys, with jobs that really run."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from jobs_at_work import end_all, ended, eventually, python_job, run_to_end
from textual.pilot import Pilot
from textual.widgets import Input
from textual.widgets._toast import Toast
from waiting import until

from emotui.app.app import EmoTUI
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.screens.job_detail import JobDetailScreen
from emotui.app.screens.jobs import JobsScreen
from emotui.app.widgets.job_table import JobTable
from emotui.app.widgets.log_view import LogView
from emotui.app.widgets.plain import Plain
from emotui.jobs import control
from emotui.jobs.job import JobState
from emotui.jobs.store import JobStore
from emotui.operations.services import Services
from emotui.support.errors import NotFoundError
from emotui.support.paths import find_paths

SLEEP = "import time; print('begun'); time.sleep(60)"
SIZES = [(80, 24), (120, 40), (40, 12)]


@pytest.fixture
def services(sealed_home: Path) -> Iterator[Services]:
    services = Services(find_paths({"EMOTUI_HOME": str(sealed_home / "emotui")}), {})
    yield services
    end_all(services.jobs)


@pytest.fixture
def store(services: Services) -> JobStore:
    return services.jobs


@asynccontextmanager
async def running(
    services: Services, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], JobsScreen]]:
    app = EmoTUI(services, first_screen="jobs")
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, JobsScreen) and app.screen.has_looked)
        screen = app.screen
        assert isinstance(screen, JobsScreen)
        yield pilot, screen


def table_of(screen: JobsScreen) -> list[list[str]]:
    table = screen.query_one(JobTable)
    return [[cell.plain for cell in table.get_row_at(row)] for row in range(table.row_count)]


def text_of(screen: JobsScreen | JobDetailScreen, selector: str) -> str:
    return str(screen.query_one(selector, Plain).render())


def shown_log(view: LogView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.scrollable_content_region.height)]


async def opened(pilot: Pilot[None]) -> JobDetailScreen:
    """Open the job under the cursor."""
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, JobDetailScreen))
    screen = pilot.app.screen
    assert isinstance(screen, JobDetailScreen)
    await until(pilot, lambda: screen.job is not None)
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_without_jobs_it_says_how_one_comes_to_be(
    services: Services, size: tuple[int, int]
) -> None:
    async with running(services, size) as (_pilot, screen):
        assert "press c" in text_of(screen, "#jobs-empty")
        assert not screen.query_one(JobTable).display


async def test_jobs_of_earlier_starts_are_there(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    run_to_end(store, python_job(tmp_path, "raise SystemExit(3)", title="first"))
    run_to_end(store, python_job(tmp_path, "", title="second"))
    async with running(services) as (_pilot, screen):
        rows = table_of(screen)
    assert sorted((row[0], row[1]) for row in rows) == [
        ("failed", "first"),
        ("succeeded", "second"),
    ]
    assert all(row[4] for row in rows)


BARS = """
import os, sys, time
for done in (0, 8, 16):
    print(f'\\rConvert to turbomind format:  {done * 3}%|#| {done}/32 [00:01<00:05]', end='')
while not os.path.exists('go'): time.sleep(0.02)
"""


async def test_a_running_job_shows_its_progress_and_its_end_by_itself(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    control.submit(store, python_job(tmp_path, BARS, kind="convert", title="a model"))
    async with running(services) as (pilot, screen):
        await until(pilot, lambda: "50%" in table_of(screen)[0][2])
        assert table_of(screen)[0][:2] == ["running", "a model"]
        detail = await opened(pilot)
        await until(pilot, lambda: "50%" in text_of(detail, "#job-progress"))
        assert "16/32" in text_of(detail, "#job-progress")
        (tmp_path / "go").touch()
        await until(pilot, lambda: text_of(detail, "#job-progress") == "succeeded")
        await pilot.press("escape")
        await until(pilot, lambda: table_of(screen)[0][0] == "succeeded")


async def test_the_detail_tells_command_environment_and_reason(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    spec = python_job(tmp_path, "print('last words'); raise SystemExit(3)", env={"HF_HOME": "/a b"})
    run_to_end(store, spec)
    async with running(services, (120, 40)) as (pilot, _screen):
        detail = await opened(pilot)
        view = detail.query_one(LogView)
        await until(pilot, lambda: shown_log(view)[0] == "last words")
        svg = pilot.app.export_screenshot()
    for part in ("SystemExit(3)", "HF_HOME=", "exit&#160;status&#160;3"):
        assert part in svg


async def test_stopping_asks_first(services: Services, store: JobStore, tmp_path: Path) -> None:
    job = control.submit(store, python_job(tmp_path, SLEEP))
    async with running(services) as (pilot, screen):
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert store.get(job.id).state is JobState.RUNNING
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: table_of(screen)[0][0] == "cancelled")
    assert store.get(job.id).state is JobState.CANCELLED


async def test_only_what_is_possible_is_offered(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    run_to_end(store, python_job(tmp_path, ""))
    async with running(services) as (pilot, screen):
        offered = {active.binding.action for active in screen.active_bindings.values()}
        await pilot.press("x")
        assert pilot.app.screen is screen
    assert "remove_job" in offered
    assert "cancel_job" not in offered


async def test_deleting_asks_first_and_leaves_the_list(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    job = run_to_end(store, python_job(tmp_path, ""))
    async with running(services) as (pilot, screen):
        await opened(pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.screen is screen and not screen.jobs)
        assert screen.query_one("#jobs-empty").display
    with pytest.raises(NotFoundError):
        store.get(job.id)


async def test_a_job_that_is_deleted_elsewhere_closes_its_screen(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    job = run_to_end(store, python_job(tmp_path, ""))
    async with running(services) as (pilot, screen):
        await opened(pilot)
        store.remove(job.id)
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_the_filter_narrows_and_letters_do_not_act_in_it(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    run_to_end(store, python_job(tmp_path, "", title="dx quick"))
    run_to_end(store, python_job(tmp_path, "raise SystemExit(1)", title="other"))
    async with running(services) as (pilot, screen):
        await pilot.press("slash", *"dx q")
        assert screen.query_one(Input).value == "dx q"
        assert [row[1] for row in table_of(screen)] == ["dx quick"]
        await pilot.press("enter")
        assert isinstance(screen.focused, JobTable)
        await pilot.press("escape")
        assert len(table_of(screen)) == 2
        await pilot.press("slash", *"failed")
        assert [row[1] for row in table_of(screen)] == ["other"]
        await pilot.press(*"zzz")
        assert "Esc" in text_of(screen, "#jobs-empty")


async def test_the_cursor_stays_on_its_job_when_others_come(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    kept = run_to_end(store, python_job(tmp_path, "", title="kept"))
    async with running(services) as (pilot, screen):
        run_to_end(store, python_job(tmp_path, "", title="new"))
        await until(pilot, lambda: len(table_of(screen)) == 2)
        chosen = screen.query_one(JobTable).chosen
    assert chosen is not None
    assert chosen.id == kept.id


GROW = """
import os, time
for number in range(200): print('line', number)
while not os.path.exists('go'): time.sleep(0.02)
for number in range(200, 210): print('line', number)
time.sleep(60)
"""


async def test_a_log_follows_its_end_until_one_looks_upwards(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    control.submit(store, python_job(tmp_path, GROW))
    async with running(services) as (pilot, _screen):
        view = (await opened(pilot)).query_one(LogView)
        await until(pilot, lambda: shown_log(view)[-1] == "line 199")
        await pilot.press("up")
        assert not view.following
        await until(pilot, lambda: shown_log(view)[-1] == "line 198")
        (tmp_path / "go").touch()
        await until(pilot, lambda: len(view.index) == 210)
        assert shown_log(view)[-1] == "line 198"
        assert "line 199 of 210" in str(view.border_title)
        await pilot.press("end")
        await until(pilot, lambda: shown_log(view)[-1] == "line 209")
        assert view.following
        await pilot.press("home")
        await until(pilot, lambda: shown_log(view)[0] == "line 0")
        await pilot.press("f")
        await until(pilot, lambda: shown_log(view)[-1] == "line 209")


async def test_a_redrawn_line_is_one_line_that_moves(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    program = (
        "import os, time\nprint('head')\nn = 0\nwhile True:\n print(f'\\r{n:6d}/end', end='')\n"
        " n += 1\n time.sleep(0.02)"
    )
    control.submit(store, python_job(tmp_path, program))
    async with running(services) as (pilot, _screen):
        view = (await opened(pilot)).query_one(LogView)
        await until(pilot, lambda: "/end" in shown_log(view)[1])
        before = shown_log(view)[1]
        await until(pilot, lambda: shown_log(view)[1] > before)
        assert len(view.index) == 2


async def test_a_big_log_opens_at_its_end_and_every_line_can_be_reached(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    job = run_to_end(store, python_job(tmp_path, ""))
    with job.log_path.open("wb") as file:
        for start in range(0, 300_000, 10_000):
            file.write(b"".join(b"line %06d of many\n" % n for n in range(start, start + 10_000)))
    async with running(services) as (pilot, _screen):
        view = (await opened(pilot)).query_one(LogView)
        await until(pilot, lambda: shown_log(view)[-1] == "line 299999 of many")
        await until(pilot, lambda: len(view.index) == 300_000)
        assert shown_log(view)[-1] == "line 299999 of many"
        await pilot.press("home")
        await until(pilot, lambda: shown_log(view)[0] == "line 000000 of many")


async def test_looking_at_the_tail_stays_there_when_the_head_is_known(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    job = run_to_end(store, python_job(tmp_path, ""))
    job.log_path.write_bytes(b"".join(b"line %06d of many\n" % n for n in range(300_000)))
    async with running(services) as (pilot, _screen):
        view = (await opened(pilot)).query_one(LogView)
        await until(pilot, lambda: shown_log(view)[-1] == "line 299999 of many")
        await pilot.press("pageup")
        await until(pilot, lambda: not view.following)
        line = shown_log(view)[0]
        await until(pilot, lambda: len(view.index) == 300_000)
        assert shown_log(view)[0] == line


EVIL = "\x1b]52;c;ZWNobw==\x07[/nope] [@click=app.quit]x[/] \x9b31m\u202e"


@pytest.mark.parametrize("size", SIZES[1:])
async def test_text_from_outside_is_only_text(
    services: Services, store: JobStore, tmp_path: Path, size: tuple[int, int]
) -> None:
    program = "import sys; sys.stdout.buffer.write(sys.argv[1].encode())"
    run_to_end(store, python_job(tmp_path, program, EVIL, title=EVIL, env={"A": EVIL}))
    async with running(services, size) as (pilot, screen):
        assert "[/nope]" in table_of(screen)[0][1]
        detail = await opened(pilot)
        view = detail.query_one(LogView)
        await until(pilot, lambda: "[/nope]" in view.line(0))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert "\x1b" not in pilot.app.export_screenshot()


async def test_a_damaged_record_is_marked_and_explained(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    job = run_to_end(store, python_job(tmp_path, ""))
    (store.path(job.id) / "exit.json").write_text("{")
    async with running(services) as (pilot, screen):
        assert table_of(screen)[0][:2] == ["lost", "a test !"]
        await opened(pilot)
        await until(pilot, lambda: "damaged" in pilot.app.export_screenshot())


async def test_another_screen_can_lead_to_a_job(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    first = run_to_end(store, python_job(tmp_path, "", title="first"))
    second = run_to_end(store, python_job(tmp_path, "", title="second"))
    app = EmoTUI(services)
    async with app.run_test(size=(80, 24)) as pilot:
        for job in (first, second):
            await app.open_jobs(job.id)
            await until(pilot, lambda: isinstance(app.screen, JobDetailScreen))
            screen = app.screen
            assert isinstance(screen, JobDetailScreen)
            assert screen.job_id == job.id
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))


async def test_the_end_of_a_job_is_told_on_every_screen(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    program = (
        "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\nraise SystemExit(3)"
    )
    control.submit(store, python_job(tmp_path, program, title="[/red] work"))
    async with running(services) as (pilot, screen):
        await pilot.press("f2")
        await until(pilot, lambda: pilot.app.screen is not screen)
        known = screen.jobs
        (tmp_path / "go").touch()
        await until(pilot, lambda: pilot.app.screen.query(Toast))
        notice = str(pilot.app.screen.query(Toast).first().render())
        assert "“[/red] work” has failed." in notice
        # Away from the screen, its own looking rests.
        assert screen.jobs is known
        await pilot.press("4")
        await until(pilot, lambda: table_of(screen)[0][0] == "failed")


async def test_a_switch_of_language_keeps_what_is_shown(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    run_to_end(store, python_job(tmp_path, "print('out')"))
    async with running(services) as (pilot, screen):
        await opened(pilot)
        app = pilot.app
        assert isinstance(app, EmoTUI)
        await app.action_use_language("zh_CN")
        detail = app.screen
        assert isinstance(detail, JobDetailScreen)
        await until(pilot, lambda: text_of(detail, "#job-progress") == "已成功")
        await until(pilot, lambda: shown_log(detail.query_one(LogView))[0] == "out")
        await pilot.press("escape")
        await until(pilot, lambda: table_of(screen)[0][0] == "已成功")


def many_jobs(store: JobStore, tmp_path: Path, count: int) -> None:
    record = (store.path(store.create(python_job(tmp_path, "")).id) / "spec.json").read_bytes()
    end = {"state": "succeeded", "ended": 1.8e9, "seconds": 1.0, "exit_status": 0}
    more = {"started": 1.8e9, "signal": None, "leftovers": [], "reason": None}
    for number in range(count):
        folder = store.folder / f"20260101-000000-{number:06d}"
        folder.mkdir()
        (folder / "spec.json").write_bytes(record)
        (folder / "exit.json").write_text(json.dumps(end | more))


async def test_a_thousand_jobs_are_usable(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    many_jobs(store, tmp_path, 1000)
    async with running(services) as (pilot, screen):
        await until(pilot, lambda: len(table_of(screen)) == 1001)
        built = screen.query_one(JobTable).columns
        began = time.monotonic()
        await pilot.press("G", *["up"] * 20, "g", *["down"] * 20)
        took = time.monotonic() - began
        screen.fill()
        assert screen.query_one(JobTable).columns is built
    assert took < 10


async def test_leaving_the_app_leaves_the_job(
    services: Services, store: JobStore, tmp_path: Path
) -> None:
    program = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)"
    job = control.submit(store, python_job(tmp_path, program))
    async with running(services) as (pilot, _screen):
        await opened(pilot)
        await pilot.press("q")
    eventually(lambda: store.get(job.id).state is JobState.RUNNING, "the job")
    (tmp_path / "go").touch()
    assert ended(store, job.id).state is JobState.SUCCEEDED
