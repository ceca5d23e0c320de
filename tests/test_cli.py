"""The command line: help that teaches, one panel and one exit code per error, one JSON document, no heavy imports."""

from __future__ import annotations

import errno
import json
import os
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fxlab import __version__
from fxlab.cli import VERBS, _load, run
from fxlab.console import output
from fxlab.errors import CheckError, InputError, MissingError, OutputError, UsageError

HEAVY = ("numpy", "torch", "numba", "onnx", "onnxruntime", "matplotlib", "soundfile", "soxr", "scipy", "joblib", "safetensors")


def fxlab(*arguments, **environment):
    """The command in a process of its own, without a terminal."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "NO_COLOR")
    }
    return subprocess.run(
        [sys.executable, "-m", "fxlab", *arguments],
        capture_output=True,
        text=True,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def plant(monkeypatch):
    """Puts an action in the place of the verb `profiles`."""

    def _plant(action):
        def register(app):
            @app.command("profiles")
            def command() -> None:
                action()

        monkeypatch.setitem(sys.modules, "fxlab.commands.profiles", SimpleNamespace(register=register))

    return _plant


def raising(error):
    def action():
        raise error

    return action


def test_version_and_help_list_every_verb():
    assert fxlab("--version").stdout == f"fxlab {__version__}\n"
    shown = fxlab("--help")
    assert shown.returncode == 0 and shown.stderr == ""
    for verb, help in VERBS.items():
        assert f"  {verb}" in shown.stdout and help in shown.stdout
    assert fxlab().stdout.strip() == shown.stdout.strip()
    assert max(map(len, shown.stdout.splitlines())) <= 110


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself_with_two_examples(verb, capsys):
    assert run([verb, "--help"]) == 0
    _, examples = capsys.readouterr().out.split("Examples:")
    assert sum(line.strip().startswith("fxlab ") for line in examples.splitlines()) >= 2
    assert f"fxlab {verb}" in examples


@pytest.mark.parametrize("verb", VERBS)
def test_examples_fit_a_narrow_terminal_and_can_be_copied(verb, capsys):
    run([verb, "--help"])
    _, examples = capsys.readouterr().out.split("Examples:")
    assert max(map(len, examples.splitlines())) <= 80
    for line in examples.replace("\\\n", "").strip().splitlines():
        assert shlex.split(line)[0] in ("fxlab", "torchrun"), line


def test_help_flows_to_the_width_of_the_window():
    """Newer releases of Typer keep the line breaks of docstrings, which then break a second time."""
    help = _load("render", "rich").help
    assert [part.count("\n") for part in help.split("\n\n")] == [0, 0]


def test_nothing_heavy_is_imported_for_help():
    runs = [["--help"], *([verb, "--help"] for verb in VERBS)]
    code = f"import sys, fxlab.cli as c; [c.run(v) for v in {runs}]; print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    assert "fxlab.commands.profiles" in loaded
    assert not {name for name in loaded if name.split(".")[0] in HEAVY}


def test_help_alone_imports_no_verb():
    code = "import sys, fxlab.cli as c; c.run(['--help']); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    assert not {name for name in loaded if name.startswith("fxlab.commands.")}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("what", "way out"), 2),
        (InputError("what", "way out"), 3),
        (MissingError("what", "way out"), 4),
        (CheckError("what", "way out"), 5),
        (OutputError("what", "way out"), 6),
    ],
)
def test_each_kind_of_error_is_one_message_and_its_code(plant, capsys, error, code):
    plant(raising(error))
    assert run(["profiles"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "Error: what\nway out\n"
    assert run(["profiles", "--json"]) == code
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "error": {"kind": type(error).__name__, "message": "what", "hint": "way out"},
        "exit_code": code,
    }


def test_an_unexpected_error_is_ours_and_shows_its_traceback_only_with_debug(plant, capsys):
    plant(raising(ZeroDivisionError("oops")))
    assert run(["profiles"]) == 1
    shown = capsys.readouterr().err
    assert "Internal error" in shown and "ZeroDivisionError: oops" in shown and "--debug" in shown and "Traceback" not in shown
    for arguments in (["--debug", "profiles"], ["profiles", "--debug"]):
        assert run(arguments) == 1
        assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (KeyboardInterrupt(), 130, "Interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "out.wav"), 6, "out.wav: No space left"),
        (OSError(errno.EROFS, "Read-only file system", "out.wav"), 6, "out.wav: Read-only"),
        (OSError(errno.EIO, "Input/output error"), 1, "Internal error"),
        (MemoryError(), 1, "MemoryError"),
    ],
)
def test_what_the_system_raises(plant, capsys, error, code, says):
    plant(raising(error))
    assert run(["profiles"]) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "nonsense"),
        (["profile"], "profiles"),
        (["--nonsense"], "--nonsense"),
        (["profiles", "show"], "NAME"),
        (["profiles", "list", "--nonsense"], "--nonsense"),
        (["profiles", "show", "no-such-profile"], "no-such-profile"),
    ],
)
def test_usage_errors_are_2_and_obey_json(capsys, arguments, says):
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("Error: ") and says in shown.err
    assert run([*arguments, "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["exit_code"] == 2 and says in answer["error"]["message"] + answer["error"]["hint"]


def test_json_is_the_only_thing_on_stdout_whatever_else_prints(plant, capsys):
    class Result:
        def to_json(self):
            return {"esr": float("nan"), "path": os.devnull, "rows": (1, 2.5, None, True)}

    def action():
        print("a library talks")
        output.note("a note")
        output.finish(Result(), lambda result: pytest.fail("shown under --json"))

    plant(action)
    assert run(["profiles", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"esr": None, "path": os.devnull, "rows": [1, 2.5, None, True]}
    assert "a library talks" in shown.err and "a note" in shown.err


def test_a_result_followed_by_a_failed_check_is_still_one_document(plant, capsys):
    def action():
        output.document({"rows": [1]})
        raise CheckError("too slow", "use a larger buffer")

    plant(action)
    assert run(["profiles", "--json"]) == 5
    answer = json.loads(capsys.readouterr().out)
    assert answer["rows"] == [1] and answer["exit_code"] == 5 and answer["error"]["message"] == "too slow"


def test_quiet_leaves_out_notes_but_no_results(capsys):
    assert run(["profiles", "list"]) == 0
    loud = capsys.readouterr()
    assert run(["profiles", "list", "--quiet"]) == 0
    quiet = capsys.readouterr()
    assert quiet.out == loud.out and "saturator" in quiet.out
    assert loud.err and quiet.err == ""


def test_without_a_terminal_there_are_no_escape_codes():
    for arguments in (["--help"], ["profiles", "list"], ["profiles", "show", "saturator"], ["profiles", "show"]):
        shown = fxlab(*arguments)
        assert "\x1b" not in shown.stdout + shown.stderr
        assert "\u256d" not in shown.stdout + shown.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are not on Windows")
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
@pytest.mark.parametrize("arguments", [["--help"], ["profiles", "show"]])
def test_colour_only_on_a_terminal_that_wants_it(arguments, environment, coloured):
    import pty
    import re

    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "NO_COLOR")
    }
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fxlab", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**clean, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    process.wait()
    assert (b"Usage" in shown) or (b"Error" in shown)
    assert bool(re.search(rb"\x1b\[[0-9;]*3[0-7]", shown)) == coloured


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGPIPE habits on Windows")
def test_a_reader_that_goes_away_and_a_full_disk_are_answered_quietly():
    command = f"{sys.executable} -m fxlab profiles show saturator"
    piped = subprocess.run(f"{command} | true", shell=True, capture_output=True, text=True)
    assert piped.stderr == ""
    if os.path.exists("/dev/full"):
        full = subprocess.run(f"{command} > /dev/full", shell=True, capture_output=True, text=True)
        assert full.returncode == 6 and "No space left" in full.stderr and "Traceback" not in full.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_offers_verbs_and_their_options(shell):
    script = fxlab("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert script.returncode == 0 and "_FXLAB_COMPLETE" in script.stdout
    if shell == "bash":
        assert "profiles" in fxlab(_FXLAB_COMPLETE="complete_bash", COMP_WORDS="fxlab pro", COMP_CWORD="1").stdout.split()
        assert "check" in fxlab(_FXLAB_COMPLETE="complete_bash", COMP_WORDS="fxlab profiles ch", COMP_CWORD="2").stdout.split()
        line = "fxlab render --profile sat"
        assert "saturator" in fxlab(_FXLAB_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD="3").stdout.split()


def test_profiles_verb_end_to_end(tmp_path, capsys):
    bad = tmp_path / "bad.toml"
    bad.write_text("[train]\nepochz = 1\n[bench]\nruns = 0\n")
    good = tmp_path / "good.toml"
    good.write_text("[train]\nepochs = 3\n")
    assert run(["profiles", "check", str(good)]) == 0
    assert "ok" in capsys.readouterr().out
    assert run(["profiles", "check", str(bad), str(good), str(tmp_path / "none.toml"), "--json"]) == 2
    files = json.loads(capsys.readouterr().out)["files"]
    assert [file["ok"] for file in files] == [False, True, False]
    assert [problem["line"] for problem in files[0]["problems"]] == [2, 4]
    assert run(["profiles", "check", str(bad)]) == 2
    shown = capsys.readouterr().out
    assert f"{bad}, line 2: " in shown and f"{bad}, line 4: " in shown and "epochs" in shown
    assert run(["profiles", "show", str(good), "--json"]) == 0
    settings = {(row["section"], row["name"]): row for row in json.loads(capsys.readouterr().out)["settings"]}
    assert (
        settings["train", "epochs"]["value"] == 3
        and settings["train", "epochs"]["from"] == "profile"
        and settings["train", "epochs"]["line"] == 2
    )
    assert settings["train", "batch_size"]["from"] == "default"


@pytest.mark.parametrize(
    "arguments",
    [["render", ""], ["render", "a.wav", "-o", ""], ["render", "a.wav", "--effect", " "], ["train", "ds", "--output="]],
)
def test_an_empty_argument_never_means_the_folder_one_is_in(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.wav").write_bytes(b"RIFF")
    assert run([*arguments, "--json"]) == 2
    shown = capsys.readouterr()
    assert "An argument is empty" in json.loads(shown.out)["error"]["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.wav"]


def test_a_name_that_is_too_long_is_a_usage_error(tmp_path, capsys):
    name = str(tmp_path / ("x" * 300 + ".wav"))
    for arguments in (["render", name], ["render", "take.wav", "-o", name], ["dataset", "take.wav", "-o", name], ["train", name]):
        if arguments[0] != "train":
            arguments += ["--effect", "saturator"]
        assert run(arguments) in (2, 3, 6)
        assert "Internal error" not in capsys.readouterr().err


def test_usage_errors_name_the_verbs_help_and_the_way_to_files_that_look_like_options(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-take.wav").write_bytes(b"RIFF")
    assert run(["render", "-take.wav"]) == 2
    shown = capsys.readouterr().err
    assert "fxlab render --help" in shown and "./-take.wav" in shown
    assert run(["render", "take.wav", "--set"]) == 2
    shown = capsys.readouterr().err
    assert "fxlab render --help" in shown and "./" not in shown


def test_json_without_a_verb_is_one_document(capsys):
    assert run(["--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "UsageError"


def test_names_cant_steer_the_terminal(plant, capsys):
    plant(raising(InputError("There is no file a\x1b[2J\x07.wav.", "")))
    assert run(["profiles"]) == 3
    assert capsys.readouterr().err == "Error: There is no file a?[2J?.wav.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other pipes")
def test_a_reader_that_goes_away_and_a_closed_stdout():
    command = f"{sys.executable} -m fxlab effects show eq"
    gone = subprocess.run(["bash", "-c", f"{command} | head -c 1; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True)
    assert gone.returncode == 141 and gone.stderr == ""
    closed = subprocess.run(["bash", "-c", f"{command} >&-"], capture_output=True, text=True)
    assert closed.returncode == 0 and "Traceback" not in closed.stderr
