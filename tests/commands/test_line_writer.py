"""Lines to a pipe that nobody reads stop nobody, and none is lost without being counted."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.line_writer import LineWriter
from tests.ports import free_port
from tests.system.house import ROOT


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that takes one page."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    for end in (reader, writer):
        try:
            os.close(end)
        except OSError:
            continue


def read_all(reader: int) -> list[str]:
    """Every line until the writing end is closed."""
    with os.fdopen(os.dup(reader)) as file:
        return file.read().splitlines()


def test_lines_come_in_their_order(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = LineWriter(writer)
    for number in range(20):
        lines.write(f"line {number}")
    lines.close()
    os.close(writer)
    assert read_all(reader) == [f"line {number}" for number in range(20)]


def test_nobody_reads_and_nobody_waits_and_what_is_lost_is_counted(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.write(writer, b"x" * 4095 + b"\n")
    lines = LineWriter(writer, most=10)
    began = time.monotonic()
    for number in range(100):
        lines.write(f"line {number}")
    lines.close(0.05)
    assert time.monotonic() - began < 5

    first = os.read(reader, 4096)
    assert first.endswith(b"x\n")
    assert lines.thread is not None
    lines.thread.join(10)
    os.close(writer)
    assert read_all(reader) == [f"line {number}" for number in range(10)] + ["(90 more lines were lost: nobody read them)"]


def test_after_the_reader_has_gone_nothing_is_kept(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)
    lines = LineWriter(writer)
    lines.write("is anybody there?")
    assert lines.thread is not None
    lines.thread.join(10)
    lines.write("no")
    assert not lines.waiting


def test_a_house_whose_lines_nobody_reads_becomes_ready_and_stops(short_dir: Path, pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.write(writer, b"x" * 4095 + b"\n")
    port = free_port()
    command = [sys.executable, "run.py", "up", "--single-process", "--port", str(port), "--data-dir", str(short_dir)]
    environment = {**os.environ, "LATTICE_ENCODER__MODEL": "none"}
    house = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=writer, env=environment)
    try:
        until_ready(port)
        house.send_signal(signal.SIGTERM)
        assert house.wait(60) == 0
    finally:
        house.kill()
        house.wait()
    assert os.read(reader, 8192).startswith(b"xxx")


def until_ready(port: int) -> None:
    """Until the house says so over HTTP."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except OSError:
            continue
    raise AssertionError("the house did not become ready")
