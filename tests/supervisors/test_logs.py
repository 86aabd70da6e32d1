"""Where a process's log goes, also when the disk does not take it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from supervisors.logs import LogFile


def test_a_full_disk_loses_lines_and_says_how_many_once_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "memory.log"
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    log = LogFile()
    log.open(path)
    for number in range(3):
        log(f"lost {number}\n")

    path.unlink()
    log("kept\n")
    log("kept too\n")
    log.close()
    assert path.read_text() == "3 lines before this one are lost: the disk did not take them\nkept\nkept too\n"


@pytest.mark.parametrize("by", ["its name", "its directory", "another's rotation"])
def test_a_log_that_loses_its_name_is_begun_anew(tmp_path: Path, by: str) -> None:
    path = tmp_path / "logs" / "memory.log"
    log = LogFile()
    log.open(path)
    log("before\n")
    if by == "its directory":
        shutil.rmtree(path.parent)
    elif by == "its name":
        path.unlink()
    else:
        path.rename(path.with_name("memory.log-20260101"))
        path.touch()

    log("after\n")
    log("later\n")
    log.close()
    assert path.read_text() == "after\nlater\n"


def test_closing_a_log_on_a_full_disk_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "memory.log"
    path.symlink_to("/dev/full")
    log = LogFile()
    log.open(path)
    log("without an end")
    log.close()


def test_a_log_that_cannot_be_rotated_grows_on_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("supervisors.logs.MAX_BYTES", 100)
    path = tmp_path / "memory.log"
    older = [path.with_suffix(f".log.{number}") for number in (3, 2, 1)]
    older[0].mkdir()
    log = LogFile()
    log.open(path)
    lines = [f"line {number}\n" for number in range(100)]
    for line in lines:
        log(line)
    log.close()

    assert "".join(file.read_text() for file in (*older[1:], path)) == "".join(lines)
    assert "memory.log cannot be rotated: Is a directory; it grows on" in capsys.readouterr().err
