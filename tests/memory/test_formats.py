"""Files that memories come in, as other programs write them; fixtures are our own."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime

import pytest

from actors.memory.formats import lines, reading
from actors.memory.formats.reading import read
from actors.memory.formats.taken import Broken
from actors.memory.messages import Portable
from transport.errors import Conflict, Invalid


def records(data, name="file", known=None):
    return list(read(io.BytesIO(data if isinstance(data, bytes) else json.dumps(data).encode()), name, known))


def node(name, parent, role=None, text=None, time=None, **message):
    said = {"id": name, "author": {"role": role}, "content": {"content_type": "text", "parts": [text]}, "create_time": time}
    return {"id": name, "parent": parent, "children": [], "message": {**said, **message} if role else None}


TALK = {
    "title": "Moving",
    "create_time": 1714557600.0,
    "conversation_id": "c-1",
    "current_node": "d",
    "mapping": {
        "root": node("root", None),
        "s": node("s", "root", "system", "You are helpful."),
        "a": node("a", "s", "user", "Where shall I live?", 1714557601.0),
        "b": node("b", "a", "assistant", "In Lisbon.", 1714557602.0),
        "c": node("c", "a", "assistant", "In Porto.", 1714557603.0, metadata={"model_slug": "gpt-x"}),
        "d": node("d", "c", "user", "Thanks \ud83d\ude00", 1714557604.0),
        "t": node("t", "c", "assistant", None, None, content={"content_type": "thoughts", "thoughts": []}),
    },
}


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("user.json", "{}")
        archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("form", [[TALK], TALK, zipped("export/conversations.json", json.dumps([TALK]))])
def test_chatgpts_current_branch_is_the_talk_and_others_are_superseded(form):
    found = records(form)
    placed = [record for record in found if record.placed]
    assert [record.text for record in placed] == ["Where shall I live?", "In Porto.", "Thanks \U0001f600"]
    assert [record.role for record in placed] == ["user", "assistant", "user"]
    assert placed[1].metadata == {"source": "chatgpt", "title": "Moving", "model": "gpt-x"}
    assert placed[0].time == datetime.fromtimestamp(1714557601, UTC)
    (other,) = [record for record in found if not record.placed]
    assert other.text == "In Lisbon."
    assert other.valid_to is not None
    assert len({record.key for record in found}) == 4
    assert {record.session for record in found} == {"chatgpt:c-1"}


def test_a_circle_among_chatgpts_messages_ends():
    talk = {**TALK, "mapping": {"a": node("a", "b", "user", "one"), "b": node("b", "a", "user", "two")}, "current_node": "b"}
    assert len(records([talk])) == 2


def test_what_chatgpt_tells_its_tools_is_no_turn_and_what_has_no_time_has_that_of_the_one_before():
    code = {"content_type": "code", "text": 'search("sea")'}
    mapping = {
        **TALK["mapping"],
        "e": node("e", "d", "assistant", None, None, content=code, recipient="browser"),
        "f": node("f", "e", "assistant", "By the sea.", None, recipient="all"),
    }
    found = records([{**TALK, "mapping": mapping, "current_node": "f"}])
    assert [(record.kind, record.text) for record in found][-2:] == [("tool", 'search("sea")'), ("turn", "By the sea.")]
    assert found[-1].time == datetime.fromtimestamp(1714557604, UTC)


def test_a_list_of_talks_that_breaks_off_gives_those_before():
    data = json.dumps([TALK, TALK]).encode()[:-200]
    given = read(io.BytesIO(data), "conversations.json", None)
    first = [next(given) for _ in range(4)]
    assert all(isinstance(record, Portable) for record in first)
    with pytest.raises(Invalid, match="conversation 2: the file breaks off"):
        list(given)


@pytest.mark.parametrize(
    "data",
    [
        [
            {"role": "system", "content": "x"},
            {"role": "user", "content": "I live in Porto."},
            {"role": "assistant", "content": "Ah."},
        ],
        [[{"role": "user", "content": "One."}], {"messages": [{"role": "user", "content": "Two."}]}],
        [{"id": "1", "memory": "Likes tea"}, {"id": "2", "memory": "Plays chess"}],
        [TALK, TALK],
    ],
)
def test_a_long_list_is_read_item_by_item_and_gives_what_a_short_one_does(data, monkeypatch):
    whole = records(data)
    assert len(whole) >= 2

    def no_document(*_):
        raise AssertionError("it was read whole")

    monkeypatch.setattr(reading, "SMALL", 10)
    monkeypatch.setattr(reading, "document_of", no_document)
    monkeypatch.setattr(reading, "CHUNK", 7)
    assert records(data) == whole


def test_a_long_list_of_something_else_is_told_so_and_what_is_no_message_in_one_is_listed(monkeypatch):
    monkeypatch.setattr(reading, "SMALL", 10)
    with pytest.raises(Invalid, match="no known format"):
        records([1, 2, 3, 4, 5, 6, 7])
    with pytest.raises(Invalid, match="no file of mem0"):
        records([{"role": "user", "content": "One."}], known="mem0")
    found = records([{"role": "user", "content": "One."}, {"said": "Two."}, {"role": "user", "content": "Three."}])
    assert [type(one) for one in found] == [Portable, Broken, Portable]
    assert found[1].where == "talk 1, message 2"


MEM0 = {
    "id": "u-1",
    "memory": "Likes tea",
    "hash": "x",
    "metadata": {"topic": "drinks"},
    "created_at": "2024-05-01T10:00:00-07:00",
    "updated_at": None,
    "user_id": "ana",
}
OPENMEMORY = {"id": "u-2", "content": "Likes tea", "state": "deleted", "metadata": {}, "created_at": None}


@pytest.mark.parametrize("form", [{"results": [MEM0]}, [MEM0], {"results": [MEM0], "relations": []}, json.dumps(MEM0).encode()])
def test_mem0s_memories_become_facts(form):
    (record,) = records(form)
    assert (record.text, record.kind) == ("Likes tea", "fact")
    assert record.metadata == {"topic": "drinks", "user_id": "ana", "hash": "x", "source": "mem0"}
    assert record.time == datetime(2024, 5, 1, 17, tzinfo=UTC)


def test_a_memory_of_mem0s_without_words_is_told_as_broken_and_the_others_come():
    first, second = records([MEM0, {**MEM0, "id": "u-9", "memory": " \n"}])
    assert first.text == "Likes tea"
    assert isinstance(second, Broken)
    assert second.where == "memory 2"


def test_a_memory_of_mem0s_without_an_id_is_known_by_what_it_says():
    bare = {"results": [{"memory": "Likes tea", "user_id": "ana"}, {"memory": "Likes tea", "user_id": "ben"}]}
    found = records(bare)
    assert [record.text for record in found] == ["Likes tea", "Likes tea"]
    assert len({record.key for record in found}) == 2
    assert [record.key for record in records(bare)] == [record.key for record in found]


def test_openmemorys_archive_comes_without_what_was_deleted():
    memories = [{**OPENMEMORY, "id": "u-3", "state": "active"}, OPENMEMORY]
    archive = zipped("memories.json", json.dumps({"user": {}, "apps": [], "memories": memories}))
    assert [record.key for record in records(archive)] == [records([memories[0]])[0].key]
    logical = gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in memories))
    assert len(records(logical)) == 1


AGENT = {
    "agents": [
        {
            "id": "agent-0",
            "name": "Sam",
            "messages": [
                {"id": "message-0", "role": "system", "content": [{"type": "text", "text": "You are Sam."}]},
                {
                    "id": "message-1",
                    "role": "user",
                    "content": [{"type": "text", "text": json.dumps({"type": "user_message", "message": "Hi Sam"})}],
                    "created_at": "2025-01-01T00:00:00+00:00",
                },
                {"id": "message-2", "role": "user", "content": [{"type": "text", "text": json.dumps({"type": "heartbeat"})}]},
                {
                    "id": "message-3",
                    "role": "assistant",
                    "content": [{"type": "text", "text": "They greet me."}],
                    "tool_calls": [{"function": {"name": "send_message", "arguments": json.dumps({"message": "Hello!"})}}],
                },
                {"id": "message-4", "role": "tool", "name": "send_message", "content": [{"type": "text", "text": "OK"}]},
                {"id": "message-5", "role": "tool", "name": "web_search", "content": [{"type": "text", "text": "found"}]},
            ],
        }
    ],
    "blocks": [{"id": "block-0", "label": "human", "value": "Name: Ana"}, {"id": "block-1", "label": "persona", "value": ""}],
}


def test_lettas_agent_gives_turns_and_statements():
    found = records(AGENT, "sam.af")
    assert [(record.kind, record.speaker, record.text) for record in found] == [
        ("turn", "user", "Hi Sam"),
        ("turn", "assistant", "Hello!"),
        ("tool", "web_search", "found"),
        ("statement", None, "Name: Ana"),
    ]
    assert {record.session for record in found[:3]} == {"letta:Sam"}


def test_lettas_older_form_gives_blocks_and_passages():
    old = {
        "name": "Sam",
        "core_memory": [{"label": "human", "value": "Ana"}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "passages": [{"text": "The sea is near.", "created_at": "2025-01-01T00:00:00Z"}],
    }
    assert [record.kind for record in records(old)] == ["turn", "statement", "fact"]


TEN = datetime(2024, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "names", "time"),
    [
        ("Ana: hello\nBen: hi\n  there\n", ["Ana", "Ben"], None),
        ("**Ana:** hello\n\n**Ben:** hi\nthere\n", ["Ana", "Ben"], None),
        ("### Ana\nhello\n\n### Ben\nhi\nthere\n", ["Ana", "Ben"], None),
        ("2024-05-01 10:00 Ana: hello\n2024-05-01 10:01 Ben: hi\nthere\n", ["Ana", "Ben"], TEN),
        ("01/05/2024, 10:00 - Ana: hello\n01/05/2024, 10:01 - Ben: hi\nthere\n", ["Ana", "Ben"], TEN),
        ("[01.05.24, 10:00:00] Ana: hello\n[13.05.24, 10:01:00] Ben: hi\nthere\n", ["Ana", "Ben"], TEN),
        ("5/1/24, 10:00\u202fAM - Ana: hello\n5/13/24, 10:01\u202fAM - Ben: hi\nthere\n", ["Ana", "Ben"], TEN),
    ],
)
def test_transcripts_of_many_kinds(text, names, time):
    found = records(text.encode(), "chat.txt")
    assert [record.speaker for record in found] == names
    assert [" ".join(record.text.split()) for record in found] == ["hello", "hi there"]
    assert found[0].time == time
    assert [record.key for record in records(text.encode(), "chat.txt")] == [record.key for record in found]


def test_what_looks_like_a_name_inside_of_an_answer_is_none():
    asked = "User: How do I bake?\nAssistant: So:\nStep 1: mix\n**Step 2:** wait\nUser: thanks\n"
    assert [(record.role, record.text) for record in records(asked.encode())] == [
        ("user", "How do I bake?"),
        ("assistant", "So:\nStep 1: mix\n**Step 2:** wait"),
        ("user", "thanks"),
    ]
    bold = "**Ana:** the list\nMilk: two\n\n**Ben:** yes\n"
    assert [record.speaker for record in records(bold.encode())] == ["Ana", "Ben"]
    assert records(bold.encode())[0].text == "the list\nMilk: two"
    timed = "2024-05-01 10:00 Ana: the list\nMilk: two\n"
    assert [(record.speaker, record.text) for record in records(timed.encode())] == [("Ana", "the list\nMilk: two")]


def test_a_talk_copied_from_the_page_is_told_apart():
    text = "You said:\nhello\n\nChatGPT said:\nhi\n"
    assert [(record.speaker, record.role, record.text) for record in records(text.encode())] == [
        ("You", "user", "hello"),
        ("ChatGPT", "assistant", "hi"),
    ]


def test_talks_in_two_archives_are_two_though_their_files_have_one_name():
    ana, ben = (records(zipped("_chat.txt", f"1/5/24, 10:00 - {name}: hello\n"), f"{name}.zip") for name in ("Ana", "Ben"))
    assert ana[0].session != ben[0].session


def test_a_system_prompt_in_a_transcript_does_not_come():
    assert [record.text for record in records(b"System: be brief\nUser: hello\nAssistant: hi\n")] == ["hello", "hi"]


@pytest.mark.parametrize("name", ["+49 170 1234567", "~ Ana", "\N{CAT FACE} Ana", "Dr. Silva (Porto)"])
def test_whoever_stands_behind_a_time_is_somebody(name):
    text = f"1/5/24, 10:00 - Ana Maria: hello\n1/5/24, 10:01 - {name}: who?\n"
    assert [(record.speaker, record.text) for record in records(text.encode())] == [("Ana Maria", "hello"), (name, "who?")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_transcript_in_another_encoding_is_read(encoding):
    found = records("Zo\u00eb: ol\u00e1\nBen: s\u00ed\n".encode(encoding))
    assert [(record.speaker, record.text) for record in found] == [("Zo\u00eb", "ol\u00e1"), ("Ben", "s\u00ed")]


MESSAGES = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "x"}}]},
    {"role": "assistant", "content": None, "tool_calls": []},
    {"role": "tool", "content": "42"},
    {"role": "assistant", "content": "hi", "timestamp": 1714557600},
]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(MESSAGES),
        json.dumps({"messages": MESSAGES}),
        json.dumps([{"messages": MESSAGES}]),
        json.dumps({"messages": MESSAGES}) + "\n",
    ],
)
def test_lists_of_messages_are_talks(data):
    found = records(data.encode(), "talk.json")
    assert [(record.kind, record.role, record.text, record.session) for record in found] == [
        ("turn", "user", "hello", "messages:talk.json"),
        ("tool", "tool", "42", "messages:talk.json"),
        ("turn", "assistant", "hi", "messages:talk.json"),
    ]
    assert found[-1].time == TEN
    assert [record.key for record in records(data.encode(), "talk.json")] == [record.key for record in found]


def test_lines_of_messages_are_a_talk_each():
    lines = [json.dumps({"messages": MESSAGES}), json.dumps({"messages": [{"role": "user", "content": "more"}]}), "5"]
    found = records("\n".join(lines).encode(), "tuning.jsonl")
    assert [record.session for record in found if isinstance(record, Portable)][-2:] == [
        "messages:tuning.jsonl",
        "messages:tuning.jsonl#2",
    ]
    assert isinstance(found[-1], Broken)


def test_what_the_messenger_says_is_said_by_nobody():
    text = "01/05/2024, 10:00 - Messages are end-to-end encrypted.\n01/05/2024, 10:01 - Ana: hello\n"
    assert [record.text for record in records(text.encode())] == ["hello"]


def test_our_lines_tell_what_is_broken_and_give_the_rest():
    data = b'{"text": "a"}\n\n[1]\n{"text": ""}\n\xff\n{"text": "b", "time": "x"}\n{"text": "c", "unknown": 1}\n'
    found = records(data)
    assert [entry.text for entry in found if isinstance(entry, Portable)] == ["a", "c"]
    assert [entry.where for entry in found if isinstance(entry, Broken)] == ["line 3", "line 4", "line 5", "line 6"]


def test_an_export_that_breaks_off_says_so():
    whole = lines.header("n", "now") + lines.line_of(Portable(text="a")) + lines.end(1)
    assert len(records(whole)) == 1
    (_, broken) = records(whole.rsplit(b"{", 1)[0])
    assert "breaks off" in broken.reason


def test_an_export_that_lost_lines_in_its_middle_says_so():
    """Who takes one out by hand is told as well; who adds some is not."""
    two = [lines.line_of(Portable(text=text)) for text in ("a", "b")]
    head = lines.header("n", "now")
    found = records(head + two[0] + lines.end(2))
    assert [type(entry) for entry in found] == [Portable, Broken]
    assert (found[-1].where, "2 were written, and 1 stand" in found[-1].reason) == ("line 3", True)
    assert len(records(head + b"".join(two) + lines.end(1) + head + b"".join(two) + lines.end(2))) == 4


def test_what_is_nested_too_deeply_is_called_so():
    with pytest.raises(Invalid, match="nested too deeply"):
        records(b"[" * 200_000)


def test_a_newer_export_is_refused():
    with pytest.raises(Conflict, match="version 2"):
        records(b'{"lattice": "memories", "version": 2}\n')


@pytest.mark.parametrize(
    "data",
    [b"\x00\x01\x02" * 100, b"just some prose without anybody\nwho says it\n", b"[1, 2]", b'{"a": 1}\n', zipped("x", "y")],
)
def test_what_nobody_knows_gives_no_record(data):
    try:
        found = records(data)
    except Invalid:
        return
    assert found
    assert all(isinstance(entry, Broken) for entry in found)


def test_a_broken_archive_is_refused():
    with pytest.raises(Invalid, match="broken archive"):
        records(zipped("conversations.json", json.dumps([TALK]))[:300])
