"""What users write is never a command: no shell, no evaluated text, no pickles anywhere in the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fxlab

SOURCES = sorted(Path(fxlab.__file__).parent.rglob("*.py"))
FORBIDDEN = {
    *("os.system", "os.popen", "os.execl", "os.execv", "os.execvp", "os.spawnl", "os.spawnv", "os.startfile"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell", "pty.spawn"),
    *("eval", "exec", "compile", "pickle.load", "pickle.loads", "marshal.loads", "shelve.open", "yaml.load", "joblib.load"),
    *("np.load", "numpy.load", "np.genfromtxt", "torch.load", "torch.jit.load"),
}


def name_of(function: ast.expr) -> str:
    return ast.unparse(function) if isinstance(function, (ast.Name, ast.Attribute)) else ""


def calls():
    for path in SOURCES:
        for found in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(found, ast.Call):
                yield f"{path.name}:{found.lineno}", found


def test_nothing_hands_text_to_a_shell_or_runs_it():
    assert len(SOURCES) > 300
    found = [place for place, call in calls() if name_of(call.func) in FORBIDDEN]
    found += [place for place, call in calls() if any(word.arg == "shell" for word in call.keywords)]
    assert not found


def test_processes_are_started_from_lists_of_words():
    for place, call in calls():
        if name_of(call.func) in ("subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.call"):
            assert isinstance(call.args[0], (ast.List, ast.Name)), place


@pytest.mark.parametrize("stage", ["eq", "compressor", "imager", "limiter"])
def test_chains_of_masters_name_no_files(stage):
    from fxlab.effects.params import FileParam
    from fxlab.effects.registry import effect
    from fxlab.mastering.chain import ORDER

    assert stage in ORDER and len(ORDER) == 4
    assert not any(isinstance(one, FileParam) for one in effect(stage).parameters)
