"""Opens a file of memories, finds its format by its content, and reads it with flat memory where the format allows."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from itertools import chain
from typing import IO, Any, Final, Literal, get_args

from actors.memory.formats import chat_messages, chatgpt, letta, lines, mem0, transcript
from actors.memory.formats.bounded_json import TooManyValues, check_values, parse
from actors.memory.formats.taken import Taken
from transport.errors import Invalid

__all__ = ["FORMATS", "Format", "read"]

Format = Literal["lattice", "mem0", "letta", "chatgpt", "messages", "transcript"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)

Source = IO[bytes] | gzip.GzipFile
LOOKED_AT: Final = 64 * 1024
LARGEST_DOCUMENT: Final = 256 << 20
"""A JSON document that has to be read whole, in bytes."""

LARGEST_TALK: Final = 64 << 20
"""One talk of a ChatGPT export, in characters: talks are read one by one."""

SMALL: Final = 8 << 20
"""Up to so many bytes a list is read whole, so that nothing of one that is broken comes in. The parser lets nothing else of its
process run meanwhile: a quarter of a gigabyte takes it seconds, and leaves a heap of twice the size."""

CHUNK: Final = 1 << 20
LARGEST_CHUNK: Final = 4 << 20
"""What is added to an item before its values are counted again: as many bytes can be a million and a half of them."""

BETWEEN: Final = re.compile(r"[ \t\r\n,]*")
ZIP: Final = b"PK\x03\x04"
GZIP: Final = b"\x1f\x8b"


def read(file: Source, name: str, known: Format | None = None) -> Generator[Taken]:
    """Every record in a file.

    Args:
        file: where one can seek.
        name: of the file; names the talk of a transcript.
        known: its format; None: it is recognised.

    Raises:
        Invalid: it is of no known format, too large for it, or broken as a whole.
        Conflict: it is an export of a newer version.
    """
    try:
        yield from members(file, name, known)
    except RecursionError as error:
        raise Invalid(f"{name} is nested too deeply") from error
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise Invalid(f"{name} is a broken archive: {error}") from error


def members(file: Source, name: str, known: Format | None) -> Iterator[Taken]:
    """As `read`, looking into archives first."""
    head = file.read(LOOKED_AT)
    file.seek(0)
    if head.startswith(ZIP):
        with zipfile.ZipFile(file) as archive:
            member = wanted(archive, name)
            with archive.open(member) as inside:
                yield from members(inside, f"{name}/{member}", known)
        return
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        plain = io.BytesIO(limited(file, name).decode("utf-16", "replace").encode())
        yield from records(plain, plain.getvalue()[:LOOKED_AT], name, known)
        return
    if head.startswith(GZIP):
        with gzip.GzipFile(fileobj=file) as unpacked:
            begun = unpacked.read(LOOKED_AT)
            unpacked.seek(0)
            yield from records(unpacked, begun, name, known)
        return
    yield from records(file, head, name, known)


def wanted(archive: zipfile.ZipFile, name: str) -> str:
    """The member that holds the memories.

    Raises:
        Invalid: there is none.
    """
    for suffix in ("conversations.json", "memories.json", "memories.jsonl.gz", ".af", "_chat.txt", ".jsonl", ".txt"):
        for member in archive.namelist():
            if member.endswith(suffix) and not member.startswith("__MACOSX"):
                return member
    raise Invalid(f"{name} holds nothing that is known here, such as conversations.json or memories.json")


def records(file: Source, head: bytes, name: str, known: Format | None) -> Iterator[Taken]:
    """The records of a file that is no archive."""
    found = known or recognised(head)
    start = head.lstrip(codecs.BOM_UTF8).lstrip()[:1]
    if found == "lattice":
        return lines.read(iter(lambda: file.readline(lines.LONGEST_LINE + 2), b""))
    if found == "transcript":
        return transcript.read(io.StringIO(text_of(limited(file, name))), named("transcript", name))
    if found == "chatgpt" and start == b"[":
        return chatgpt.read(items(file))
    if found in {"mem0", "messages"} and start == b"{" and of_first(head) == found:
        rows = json_lines(file)
        return mem0.read(rows) if found == "mem0" else chat_messages.read(rows, named("messages", name))
    if start not in {b"{", b"["}:
        raise Invalid(unknown(name))
    if start == b"[" and not is_small(file):
        return of_list(items(file, "item"), found, name)
    return of_document(document_of(file, name), found, name)


def of_list(found: Iterator[Any], known: str | None, name: str) -> Iterator[Taken]:
    """The records of a long list, by what its first item is.

    Raises:
        Invalid: it is none of ours.
    """
    first = next(found, None)
    rows = chain((first,), found)
    if known in {None, "chatgpt"} and chatgpt.is_talk(first):
        return chatgpt.read(rows)
    if known in {None, "messages"} and chat_messages.is_message(first):
        return chat_messages.read_one(rows, named("messages", name))
    if known in {None, "messages"} and chat_messages.is_talk(first):
        return chat_messages.read(rows, named("messages", name))
    if known in {None, "mem0"} and mem0.is_memory(first):
        return mem0.read(rows)
    raise Invalid(f"{name} is no file of {known}" if known else unknown(name))


def of_document(document: Any, known: str | None, name: str) -> Iterator[Taken]:
    """The records of a JSON document.

    Raises:
        Invalid: it is none of ours.
    """
    if known in {None, "chatgpt"} and (
        chatgpt.is_talk(document) or (isinstance(document, dict) and "conversations" in document)
    ):
        talks = [document] if chatgpt.is_talk(document) else document["conversations"]
        return chatgpt.read(iter(talks if isinstance(talks, list) else []))
    if known in {None, "letta"} and letta.is_agent_file(document):
        return letta.read(document)
    if known in {None, "messages"} and (talks := chat_messages.talks_of(document)) is not None:
        return chat_messages.read(talks, named("messages", name))
    if known in {None, "mem0"} and (rows := mem0.rows_of(document)) is not None:
        return mem0.read(rows)
    if known is None and isinstance(document, list) and document and chatgpt.is_talk(document[0]):
        return chatgpt.read(iter(document))
    raise Invalid(f"{name} is no file of {known}" if known else unknown(name))


def named(kind: str, name: str) -> str:
    """What the talk in a file is called; in an archive, whose members have the same name in each, after both."""
    return f"{kind}:{name}"[:200]


def unknown(name: str) -> str:
    """What to say of a file that nobody knows."""
    return f"{name} is in no known format; say which it is (`format`): {', '.join(FORMATS)}"


def recognised(head: bytes) -> Format | None:
    """The format that the beginning of a file has; None where the document, or an archive's, has to be read to know."""
    if head.startswith((ZIP, GZIP)):
        return None
    text = head.decode("utf-8-sig", "replace").lstrip()
    begun = [line for line in text.splitlines() if line.strip()]
    turns = sum(map(transcript.begins_turn, begun))
    # The first line of a messenger's file is its own notice more often than not.
    if turns and turns >= len(begun) / 20 and (transcript.begins_turn(begun[0]) or transcript.begins_stamped(begun[0])):
        return "transcript"
    if text.startswith("["):
        return "chatgpt" if '"mapping"' in text and '"memory"' not in text.split('"mapping"')[0] else None
    if text.startswith("{"):
        return of_line(begun[0])
    if turns and turns >= len(begun) / 20:
        return "transcript"
    return "lattice" if any(line.startswith("{") for line in begun) or not begun else None


