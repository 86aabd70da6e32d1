"""What of a client's messages memory takes for a talk."""

from actors.thinking.degraded import degraded_text, is_degraded, takes_prose
from actors.thinking.talk import LONG, LONGEST_END, ends_of, is_long, plain, question, turns_of, visible


def test_system_prompts_and_bare_tool_calls_are_no_turns_and_a_tools_output_is_its_own_kind() -> None:
    turns = turns_of(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is 3+4?", "name": "Ada"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]},
            {"role": "tool", "tool_call_id": "c", "content": "7"},
            {"role": "assistant", "content": "Seven."},
        ]
    )

    assert [(turn.role, turn.text, turn.speaker) for turn in turns] == [
        ("user", "What is 3+4?", "Ada"),
        ("tool", "7", None),
        ("assistant", "Seven.", None),
    ]


def test_an_image_leaves_its_mark_in_the_text() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "Who is this?"}, {"type": "image_url", "image_url": {}}]}]

    assert question(messages) == "Who is this?\n[image_url]"


def test_a_nul_character_is_left_out_as_memory_takes_none() -> None:
    parts = [{"type": "text", "text": "and\0 I"}]
    (first, second) = turns_of(
        [{"role": "user", "content": "Who\0 are you?", "name": "A\0da"}, {"role": "user", "content": parts, "name": "\0"}]
    )

    assert (first.text, first.speaker) == ("Who are you?", "Ada")
    assert (second.text, second.speaker) == ("and I", None)


def test_a_degraded_answer_that_comes_back_in_the_history_is_not_taken_for_what_the_assistant_said() -> None:
    notice = degraded_text(())
    turns = turns_of(
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": notice}, {"role": "user", "content": "?"}]
    )

    assert is_degraded(notice)
    assert [turn.text for turn in turns] == ["Hi", "?"]


def test_who_asks_for_json_or_insists_on_a_tool_gets_no_prose() -> None:
    assert takes_prose({})
    assert takes_prose({"response_format": {"type": "text"}, "tool_choice": "auto"})
    assert not takes_prose({"response_format": {"type": "json_schema", "json_schema": {}}})
    assert not takes_prose({"tool_choice": "required"})


def test_what_is_longer_than_memory_keeps_is_known_again_in_what_it_kept() -> None:
    talk = [{"role": "user", "content": "word " * 100_000}]
    (kept,) = turns_of(talk)

    assert plain(kept.text) in visible(talk)
    assert plain(kept.text) == plain(question(talk))


def test_a_long_question_is_judged_by_its_ends() -> None:
    assert ends_of("Why?") == "Why?"
    ends = ends_of("Summarise this: " + "word " * 100_000 + "Be brief.")
    assert ends.startswith("Summarise this: ")
    assert ends.endswith("Be brief.")
    assert len(ends) <= 2 * LONGEST_END + 1


def test_a_talk_of_many_texts_is_long_as_well() -> None:
    half = {"role": "user", "content": [{"type": "text", "text": "x" * (LONG // 2)}]}
    assert not is_long([half])
    assert is_long([half, half, half])
    assert not is_long([{"role": "assistant", "content": None}])
