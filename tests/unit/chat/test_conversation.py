"""What a conversation tells a model, and what it is called."""

from datetime import datetime, timezone

from emotui.chat.conversation import (
    ChatMessage,
    Conversation,
    Ending,
    Role,
    Status,
    clean_prompt,
    new_id,
    title_of,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


def conversation(*said: tuple[Role, str], system: str | None = None) -> Conversation:
    messages = [ChatMessage(number, role, text, NOW) for number, (role, text) in enumerate(said)]
    return Conversation("/m", "transformers", NOW, NOW, system=system, messages=messages)


def test_the_history_begins_with_the_system_prompt() -> None:
    told = conversation((Role.USER, "hello"), system="Be kind.").history()

    assert told == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hello"},
    ]


def test_a_question_without_an_answer_is_left_out_unless_it_is_the_last() -> None:
    told = conversation(
        (Role.USER, "one"),
        (Role.ASSISTANT, ""),
        (Role.USER, "two"),
        (Role.ASSISTANT, "second"),
        (Role.USER, "three"),
        (Role.ASSISTANT, ""),
    ).history()

    assert [entry["content"] for entry in told] == ["two", "second", "three"]


def test_an_unfinished_answer_is_told_as_far_as_it_came() -> None:
    talk = conversation((Role.USER, "one"), (Role.ASSISTANT, "half an"), (Role.USER, "go on"))
    talk.messages[1].ending = Ending(Status.FAILED, reason="died")

    assert [entry["content"] for entry in talk.history()] == ["one", "half an", "go on"]


def test_a_title_is_the_first_line_with_words_cut_and_clean() -> None:
    assert title_of("\n\n  \x1b[31mWhy\tis  the sky\x07 blue?\nReally") == "Why is the sky blue?"
    assert len(title_of("x" * 200)) == 60
    assert title_of("") == ""


def test_a_prompt_keeps_its_tabs_and_loses_its_controls() -> None:
    assert clean_prompt("all:\n\tmake\x1b[2J\x00") == "all:\n\tmake"


def test_ids_sort_by_time() -> None:
    later = NOW.replace(hour=13)

    assert new_id(NOW) < new_id(later)


def test_the_speed_is_tokens_over_the_whole_time_and_unknown_without_either() -> None:
    assert Ending(Status.COMPLETE, tokens=30, seconds=1.5).tokens_per_second == 20
    assert Ending(Status.COMPLETE, tokens=30).tokens_per_second is None
    assert Ending(Status.COMPLETE, tokens=0, seconds=2.0).tokens_per_second is None
