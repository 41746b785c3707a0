"""The chat screen, driven by keys; the engine is real except for its model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from doubles.scripted_worker import make_interpreter, make_model
from textual.pilot import Pilot
from textual.widgets import Input, Markdown
from waiting import happens

from emotui.app.app import EmoTUI
from emotui.app.screens.chat import ChatScreen
from emotui.app.screens.chat_history import HistoryScreen
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.screens.open_model import OpenModelScreen
from emotui.app.widgets.conversation_list import ConversationList
from emotui.app.widgets.message_list import FIRST, MOST, AnswerItem, MessageList, QuestionItem
from emotui.app.widgets.plain import Plain
from emotui.app.widgets.prompt_input import PromptInput
from emotui.chat.conversation import Conversation, Ending, Status
from emotui.chat.events import ChatEvent, State, StateChanged
from emotui.operations.services import Services
from emotui.support.language import set_language
from emotui.support.paths import find_paths


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_interpreter(tmp_path_factory.mktemp("engine") / "lm")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "tiny")


@pytest.fixture
def services(sealed_home: Path, python: Path) -> Services:
    environ = {
        "HOME": str(sealed_home),
        "EMOTUI_HOME": str(sealed_home / "emotui"),
        "PATH": "/usr/bin:/bin",
    }
    made = Services(find_paths(environ), environ)
    made.settings.set("lmdeploy.python", str(python))
    return made


@asynccontextmanager
async def running(
    services: Services, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], ChatScreen]]:
    app = EmoTUI(services, first_screen="chat")
    async with app.run_test(size=size) as pilot:
        await happens(lambda: isinstance(app.screen, ChatScreen))
        screen = app.screen
        assert isinstance(screen, ChatScreen)
        await pilot.pause()
        yield pilot, screen


@asynccontextmanager
async def talking(
    services: Services, model: Path, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], ChatScreen]]:
    async with running(services, size) as (pilot, screen):
        await pilot.app.open_chat(model)  # type: ignore[attr-defined]
        await happens(lambda: services.chat and services.chat.state is State.READY)
        await happens(lambda: isinstance(screen.focused, PromptInput))
        yield pilot, screen


async def ask(pilot: Pilot[None], question: str) -> None:
    pilot.app.screen.query_one(PromptInput).insert(question)
    tap(pilot, "enter")


def tap(pilot: Pilot[None], key: str) -> None:
    """Press a key without waiting for a quiet app: while an answer streams it is never quiet."""
    pilot.app.simulate_key(key)


async def answered(pilot: Pilot[None], screen: ChatScreen, question: str) -> AnswerItem:
    """Ask, and wait for the end of the answer on the screen."""
    before = len(screen.query(AnswerItem))
    await ask(pilot, question)
    await happens(lambda: len(screen.query(AnswerItem)) > before or before >= MOST / 2)
    await happens(lambda: screen.services.chat and not screen.services.chat.busy)
    item = screen.query(AnswerItem).last()
    await happens(lambda: note_of(item))
    return item


def note_of(item: AnswerItem) -> str:
    note = item.query_one(".message-note", Plain)
    return str(note.render()) if note.display else ""


def text_of(screen: ChatScreen, selector: str) -> str:
    return "\n".join(str(each.render()) for each in screen.query(selector).results(Plain))


def keys(screen: ChatScreen) -> set[str]:
    return {key for key, active in screen.active_bindings.items() if active.enabled}


async def test_the_empty_screen_says_what_to_do_and_its_letters_act(services: Services) -> None:
    async with running(services) as (pilot, screen):
        assert "Press o" in text_of(screen, "#chat-empty")
        assert not screen.query_one(PromptInput).display
        await pilot.press("o")
        await happens(lambda: isinstance(pilot.app.screen, OpenModelScreen))


async def test_an_answer_streams_in_and_its_figures_stand_below(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        assert "Ready on cpu" in text_of(screen, "#chat-status")
        item = await answered(pilot, screen, "count 30")

        assert item.view.text.endswith("29 30 ")
        assert "30 tokens" in note_of(item)
        assert "tokens/s" in note_of(item)
        assert "first token after" in note_of(item)
        assert screen.query_one(PromptInput).text == ""


async def test_loading_holds_nothing_up_and_a_message_waits_for_it(
    services: Services, model: Path
) -> None:
    services.environ = {**services.environ, "EMOTUI_SCRIPT_LOAD": "hang"}
    async with running(services) as (pilot, screen):
        await pilot.app.open_chat(model)  # type: ignore[attr-defined]
        await happens(lambda: "importing" in text_of(screen, "#chat-status"))
        await happens(lambda: isinstance(screen.focused, PromptInput))
        await ask(pilot, "echo x")
        await happens(lambda: screen.query(QuestionItem))
        tap(pilot, "escape")
        await happens(lambda: screen.query(AnswerItem) and note_of(screen.query_one(AnswerItem)))

        assert "Stopped" in note_of(screen.query_one(AnswerItem))


async def test_escape_stops_the_answer_and_what_arrived_stays(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        await ask(pilot, "forever")
        await happens(lambda: services.chat and services.chat.turn)
        await happens(lambda: services.chat.turn.tokens > 5)  # type: ignore[union-attr]
        assert "escape" in keys(screen)
        tap(pilot, "escape")
        item = screen.query_one(AnswerItem)
        await happens(lambda: note_of(item))

        assert "Stopped" in note_of(item)
        assert item.view.text == services.chat.conversation.messages[-1].text  # type: ignore[union-attr]
        assert isinstance(screen.focused, PromptInput)


async def test_escape_without_an_answer_leaves_the_field_and_i_goes_back(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        await pilot.press("escape")
        assert isinstance(screen.focused, MessageList)
        await pilot.press("i")
        assert isinstance(screen.focused, PromptInput)
        await pilot.press("q", "n", "5")
        assert screen.query_one(PromptInput).text == "qn5"


async def test_enter_sends_and_ctrl_j_breaks_the_line(services: Services, model: Path) -> None:
    async with talking(services, model) as (pilot, screen):
        await pilot.press(*"echo", "space", "a", "ctrl+j", "b", "enter")
        await happens(lambda: screen.query(QuestionItem))

        assert screen.query_one(QuestionItem).message.text == "echo a\nb"
        await pilot.press("enter")
        assert len(screen.query(QuestionItem)) == 1


async def test_a_second_message_meanwhile_is_refused_and_stays_in_the_field(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        await ask(pilot, "forever")
        await happens(lambda: services.chat and services.chat.turn)
        await ask(pilot, "echo x")
        await happens(lambda: pilot.app._notifications)

        assert screen.query_one(PromptInput).text == "echo x"
        assert len(screen.query(QuestionItem)) == 1


async def test_a_dying_engine_says_why_in_place_and_one_key_starts_it_again(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        item = await answered(pilot, screen, "die 2 RuntimeError: CUDA out of memory [/bold]")

        assert item.view.text == "dying dying "
        assert "CUDA out of memory [/bold]" in note_of(item)
        await happens(lambda: screen.query_one("#chat-dead").display)
        assert "CUDA out of memory" in text_of(screen, "#chat-dead")
        await pilot.press("ctrl+r")
        await happens(lambda: services.chat and services.chat.state is State.READY)
        assert not screen.query_one("#chat-dead").display
        item = await answered(pilot, screen, "echo back")
        assert item.view.text == "back"


async def test_an_engine_that_cannot_load_says_why(services: Services, model: Path) -> None:
    services.environ = {**services.environ, "EMOTUI_SCRIPT_LOAD": "fail"}
    async with running(services) as (pilot, screen):
        await pilot.app.open_chat(model)  # type: ignore[attr-defined]
        await happens(lambda: screen.query_one("#chat-dead").display)

        assert "the weights are not there" in text_of(screen, "#chat-dead")
        events: list[ChatEvent] = []
        assert services.chat is not None
        services.chat.observe(events.append)
        await pilot.press("escape", "r")
        await happens(lambda: StateChanged(State.DEAD) in events)
        assert StateChanged(State.LOADING) in events


async def test_the_answer_goes_on_while_another_screen_is_shown(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        await ask(pilot, "forever")
        await happens(lambda: services.chat and services.chat.turn)
        tap(pilot, "f3")
        await happens(lambda: pilot.app.screen is not screen)
        seen = services.chat.turn.tokens  # type: ignore[union-attr]
        await happens(lambda: services.chat.turn.tokens > seen + 5)  # type: ignore[union-attr]
        tap(pilot, "f6")
        await happens(lambda: pilot.app.screen is screen)
        tap(pilot, "escape")
        item = screen.query_one(AnswerItem)
        await happens(lambda: note_of(item))
        assert item.view.text == services.chat.conversation.messages[-1].text  # type: ignore[union-attr]


async def test_quitting_asks_only_while_an_answer_is_arriving(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        assert screen.unsaved() is None
        await ask(pilot, "forever")
        await happens(lambda: services.chat and services.chat.turn)
        tap(pilot, "ctrl+q")
        await happens(lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("n")
    (kept,) = services.conversations.list()
    assert services.conversations.get(kept.id).messages[-1].status is Status.INTERRUPTED


async def test_markdown_is_drawn_and_markup_and_escapes_are_only_text(
    services: Services, model: Path, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    evil.write_bytes(
        b"# Title [/nope]\n\n[bold]x[/] \x1b]52;c;ZXZpbA==\x07[@click=app.quit]y[/]\n\n"
        b"1. a\n\n   ```\n   code\n   ```\n\n2. b\n"
    )
    async with talking(services, model) as (pilot, screen):
        item = await answered(pilot, screen, f"write {evil}")
        await ask(pilot, "echo [/nope][@click=app.quit]z[/]")
        await happens(lambda: len(screen.query(QuestionItem)) == 2)
        await pilot.pause()

        assert "\x1b" not in item.view.text
        shown = "".join(segment.text for line in screen_lines(pilot) for segment in line)
        assert "\x1b" not in shown
        assert "[/nope]" in shown


def screen_lines(pilot: Pilot[None]) -> list[list[object]]:
    return [list(strip) for strip in pilot.app.screen._compositor.render_strips()]  # type: ignore[arg-type]


async def test_a_new_conversation_keeps_the_engine_and_forgets_what_was_said(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        await answered(pilot, screen, "echo one")
        engine = services.chat._engine  # type: ignore[union-attr]
        await pilot.press("f7")
        await happens(lambda: not screen.query(AnswerItem))
        item = await answered(pilot, screen, "history")

        assert item.view.text == "history"
        assert services.chat._engine is engine  # type: ignore[union-attr]
        assert len(services.conversations.list()) == 2


async def test_a_kept_conversation_is_read_without_an_engine_and_continued(
    services: Services, model: Path
) -> None:
    keep(services, model, "echo earlier", "earlier")
    async with running(services) as (pilot, screen):
        await pilot.press("h")
        await happens(lambda: isinstance(pilot.app.screen, HistoryScreen))
        await pilot.press("enter")
        await happens(lambda: screen.query(AnswerItem))
        assert services.chat is None
        assert "kept" in text_of(screen, "#chat-status")
        item = await answered(pilot, screen, "history")

        assert item.view.text == "echo earlier|earlier|history"
        assert len(services.conversations.list()) == 1


async def test_the_history_stands_beside_the_conversation_on_a_wide_terminal(
    services: Services, model: Path
) -> None:
    keep(services, model, "[/nope] first", "one")
    keep(services, model, "second", "two")
    async with running(services, (120, 40)) as (pilot, screen):
        await pilot.press("h")
        beside = screen.query_one("#history", ConversationList)
        await happens(lambda: beside.option_count == 2 and beside.display)
        await happens(lambda: screen.focused is beside)
        await pilot.press("down", "enter")
        await happens(lambda: screen.query(QuestionItem))
        assert screen.query_one(QuestionItem).message.text == "[/nope] first"


async def test_deleting_asks_first(services: Services, model: Path) -> None:
    keep(services, model, "first", "one")
    async with running(services) as (pilot, screen):
        for answer, left in (("n", 1), ("y", 0)):
            await pilot.press("h")
            await happens(lambda: isinstance(pilot.app.screen, HistoryScreen))
            await pilot.press("d")
            await happens(lambda: isinstance(pilot.app.screen, ConfirmScreen))
            await pilot.press(answer)
            await happens(lambda: pilot.app.screen is screen)
            await happens(lambda left=left: len(services.conversations.list()) == left)


async def test_of_a_long_conversation_only_the_end_is_mounted(
    services: Services, model: Path
) -> None:
    keep(services, model, *(f"word {number}" for number in range(50)))
    async with running(services) as (pilot, screen):
        await pilot.press("h")
        await happens(lambda: isinstance(pilot.app.screen, HistoryScreen))
        await pilot.press("enter")
        await happens(lambda: len(screen.query_one(MessageList).items) == FIRST)
        assert "38 earlier messages" in text_of(screen, "#earlier")
        await pilot.press("escape", "u")
        await happens(lambda: len(screen.query_one(MessageList).items) == 2 * FIRST)
        first = screen.query_one(MessageList).items[0]
        assert first.message.text == "word 26"


async def test_the_dialog_finds_models_and_says_what_is_wrong_with_a_path(
    services: Services, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    async with running(services) as (pilot, _screen):
        await pilot.press("o")
        await happens(lambda: isinstance(pilot.app.screen, OpenModelScreen))
        dialog = pilot.app.screen
        await pilot.press(*"absent", "enter")
        await happens(lambda: dialog.query_one("#problem").display)
        assert "absent" in str(dialog.query_one("#problem", Plain).render())
        await happens(lambda: dialog.models)  # type: ignore[attr-defined]
        await pilot.press("down", "enter")
        await happens(lambda: services.chat and services.chat.state is State.READY)
        assert services.chat.conversation.model == str(model)  # type: ignore[union-attr]


async def test_code_of_a_model_runs_only_after_a_yes(services: Services, model: Path) -> None:
    config = model / "config.json"
    config.write_text(
        config.read_text().replace("{", '{"auto_map": {"AutoConfig": "configuration_x.X"}, ', 1)
    )
    (model / "configuration_x.py").write_text("class X: ...\n")
    async with running(services) as (pilot, screen):
        for answer in ("n", "y"):
            await pilot.app.open_chat(model)  # type: ignore[attr-defined]
            await happens(lambda: isinstance(pilot.app.screen, ConfirmScreen))
            await pilot.press(answer)
            await happens(lambda: pilot.app.screen is screen)
            await pilot.pause()
            assert services.chat is None or answer == "y"
        await happens(lambda: services.chat and services.chat.state is State.READY)


async def test_the_language_changes_in_the_middle_of_an_answer(
    services: Services, model: Path
) -> None:
    async with talking(services, model) as (pilot, screen):
        await ask(pilot, "forever")
        await happens(lambda: services.chat and services.chat.turn)
        set_language("zh_CN")
        await screen.retranslate()
        await happens(lambda: screen.query(AnswerItem))
        seen = services.chat.turn.tokens  # type: ignore[union-attr]
        await happens(lambda: services.chat.turn.tokens > seen + 5)  # type: ignore[union-attr]
        tap(pilot, "escape")
        item = screen.query_one(AnswerItem)
        await happens(lambda: note_of(item))

        assert item.view.text == services.chat.conversation.messages[-1].text  # type: ignore[union-attr]
        assert drawn(item) == item.view.text.strip()


def drawn(item: AnswerItem) -> str:
    return item.view.query_one(Markdown).source.strip()


async def test_a_system_prompt_is_told(services: Services, model: Path) -> None:
    async with running(services) as (pilot, screen):
        await pilot.press("o")
        await happens(lambda: isinstance(pilot.app.screen, OpenModelScreen))
        dialog = pilot.app.screen
        dialog.query_one("#system-prompt", Input).value = "Be kind."
        dialog.query_one("#model-path", Input).value = str(model)
        await pilot.press("enter")
        await happens(lambda: services.chat and services.chat.state is State.READY)
        item = await answered(pilot, screen, "history")
        assert item.view.text == "Be kind.|history"


def keep(services: Services, model: Path, *said: str) -> Conversation:
    """Store a conversation: questions and answers in turn."""
    now = services.clock.now()
    conversation = Conversation(str(model), "transformers", now, now)
    for question, text in zip(said[::2], said[1::2], strict=True):
        _asked, answer = services.conversations.begin_turn(conversation, question)
        services.conversations.append(answer.id, [text])
        services.conversations.finish(answer.id, Ending(Status.COMPLETE, "stop", 1, 0.5, 0.1))
    return conversation
