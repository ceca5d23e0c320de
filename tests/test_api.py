"""The library's public face."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fxlab


def test_every_public_name_exists_and_explains_itself():
    for name in fxlab.__all__:
        assert inspect.getdoc(getattr(fxlab, name)), name
        assert name in dir(fxlab)
    with pytest.raises(AttributeError, match="nonesuch"):
        _ = fxlab.nonesuch


def test_onnx_runtime_reports_to_nobody(tmp_path):
    """It would leave a device's number in the home folder, and send what it does to its maker."""
    places = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | places
    subprocess.run([sys.executable, "-c", "import fxlab, onnxruntime"], check=True, env=environment)
    assert list(tmp_path.rglob("*")) == []


def section(title):
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_readme_names_every_public_name():
    rows = [line for line in section("From Python").splitlines() if line.startswith("|")]
    table = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert table | {"FxlabError"} == set(fxlab.__all__) and "`FxlabError`" in section("From Python")


def test_what_readme_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    note = np.sin(np.arange(48_000 * 2) * 0.03) * np.exp(-np.arange(48_000 * 2) / 20_000)
    assert fxlab.write("guitar.wav", 0.8 * note, 48_000) == 0
    code = re.search(r"```python\n(.*?)```", section("From Python"), re.DOTALL).group(1)
    assert len(code.splitlines()) <= 12
    names = {}
    exec(code, names)
    wet, rate = fxlab.read("wet.wav")
    assert rate == 48_000 and np.abs(wet - names["wet"]).max() <= 2.0**-23
    assert fxlab.read("master.wav")[0].shape == (1, 96_000) and abs(fxlab.read("grown.wav")[0].shape[1] / 44_100 - 4) < 0.1


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path, audio = tmp_path / "a.flac", np.array([[0.25, -2.0, np.nan, 0.0]])
    assert fxlab.write(path, audio, 8000, "16") == 1
    read, rate = fxlab.read(path)
    assert rate == 8000 and np.abs(read - [[0.25, -1.0, 0.0, 0.0]]).max() <= 2.0**-14
    for wrong in (
        {"path": path},
        {"path": tmp_path / "b.mp3"},
        {"audio": np.zeros((100, 2))},
        {"audio": np.zeros((1, 4), np.int16)},
        {"audio": np.zeros((1, 0))},
        {"sample_rate_hz": 4000},
        {"bit_depth": "12"},
    ):
        with pytest.raises(fxlab.FxlabError):
            fxlab.write(**{"path": tmp_path / "b.wav", "audio": audio, "sample_rate_hz": 8000, **wrong})
    assert [one.name for one in tmp_path.iterdir()] == ["a.flac"]
    assert fxlab.write(path, audio[0, [0, 3]], 8000, "24", force=True) == 0
    assert fxlab.read(path)[0].tolist() == [[0.25, 0.0]]


@pytest.mark.parametrize(
    ("verb", "given"),
    [("dataset", ("a", "b")), ("train", ("a", "b")), ("export", ("a",)), ("master", ("a.wav",)), ("grow", ())],
)
def test_verbs_refuse_options_that_there_are_not(verb, given):
    with pytest.raises(fxlab.FxlabError, match="no option 'frce'") as caught:
        getattr(fxlab, verb)(*given, frce=True)
    assert "'force'" in caught.value.hint


def test_what_verbs_take_by_another_name_is_no_option():
    for call in (lambda: fxlab.dataset("a.wav", "ds", effects=[]), lambda: fxlab.master("a.wav", inputs=["b.wav"])):
        with pytest.raises(fxlab.FxlabError, match="no option '(effects|inputs)'"):
            call()


def test_places_may_be_texts_or_paths(tmp_path):
    song = str(tmp_path / "a.wav")
    fxlab.write(song, 0.1 * np.sin(np.arange(8000) * 0.3), 8000)
    for given in ({"plot": "p.mp3"}, {"html": "p.txt"}, {"chain": "none.json"}, {"references": "none.wav"}, {"model": "none"}):
        for kind in (str, Path):
            with pytest.raises(fxlab.FxlabError):
                fxlab.master(song, tmp_path / "m.wav", **{name: kind(tmp_path / value) for name, value in given.items()})
    made = fxlab.grow(output=str(tmp_path / "g.wav"), seconds=0.1, mask=str(tmp_path / "m.csv"))
    assert made.files["mask"] == tmp_path / "m.csv" and (tmp_path / "m.csv").is_file()


def test_verbs_check_their_settings(tmp_path):
    with pytest.raises(fxlab.FxlabError, match="epochs = 0 is out of range"):
        fxlab.train(tmp_path, tmp_path / "run", epochs=0)
    with pytest.raises(fxlab.FxlabError, match="has no parameter 'drve_db'"):
        fxlab.dataset((), tmp_path / "ds", parameters={"drve_db": 3}, synthesize="1s")
    with pytest.raises(fxlab.FxlabError, match="amount = 200"):
        fxlab.master("a.wav", amount=200)


def test_importing_it_is_cheap():
    code = "import sys, fxlab; sys.exit(bool({'numpy', 'torch', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_effect_in_its_three_forms():
    import torch

    audio = 0.5 * np.sin(np.arange(4800) / 20).astype(np.float32)
    effect = fxlab.effect("saturator")
    compiled = fxlab.apply(effect.processor(drive_db=18), audio, 48_000)
    plain = fxlab.apply(effect.processor("numpy", drive_db=18), audio, 48_000)
    with torch.no_grad():
        learnable = effect.torch_module(48_000, drive_db=18)(torch.from_numpy(audio)).numpy()
    assert fxlab.esr(plain, compiled) < 1e-12 and fxlab.esr(plain, learnable) < 1e-12
    assert fxlab.esr(plain, audio) > 0.1
