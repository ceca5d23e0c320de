from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fxlab.audio import atomic, leftovers
from fxlab.audio.atomic import remove_folder, replacing, replacing_folder
from fxlab.errors import OutputError

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no locks of this kind")
KILLED = """
import os, signal, sys
from pathlib import Path
from fxlab.audio import atomic
with getattr(atomic, sys.argv[1])(Path(sys.argv[2])) as temporary:
    (temporary / "half" if temporary.is_dir() else temporary).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def untidied(monkeypatch):
    monkeypatch.setattr(leftovers, "_tidied", set())


def killed(what: str, path: Path) -> None:
    """A process that dies while it writes."""
    assert subprocess.run([sys.executable, "-c", KILLED, what, path]).returncode < 0


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def fill(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / text).write_text(text)


@posix
def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path):
    (tmp_path / "old").write_text("old")
    for what in ("replacing", "replacing_folder"):
        killed(what, tmp_path / "old")
        assert len(names(tmp_path)) == 2 and (tmp_path / "old").read_text() == "old"  # the second process tidied, too
    with replacing(tmp_path / "new") as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == ["new", "old"]


def test_what_is_being_written_stays(tmp_path, monkeypatch):
    with replacing(tmp_path / "slow") as slow, replacing_folder(tmp_path / "folder") as folder:
        slow.write_text("slow")
        fill(folder, "slow")
        monkeypatch.setattr(leftovers, "_tidied", set())
        with replacing(tmp_path / "quick") as quick:
            quick.write_text("quick")
        assert slow.exists() and folder.exists()
    assert names(tmp_path) == ["folder", "quick", "slow"]


def test_other_names_stay(tmp_path):
    others = [".fxlab-notes", ".fxlab-capture-abc", ".fxlab-0123456789ab", "fxlab-0123456789ab-a", ".fxlab-0123456789AB-a"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".fxlab-0123456789ab-link").symlink_to(tmp_path / "elsewhere")
    leftovers.tidy(tmp_path)
    assert names(tmp_path) == sorted([*others, ".fxlab-0123456789ab-link"])


@posix
def test_a_file_can_be_claimed_while_others_tidy(tmp_path, monkeypatch):
    stop = threading.Event()

    def tidy_on() -> None:
        while not stop.is_set():
            monkeypatch.setattr(leftovers, "_tidied", set())
            leftovers.tidy(tmp_path)

    thread = threading.Thread(target=tidy_on)
    thread.start()
    try:
        for number in range(300):
            with replacing(tmp_path / f"{number}") as temporary:
                temporary.write_text(str(number))
    finally:
        stop.set()
        thread.join()
    assert names(tmp_path) == sorted(str(number) for number in range(300))


def test_drives_without_locks(tmp_path, monkeypatch):
    if leftovers.fcntl is not None:
        monkeypatch.setattr(leftovers.fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "no locks")))
    (tmp_path / ".fxlab-0123456789ab-whose").touch()
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("a")
    assert names(tmp_path) == [".fxlab-0123456789ab-whose", "a"]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_folder_takes_another_ones_place(tmp_path, monkeypatch, at_once):
    if not at_once:
        monkeypatch.setattr(atomic, "_exchanged", lambda one, other: False)
    fill(tmp_path / "a", "old")
    with replacing_folder(tmp_path / "a") as temporary:
        fill(temporary, "new")
        assert names(tmp_path / "a") == ["old"]
    assert names(tmp_path / "a") == ["new"] and names(tmp_path) == ["a"]
    with pytest.raises(OutputError), replacing_folder(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left")
    assert names(tmp_path / "a") == ["new"] and names(tmp_path) == ["a"]


@posix
@pytest.mark.parametrize("at_once", [True, False])
def test_where_a_link_leads_the_folder_is_replaced(tmp_path, monkeypatch, at_once):
    if not at_once:
        monkeypatch.setattr(atomic, "_exchanged", lambda one, other: False)
    (tmp_path / "elsewhere").mkdir()
    fill(tmp_path / "elsewhere" / "a", "old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "a")
    with replacing_folder(tmp_path / "link") as temporary:
        fill(temporary, "new")
    assert (tmp_path / "link").is_symlink() and names(tmp_path / "link") == ["new"]
    assert names(tmp_path) == ["elsewhere", "link"] and names(tmp_path / "elsewhere") == ["a"]


def test_what_stepped_aside_is_kept_until_there_is_something_new(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_exchanged", lambda one, other: False)
    fill(tmp_path / "a", "old")

    def fails(one, other, renamed=Path.rename):
        if leftovers._OURS.fullmatch(one.name):
            raise OSError(errno.EIO, "broken")
        return renamed(one, other)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OutputError), replacing_folder(tmp_path / "a") as temporary:
        fill(temporary, "new")
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["old"]


def test_a_folder_is_removed_at_once(tmp_path):
    fill(tmp_path / "a", "old")
    remove_folder(tmp_path / "a")
    assert names(tmp_path) == []
    with pytest.raises(OutputError):
        remove_folder(tmp_path / "a")
