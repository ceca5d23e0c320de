"""An instrument for samplers: recordings of some of its notes, looped, and the .sfz file that spreads them over the keys.

A loop is a whole number of samples and of periods at once: a note is tuned by up to a fiftieth of a cent for that. Before the
loop's end the sound fades over to what leads up to its beginning, harmonics in phase and noise at constant power, so that the
jump back is the way that the sound went on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.atomic import output_error, replacing_folder
from fxlab.audio.writer import Writer
from fxlab.errors import InputError, UsageError
from fxlab.timbre.frames import hertz_of

Render = Callable[[float, float, float], tuple[np.ndarray, np.ndarray]]
"""(pitch in Hz, loudness in dB, seconds) to the harmonic and the noise part of one held note, (frames,) each, from its attack on
and at least so long."""

ATTACK_S, LOOP_S, FADE_S = 0.6, 1.5, 0.4
"""From a note's beginning to its loop; the loop; and the fade before its end."""
RELEASE_S = 0.3
PEAK = 10 ** (-1 / 20)

_SAMPLES = "samples"
_CURVE_STEP = 8  # velocities between the points of a curve, between which samplers interpolate
_BEHIND = 64  # samples after the loop's end, for interpolators that look ahead
_NAMES = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")


@dataclass(frozen=True)
class Looped:
    """A note whose samples `start` to `end`, both played, can be repeated for ever; `samples` is (frames,)."""

    samples: np.ndarray
    start: int
    end: int


def write_sfz(
    folder: str | Path,
    name: str,
    render: Render,
    range_midi: tuple[float, float],
    rate_hz: int,
    layers: Sequence[float],
    step: int = 3,
    remarks: Sequence[str] = (),
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Path:
    """Writes `folder`/`name`.sfz and `folder`/samples/*.wav (mono, 24 bit), all of them or nothing.

    Args:
        folder: Is made.
        name: Of the instrument.
        render: Plays a note.
        range_midi: Lowest and highest note that are recorded; the outer ones serve all keys beyond.
        rate_hz: Of what `render` gives.
        layers: Loudness in dB of each layer of velocities, softest first: what its highest velocity plays. Lower ones play it
            softer, so that the loudness grows evenly through all layers. One alone follows the velocity as samplers usually do.
        step: Semitones from recording to recording.
        remarks: Lines that go with it, such as whose recordings it was learnt from.
        force: Replace an instrument that is there.
        progress: Is told how many notes of how many are recorded.

    Returns:
        The .sfz file.

    Raises:
        UsageError: The folder is taken, the name can't be a file's, or there is no such step or number of layers.
        InputError: No note sounds.
        OutputError: The place can't be written, or the disk is full.
    """
    folder = Path(folder)
    _check(name, step, layers)
    check_place(folder, name, force)
    low, high = (min(max(round(note), 0), 127) for note in range_midi)
    roots = list(range(low, high + 1, step))
    notes: dict[tuple[int, int], Looped] = {}
    for number, root in enumerate(roots):
        for layer, loudness in enumerate(layers):
            progress(number * len(layers) + layer, len(roots) * len(layers))
            notes[root, layer] = looped(render, float(hertz_of(root)), loudness, rate_hz)
    progress(len(notes), len(notes))
    peak = max(float(np.abs(note.samples).max()) for note in notes.values())
    if not peak > 0:
        raise InputError("There is nothing to sample: no note of the instrument sounds.", "Choose another instrument.")
    with replacing_folder(folder) as temporary:
        for (root, layer), note in notes.items():
            with Writer(temporary / _SAMPLES / _file(root, layer), rate_hz, 1) as writer:
                writer.write((note.samples[None] * (PEAK / peak)).astype(np.float32))
        (temporary / f"{name}.sfz").write_text(_text(name, roots, layers, notes, remarks), encoding="utf-8")
    return folder / f"{name}.sfz"


def check_place(folder: Path, name: str, force: bool) -> None:
    """Raises `UsageError` where an instrument can't be written: only what looks like one of that name is replaced, and only if
    `force`; `OutputError` where the place itself can't be used."""
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise UsageError(f"{folder} is a file.", "Name a folder for the instrument.")
        found = {entry.name for entry in folder.iterdir()}
    except OSError as error:
        raise output_error(folder, error) from None
    if not found:
        return
    if not force:
        raise UsageError(f"{folder} exists already.", "Choose another name, or replace the instrument in it with --force.")
    if found != {f"{name}.sfz", _SAMPLES}:
        raise UsageError(f"{folder} holds other things than the instrument {name}.", "Choose another folder, or clear this one.")


def looped(render: Render, f0_hz: float, loudness_db: float, rate_hz: int) -> Looped:
    """A note that can be held for ever, at `f0_hz` but for a fiftieth of a cent."""
    periods = max(1, round(LOOP_S * f0_hz))
    length = round(periods * rate_hz / f0_hz)
    start, fade = round(ATTACK_S * rate_hz), round(FADE_S * rate_hz)
    end = start + length
    parts = render(periods * rate_hz / length, loudness_db, (end + 1) / rate_hz)
    share = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0, 1, fade))
    out = np.zeros(end)
    for part, (before, after) in zip(parts, ((1 - share, share), (np.sqrt(1 - share), np.sqrt(share))), strict=True):
        part = np.asarray(part[:end], np.float64).copy()
        part[end - fade :] = before * part[end - fade :] + after * part[start - fade : start]
        out += part
    return Looped(np.concatenate([out, out[start : start + _BEHIND]]), start, end - 1)