def of_first(head: bytes) -> Format | None:
    """As `of_line`, of the first line in it."""
    return of_line(head.decode("utf-8-sig", "replace").lstrip().split("\n", 1)[0])


def of_line(line: str) -> Format | None:
    """The format that a first line, which begins an object, has; None where it is, or begins, a document."""
    try:
        row = parse(line, lines.MOST_VALUES)
    except (ValueError, RecursionError):
        return "lattice" if re.match(r'\{\s*"(?:text|lattice)"', line) else None
    if letta.is_agent_file(row) or chatgpt.is_talk(row) or "conversations" in row:
        return None
    if "text" in row or "lattice" in row:
        return "lattice"
    if mem0.is_memory(row):
        return "mem0"
    if chat_messages.is_talk(row):
        return "messages"
    return None if mem0.rows_of(row) is not None or "results" in row or "memories" in row else "lattice"


def limited(file: Source, name: str) -> bytes:
    """All of a file that has to be read whole.

    Raises:
        Invalid: it is too large for that.
    """
    data = file.read(LARGEST_DOCUMENT + 1)
    if len(data) > LARGEST_DOCUMENT:
        raise Invalid(f"{name} is larger than {LARGEST_DOCUMENT >> 20} MiB: split it")
    return data


def text_of(data: bytes) -> str:
    """What a plain text says, in UTF-8 or else as Windows wrote it in the west."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def document_of(file: Source, name: str) -> Any:
    """The JSON document that a file is.

    Raises:
        Invalid: it is none, or holds too many values.
    """
    try:
        return parse("".join(codecs.iterdecode(pieces(limited(file, name)), "utf-8-sig")))
    except UnicodeDecodeError as error:
        raise Invalid(f"{name} is not UTF-8") from error
    except TooManyValues as error:
        raise Invalid(f"{name}: {error}; split it") from error
    except ValueError as error:
        raise Invalid(f"{unknown(name)} (as JSON: {error})") from error


def pieces(data: bytes) -> Iterator[bytes]:
    """All of it, piece by piece: between two of them others run."""
    return (data[start : start + CHUNK] for start in range(0, len(data), CHUNK))


def json_lines(file: Source) -> Iterator[Any]:
    """The value on each line; None for what is no JSON."""
    for line in iter(lambda: file.readline(lines.LONGEST_LINE + 2), b""):
        if line.strip():
            try:
                yield parse(line, lines.MOST_VALUES)
            except ValueError:
                yield None


def items(file: Source, called: str = "conversation") -> Iterator[Any]:
    """The items of a JSON list, read one by one.

    Raises:
        Invalid: it is no such list, or breaks off; what stood before has been given.
    """
    decoder = json.JSONDecoder()
    text = codecs.getincrementaldecoder("utf-8-sig")("replace")
    buffer = text.decode(file.read(CHUNK)).lstrip()
    at, number = 1, 0
    while True:
        between = BETWEEN.match(buffer, at)
        at = between.end() if between is not None else at
        if buffer.startswith("]", at):
            return
        try:
            if at == len(buffer):
                raise ValueError("nothing yet")  # noqa: TRY301 (more is read below)
            item, at = decoder.raw_decode(buffer, at)
        except ValueError as error:
            # Twice as much each time, bounded: what is read again stays in proportion, and what is not counted, small.
            buffer, at = buffer[at:], 0
            checked(buffer, f"{called} {number + 1}")
            chunk = file.read(min(max(CHUNK, len(buffer)), LARGEST_CHUNK))
            if not chunk or len(buffer) > LARGEST_TALK:
                reason = "the file breaks off" if not chunk else f"it is longer than {LARGEST_TALK >> 20} MiB"
                raise Invalid(f"{called} {number + 1}: {reason}") from error
            buffer += text.decode(chunk)
            continue
        number += 1
        yield item


def checked(text: str, what: str) -> None:
    """Look at what there is of an item before more of it is read.

    Raises:
        Invalid: it holds too many values.
    """
    try:
        check_values(text)
    except TooManyValues as error:
        raise Invalid(f"{what}: {error}") from error


def is_small(file: Source) -> bool:
    """Whether a file may be read whole without anybody noticing."""
    size = len(file.read(SMALL + 1))
    file.seek(0)
    return size <= SMALL
