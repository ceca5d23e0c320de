"""What a training shows at its end."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from fxlab.console import train
from fxlab.console.tables import table_of
from fxlab.services.train import seeds as train_seeds
from fxlab.services.train import tables

METRICS = {
    "esr": 5e-4,
    "verdict": "transparent",
    "noise_db": -110.0,
    "dc": 1e-5,
    "predicted_mushra": 97.25,
    "mfcc_distance": 3.18,
    "aliasing_db": [
        {"tone_hz": 1245.0, "network": -85.04, "target": -134.1, "alias_free_target": -300.0},
        {"tone_hz": 2489.0, "network": -65.1, "target": None, "alias_free_target": None},
    ],
    "esr_alias_free": {"network": 2e-4, "target": 1e-5, "network_tones": 4e-4, "target_tones": 5e-5},
}


def test_sentences_say_what_was_found():
    assert list(tables.sentences(METRICS)) == [
        "ESR 0.05 %: transparent.  On silence: noise -110.0 dB, DC 1.0e-05.",
        "Listeners would rate it 97.2 of 100 (predicted MUSHRA; MFCC distance 3.18, heard from 2.91 on).",
        "Against the target without aliasing: ESR 0.02 %, that of the target itself 0.001 %.",
    ]


def test_what_was_not_measured_is_not_spoken_of():
    assert len(list(tables.sentences(METRICS | {"predicted_mushra": None, "esr_alias_free": None}))) == 1
    nothing = METRICS | {"esr_alias_free": dict.fromkeys(METRICS["esr_alias_free"])}
    assert len(list(tables.sentences(nothing))) == 2


def test_seeds_are_told_with_their_spread(monkeypatch, capsys, tmp_path):
    def run(esr, validation, ended="finished"):
        metrics = {"esr": esr, "validation_esr": validation, "verdict": "great"}
        return SimpleNamespace(metrics=metrics, ended=ended, epochs=4, seconds=90.0, figure="validation_esr")

    shown = []
    monkeypatch.setattr(train, "show_train", shown.append)
    runs = {0: run(0.001, 0.002), 1: run(0.003, 0.001), 2: run(0.009, 0.009, "interrupted")}
    train.show_seeds(train_seeds.Result(tmp_path, runs, {3: "Training diverged."}))
    page = capsys.readouterr()
    assert shown == [runs[1]]
    assert "ESR over 2 seeds: median 0.2 %, 0.1 % to 0.3 %." in page.out
    assert "diverged: Training diverged." in page.out and "interrupted, saved" in page.out
    assert "is seed 1:" in page.err


@pytest.mark.parametrize("width", [60, 100])
def test_aliasing_is_told_for_every_tone(width):
    page = io.StringIO()
    Console(file=page, width=width, highlight=False).print(table_of(tables.aliasing(METRICS["aliasing_db"])))
    rows = [line.split() for line in page.getvalue().splitlines() if "Hz" in line]
    assert rows == [["1245", "Hz", "-85.0", "dB", "-134.1", "dB", "none"], ["2489", "Hz", "-65.1", "dB", "–", "–"]]


def test_what_was_gained_is_told_before_and_after():
    figures = {"loss": 0.5, "si_snr_db": -0.04, "estoi": 0.45, "contrast_db": 5.0}
    gained = {"loss": "estoi", "before": figures, "after": figures | {"estoi": 0.6123, "si_snr_db": None}}
    page = io.StringIO()
    console = Console(file=page, width=100, highlight=False)
    console.print(table_of(tables.improvement(gained, "test")))
    console.print(table_of(tables.by_snr([{"snr_db": -5.0, "takes": 3, "before": figures, "after": gained["after"]}])))
    rows = [line.split() for line in page.getvalue().splitlines()]
    assert ["ESTOI", "0.45", "0.612"] in rows and ["SI-SNR", "(dB)", "-0.04", "–"] in rows
    assert ["estoi", "loss", "0.5", "0.5"] in rows and ["SNR", "-5", "dB", "3", "-0.04", "–", "0.45", "0.612"] in rows
