"""Pre-flight: every fault is found where it was put, and nothing is found where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from fxlab.audio.files import Reader
from fxlab.audio.programme import ProgrammeMeter
from fxlab.mastering.preflight import Inspector

RATE = 44_100


def music(seconds: float = 6.0, rate: int = RATE, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Noise with the spectrum of music, swelling and decaying four times a second, peaking at -4 dB."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    common, own = rng.standard_normal((1, frames)), rng.standard_normal((channels, frames))
    audio = signal.lfilter([0.05], [1, -0.95], common + 0.7 * own)
    audio += 0.02 * (common + own)
    audio *= 0.3 + np.exp(-8 * (np.arange(frames) / rate % 0.25))
    return (0.63 * audio / np.abs(audio).max()).astype(np.float32)


def inspected(audio: np.ndarray, rate: int = RATE, lossy: bool = False, block: int = 10_000):
    inspector = Inspector(rate, len(audio), lossy)
    for start in range(0, audio.shape[1], block):
        inspector.add(audio[:, start : start + block])
    return inspector.findings()


def codes(findings) -> list[str]:
    return [one.code for one in findings]


def only(audio: np.ndarray, code: str, **how):
    """The one finding that there is to be."""
    findings = inspected(audio, **how)
    assert codes(findings) == [code], findings
    return findings[0]


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (22_050, 2), (44_100, 1), (48_000, 2), (96_000, 2), (48_000, 6)])
def test_nothing_is_found_in_sound_audio(rate, channels):
    assert inspected(music(3.0, rate, channels), rate) == []


def test_low_sines_are_not_clipped_nor_is_anything_else_wrong_with_them():
    times = np.arange(4 * RATE) / RATE
    for hz in (20.0, 50.0, 1_000.0, 11_025.0):
        sine = np.round(0.9 * np.sin(2 * np.pi * hz * times) * 2**15) / 2**15
        assert inspected(sine[None].astype(np.float32)) == []


def test_any_split_gives_the_same():
    audio = np.clip(music(2.5) * 3, -1, 1)
    audio[:, 50_000] += 0.9
    audio[:, 70_000:72_000] = 0
    whole = inspected(audio, block=10**9)
    assert len(whole) >= 3
    assert inspected(audio, block=777) == whole == inspected(audio, block=131)


@pytest.mark.parametrize("level", [1.0, 0.5])
def test_clipping_is_counted_at_the_files_own_extreme(level):
    audio = music()
    loud = audio * np.float32(1.6 / 0.63) * level
    clipped = np.clip(loud, -level, level)
    found = only(clipped, "clipping")
    over = np.abs(loud) >= level
    runs = sum(
        int(np.sum(stop - start >= 3))
        for row in over
        for edges in [np.flatnonzero(np.diff(np.r_[False, row, False]))]
        for start, stop in [(edges[::2], edges[1::2])]
    )
    counted = int(found.text.split()[0].replace(",", ""))
    assert runs * 0.9 <= counted <= runs
    assert over[:, round(found.seconds * RATE)].any()
    dithered = np.round(clipped * 2**15 + np.random.default_rng(1).uniform(-0.5, 0.5, clipped.shape)) / 2**15
    assert "clipping" in codes(inspected(np.clip(dithered, -1, 1 - 2**-15).astype(np.float32)))


def test_samples_beyond_full_scale_are_told_not_called_clipped():
    found = only(music() * 2, "over")
    assert "2.0 dB" in found.text


@pytest.mark.parametrize("size", [0.25, -0.4])
def test_a_click_is_found_where_it_is(size):
    sections = signal.butter(2, 3_000, fs=RATE, output="sos")
    audio = signal.sosfilt(sections, music(), axis=1).astype(np.float32)
    audio[1, 123_456] += size  # a single sample
    audio[0, 200_000:] += np.float32(size) * np.exp(-np.arange(audio.shape[1] - 200_000) / 3_000)  # a step, as of a bad edit
    found = only(audio, "clicks")
    assert found.seconds == pytest.approx(123_456 / RATE, abs=1e-4)


def test_drums_are_no_clicks():
    frames = 4 * RATE
    rng = np.random.default_rng(3)
    drum = rng.standard_normal(4_000) * np.exp(-np.arange(4_000) / 600) * 0.5
    audio = 0.01 * rng.standard_normal(frames)
    for start in range(5_000, frames - 5_000, 11_000):
        audio[start : start + 4_000] += drum
    assert "clicks" not in codes(inspected(audio[None].astype(np.float32)))


def test_offset():
    audio = music()
    audio -= audio.mean(axis=1, keepdims=True)
    found = only(audio + np.float32([[0.03], [0.0]]), "offset")
    assert "3.0 %" in found.text and "-30 dB" in found.text


def test_what_two_channels_can_do_wrong():
    audio = music()
    side = (audio[0] - audio[1]) / 2
    assert "vanishes in mono" in only(np.stack((side + 0.1 * audio[0], 0.1 * audio[0] - side)), "phase").text
    only(np.stack((audio[0], audio[0])), "mono")
    assert "right" in only(np.stack((audio[0], 0 * audio[0])), "one-sided").text
    partly = music(20.0)
    partly[1, 6 * RATE : 13 * RATE] *= -1
    found = only(partly, "phase")
    assert found.seconds == pytest.approx(6.0, abs=3.0) and "6 s" in found.text


def test_silence():
    assert codes(inspected(np.zeros((2, RATE), np.float32))) == ["silent"]
    audio = music()
    still = np.zeros((2, 5 * RATE), np.float32)
    findings = {one.code: one for one in inspected(np.concatenate((still, audio, still, audio, still), axis=1))}
    assert list(findings) == ["lead-in", "tail", "gap"]
    assert all("5.0 s" in one.text for one in findings.values())
    assert findings["tail"].seconds == pytest.approx(22, abs=0.01) and findings["gap"].seconds == pytest.approx(11, abs=0.01)


def test_a_lost_buffer_is_a_dropout():
    audio = music()
    audio[:, 100_000:100_512] = 0
    found = inspected(audio)
    assert "dropout" in codes(found)
    assert next(one for one in found if one.code == "dropout").seconds == pytest.approx(100_000 / RATE, abs=0.003)


@pytest.mark.parametrize("cut_hz", [14_000.0, 16_000.0, 19_000.0])
def test_the_frequency_where_a_lossy_coder_stopped(cut_hz):
    audio = music(8.0)
    taps = signal.firwin(801, cut_hz, fs=RATE)
    coded = signal.fftconvolve(audio, taps[None], mode="same", axes=1).astype(np.float32)
    found = only(coded, "cut-off")
    assert float(found.text.split("above ")[1].split()[0]) == pytest.approx(cut_hz / 1000, abs=0.4)
    assert inspected(coded, lossy=True) == []


def test_a_gentle_low_pass_is_no_cut_off():
    sections = signal.butter(4, 9_000, fs=RATE, output="sos")
    assert inspected(signal.sosfilt(sections, music(8.0), axis=1).astype(np.float32)) == []


def test_loudness_and_true_peak_add_what_only_they_tell():
    def found(audio):
        inspector, meter = Inspector(RATE, 1), ProgrammeMeter(RATE, 1)
        inspector.add(audio)
        meter.add(audio)
        return codes(inspector.findings(meter.programme()))

    times = np.arange(2 * RATE)
    between = (0.99 * np.sqrt(2) * np.sin(np.pi / 2 * times + np.pi / 4)).astype(np.float32)[None]
    assert found(between) == ["intersample"]
    assert found(between * 0.7) == []
    assert found(between * 0.001) == ["quiet"]


@pytest.mark.parametrize("frames", [0, 1, 63, 64, 65, 500])
def test_the_shortest_audio(frames):
    assert inspected(music(1.0)[:, 2_000 : 2_000 + frames]) == []


@pytest.mark.parametrize("name", ["celtic.ogg", "west.ogg", "traveling_minstrels.ogg"])
def test_released_songs_have_no_defects(shared_audio, name):
    with Reader(shared_audio / "music" / name) as reader:
        inspector = Inspector(reader.info.sample_rate_hz, reader.info.channels, reader.info.lossy)
        for block in reader.blocks():
            inspector.add(block)
    assert set(codes(inspector.findings())) <= {"over"}


def test_a_loud_clip_too_short_for_a_loudness_is_not_called_quiet():
    inspector, meter = Inspector(RATE, 2), ProgrammeMeter(RATE, 2)
    clip = music(0.2)
    inspector.add(clip)
    meter.add(clip)
    assert "quiet" not in codes(inspector.findings(meter.programme()))


def test_peaks_cut_a_hair_under_full_scale_are_at_0_dB():
    assert "at 0.0 dB of full scale" in only(np.clip(music() * 5, -0.9999, 0.9999), "clipping").text