def _check(name: str, step: int, layers: Sequence[float]) -> None:
    if not name or name != Path(name).name or any(sign in name for sign in '\\/:*?"<>|') or name.startswith("."):
        raise UsageError(f"'{name}' can't be the name of an instrument.", "Use letters, digits, - and _.")
    if not 1 <= step <= 24:
        raise UsageError(f"Notes can't be {step} semitones apart.", "Choose 1 to 24.")
    if not 1 <= len(layers) <= 16:
        raise UsageError(f"There can't be {len(layers)} layers of velocities.", "Choose 1 to 16.")


def _file(root: int, layer: int) -> str:
    return f"{root:03d}_{_NAMES[root % 12]}{root // 12 - 1}_{layer + 1}.wav"


def _velocities(layers: Sequence[float]) -> list[tuple[int, int]]:
    """The lowest and the highest velocity of each layer."""
    edges = [math.ceil(128 * layer / len(layers)) for layer in range(len(layers) + 1)]
    return [(low, high - 1) for low, high in zip(edges[:-1], edges[1:], strict=True)]


def _velocity_curve(layer: int, layers: Sequence[float]) -> Iterator[str]:
    """The level of a layer over its velocities: a straight line in dB from the layer below, or on from that above."""
    ranges = _velocities(layers)
    low, high = max(ranges[layer][0], 1), ranges[layer][1]
    here, other = (layer, layer - 1) if layer else (1, 0)
    per_step_db = (layers[here] - layers[other]) / (ranges[here][1] - ranges[other][1])
    for velocity in sorted({low, *range(high, low, -_CURVE_STEP)}):
        yield f"amp_velcurve_{velocity}={10 ** (min(0.0, per_step_db * (velocity - high)) / 20):.4f}"


def _text(
    name: str, roots: Sequence[int], layers: Sequence[float], notes: dict[tuple[int, int], Looped], remarks: Sequence[str]
) -> str:
    lines = [f"// {' '.join(line.split())}" for line in (f"{name}, sampled by fxlab", *remarks)]
    lines += ["", "<control>", f"default_path={_SAMPLES}/", "", "<global>", "loop_mode=loop_continuous"]
    lines += [f"ampeg_release={RELEASE_S}", "amp_veltrack=100"]
    for layer, (softest, loudest) in enumerate(_velocities(layers)):
        lines += ["", "<group>", f"lovel={softest} hivel={loudest}"]
        if len(layers) > 1:
            lines += [" ".join(_velocity_curve(layer, layers))]
        lowest = 0
        for number, root in enumerate(roots):
            highest = 127 if root == roots[-1] else root + (roots[number + 1] - root) // 2
            note = notes[root, layer]
            lines += [
                f"<region> sample={_file(root, layer)} lokey={lowest} hikey={highest} pitch_keycenter={root} "
                f"loop_start={note.start} loop_end={note.end}"
            ]
            lowest = highest + 1
    return "\n".join(lines) + "\n"
