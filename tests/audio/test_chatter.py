"""What C libraries write to stderr is kept away; what Python writes isn't."""

from __future__ import annotations

import os
import subprocess
import sys

from fxlab.audio.chatter import quiet_stderr

PROLOGUE = "import os, sys\nfrom fxlab.audio.chatter import quiet_stderr, show\n"


def written(script: str) -> str:
    """What a script leaves on stderr."""
    done = subprocess.run([sys.executable, "-c", PROLOGUE + script], capture_output=True, text=True)
    assert done.returncode in (0, 1)
    return done.stderr


def test_only_python_is_heard():
    script = """
with quiet_stderr():
    os.write(2, b"chatter\\n")
    with quiet_stderr():
        os.write(2, b"chatter\\n")
        print("inside", file=sys.stderr)
    os.write(2, b"chatter\\n")
    os.system("echo chatter >&2")
os.write(2, b"after\\n")
print("Python", file=sys.stderr)
with quiet_stderr():
    os.write(2, b"chatter\\n")
os.write(2, b"end\\n")
"""
    assert written(script) == "inside\nafter\nPython\nend\n"


def test_errors_are_heard_inside_and_afterwards():
    assert "ValueError: wrong" in written("with quiet_stderr():\n    raise ValueError('wrong')")
    assert "ValueError: wrong" in written("held = quiet_stderr()\nheld.__enter__()\nraise ValueError('wrong')")
    threaded = "import threading\nwith quiet_stderr():\n    t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()"
    assert "ZeroDivisionError" in written(threaded)


def test_for_debugging_all_is_heard():
    assert written("with quiet_stderr(True): os.write(2, b'chatter')") == "chatter"
    assert written("show(True)\nwith quiet_stderr(): os.write(2, b'chatter')") == "chatter"
    assert written("show(True)\nwith quiet_stderr(False): os.write(2, b'chatter')") == ""


def test_a_closed_stderr_stays_closed():
    script = """
os.close(2)
with quiet_stderr():
    pass
try:
    os.fstat(2)
except OSError:
    print("closed")
"""
    done = subprocess.run([sys.executable, "-c", PROLOGUE + script], capture_output=True, text=True)
    assert done.stdout == "closed\n"
    assert done.returncode == 0


def test_whoever_holds_stderr_is_heard():
    script = """
held = sys.stderr
with quiet_stderr():
    print("before", file=held)
    held.flush()
    assert sys.stderr is held and sys.__stderr__ is held
    assert held.fileno() != 2 and held.name == "<stderr>"
    os.write(2, b"chatter\\n")
assert held.fileno() == 2
print("after", file=held)
"""
    assert written(script) == "before\nafter\n"
    assert subprocess.run([sys.executable, "-u", "-c", PROLOGUE + script], capture_output=True).stderr == b"before\nafter\n"


def test_someone_elses_stderr_is_left_alone(capsys):
    before = sys.stderr
    with quiet_stderr():
        assert sys.stderr is before
        print("kept", file=sys.stderr)
    assert capsys.readouterr().err == "kept\n"
    assert os.fstat(2)


def test_stderr_closed_between_two_silences_stays_closed():
    script = """
with quiet_stderr():
    pass
os.close(2)
with quiet_stderr():
    pass
try:
    os.fstat(2)
except OSError:
    print("closed")
"""
    done = subprocess.run([sys.executable, "-c", PROLOGUE + script], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("closed\n", 0)


def test_threads_may_overlap():
    script = """
import threading
def work():
    for _ in range(200):
        with quiet_stderr():
            os.write(2, b"chatter\\n")
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
os.write(2, b"end\\n")
"""
    assert written(script) == "end\n"
