"""Every setting that a profile can hold, declared once: name, type, default, range and one line of help.

The dataclasses below are what services take; `fxlab.profiles` reads them from TOML, the command line overrides single ones.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from fxlab.durations import parse_duration
from fxlab.errors import UsageError
from fxlab.recorded import check_knobs, check_pairs
from fxlab.setting import setting, shown
from fxlab.settings_grow import GrowSettings
from fxlab.settings_master import MasteringSettings, MasterSettings

_ENGINES = ("auto", "fused", "numba", "numpy", "onnx", "torch", "torchscript")


def _synthesize(value: str) -> None:
    if value:
        parse_duration(value)


def _tail(value: str) -> None:
    if value not in ("none", "auto"):
        parse_duration(value)


def _grid(values: dict[str, Any]) -> None:
    for name, choices in values.items():
        if not isinstance(choices, list) or not choices:
            raise UsageError(
                f"grid: {name} needs a list of values, not {shown(choices)}.", f"Write it like {name} = [0, 12, 24]."
            )


def _random(ranges: dict[str, Any]) -> None:
    for name, ends in ranges.items():
        if not isinstance(ends, list) or len(ends) != 2 or not all(type(end) in (int, float) for end in ends):
            raise UsageError(f"random: {name} needs [low, high], not {shown(ends)}.", f"Write it like {name} = [-0.5, 0.5].")


def _ratios(values: list[Any]) -> None:
    for value in values:
        if type(value) not in (int, float) or not -60 <= value <= 100:
            raise UsageError(f"snr_db = {shown(value)} is no ratio in dB.", "Its range is -60 .. 100, as in snr_db = [0, 5].")


def _texts(values: list[Any]) -> None:
    for value in values:
        if not isinstance(value, str) or not value:
            raise UsageError(f"presets must be names of profiles, not {shown(value)}.", 'Write it like presets = ["saturator"].')


def _engine(name: str) -> None:
    if name in _ENGINES:
        return
    from fxlab.engines.registry import engines  # imported only where another package's engine may be meant

    if name not in engines():
        engines().named(name, _ENGINES)


def _controllers(values: dict[str, Any]) -> None:
    for number, name in values.items():
        if not (number.isdigit() and int(number) < 128 and isinstance(name, str) and name):
            raise UsageError(
                f"midi_map: {number} = {shown(name)} is no controller and parameter.", "Write it like 74 = 'cutoff_hz'."
            )


@dataclass
class AudioSettings:
    sample_rate_hz: int = setting(48_000, "Sample rate of what fxlab makes itself.", 8_000, 192_000)


@dataclass
class EffectSettings:
    """One stage of a chain: an effect's name or a model file, and its parameters."""

    name: str = setting("saturator", "An effect's name or a model file.")
    engine: str = setting(
        "auto",
        "How it is run: fused, numba, numpy, onnx, torch, torchscript or one of another package; auto takes the fastest.",
        accepts=_engine,
    )
    set: dict[str, Any] = setting({}, "The effect's parameters, name = value.")


@dataclass
class ModelSettings:
    type: str = setting("tcn", "Architecture to train: tcn, lstm, gru, ace, master, ddsp or one of another package.")
    size: str = setting(
        "auto",
        "tcn: standard, large, lite, feather, nano, single; lstm: 16, 32, 64; gru: 16, 32; ace: 60, 32, full; "
        "master: compact, seed; ddsp: tiny, full, seed; auto takes the first.",
    )
    licence: str = setting("", "Licence that the model's card states, such as 'CC BY 4.0'.")
    attribution: str = setting("", "Whose recordings it learns from, for the card.")


@dataclass
class DatasetSettings:
    synthesize: str = setting("", "Length of test signals to make, such as '3min'; empty for none.", accepts=_synthesize)
    levels_db: list[float] = setting([0.0], "Gains at which every dry file is rendered.", -60, 24)
    grid: dict[str, list[Any]] = setting({}, "Effect parameter to list of values: every combination is rendered.", accepts=_grid)
    random: dict[str, list[float]] = setting(
        {}, "Effect parameter to [low, high]: drawn anew for each rendering, and for each chunk.", accepts=_random
    )
    draws: int = setting(1, "Renderings per file when parameters are random.", 1, 1000)
    chunk_s: float = setting(0.0, "Cut the pairs into chunks of this many seconds; 0 keeps takes whole.", 0, 3600)
    trim_db: float = setting(-80.0, "Leading and trailing parts below this peak level are cut off.", -200, 0)
    validation: float = setting(0.1, "Share of the sources held out for validation.", 0, 0.9)
    test: float = setting(0.2, "Share of the sources held out for testing.", 0, 0.9)
    snr_db: list[float] = setting(
        [], "Mix inputs with noise at these ratios, targets stay clean; empty for no noise.", accepts=_ratios
    )
    noise: str = setting("speech-shaped", "Which noise: speech-shaped, white, pink or an audio file.")
    pairs: list[dict[str, Any]] = setting([], "Recorded pairs: tables of dry, wet and knobs.", accepts=check_pairs)
    knobs: list[dict[str, Any]] = setting([], "Knobs of recorded pairs: tables of name, low, high, default.", accepts=check_knobs)
    align: bool = setting(True, "Align recorded pairs; false trusts them sample by sample.")
    clip_s: float = setting(0.0, "A recording is a row of clips of this many seconds, each begun from rest; 0 for none.", 0, 3600)
    lead_s: float = setting(0.0, "Beginning of every recorded pair or clip that is heard and never judged, in seconds.", 0, 60)
    train_lead_s: float = setting(-1.0, "The same for what is trained on, if that begins elsewhere; -1 is as lead_s.", -1, 60)
    seed: int = setting(0, "Seed of every random choice.", 0, 2**31 - 1)


@dataclass
class TrainSettings:
    epochs: int = setting(100, "Epochs to train.", 1, 100_000)
    steps_per_epoch: int = setting(0, "Steps in an epoch; 0 covers the training audio once.", 0, 1_000_000)
    batch_size: int = setting(0, "Segments per step; 0 takes 8, for recurrent networks 16.", 0, 65_536)
    accumulate: int = setting(1, "Batches whose gradients are added up for one step.", 1, 1024)
    segment: int = setting(
        0, "Output samples per segment, context not counted; 0 takes 8192, for recurrent networks 1024.", 0, 1_000_000
    )
    windows: int = setting(
        32, "Segments in a row through which a recurrent network carries its state; others ignore it.", 1, 100_000
    )
    learning_rate: float = setting(5e-3, "Peak learning rate of AdamW.", 1e-8, 1.0)
    final_rate: float = setting(0.01, "Last learning rate as a share of the peak (cosine schedule).", 0, 1)
    warmup_steps: int = setting(100, "Steps of linear warm-up.", 0, 1_000_000)
    weight_decay: float = setting(0.0, "Decoupled weight decay.", 0, 1)
    clip_norm: float = setting(1.0, "Gradient norm is clipped to this; 0 turns it off.", 0, 1e6)
    ema: float = setting(0.0, "Decay of the weight average that is evaluated and saved; 0 turns it off.", 0, 0.999999)
    loss: str = setting(
        "effect", "What is minimised: effect (ESR, MR-STFT and DC), snr, estoi, contrast, or another package's loss."
    )
    esr_weight: float = setting(1.0, "Weight of the pre-emphasised error-to-signal ratio.", 0, 1000)
    stft_weight: float = setting(0.002, "Weight of the multi-resolution STFT loss.", 0, 1000)
    dc_weight: float = setting(1.0, "Weight of the DC loss, in each of fxlab's own losses.", 0, 1000)
    pre_emphasis: float = setting(0.85, "Coefficient of the first-order pre-emphasis; 0 turns it off.", 0, 0.999)
    level_weight: float = setting(1.0, "snr, estoi, contrast: weight of the term that keeps the target's level.", 0, 1000)
    contrast_bound_db: float = setting(12.0, "contrast: a band may be changed so far before that costs.", 0.1, 60)
    patience: int = setting(0, "Stop after this many epochs without a better validation figure; 0 never stops early.", 0, 100_000)
    seed: int = setting(0, "Seed of initial weights and data order.", 0, 2**31 - 1)
    device: str = setting("auto", "Where to train; auto takes CUDA where there is some.", choices=("auto", "cpu", "cuda"))
    mixed_precision: bool = setting(True, "bfloat16 autocast on CUDA; CPU always trains in float32.")
    threads: int = setting(0, "CPU threads; 0 takes one for a small network and else as many as torch likes.", 0, 1024)

    def for_network(self, recurrent: bool, shortest: int = 0) -> TrainSettings:
        """With every setting that depends on the kind of network filled in; raises `UsageError` for too short a segment.

        Args:
            recurrent: Whether it carries a state from window to window.
            shortest: Samples in a segment that the loss needs, for segments of automatic length; windows then get fewer.
        """
        if 0 < self.segment < 64:
            raise UsageError(f"segment = {self.segment} is too short.", "Its range is 64 .. 1000000; 0 is automatic.")
        segment, batch = (1024, 16) if recurrent else (8192, 8)
        windows = self.windows if recurrent else 1
        if shortest > segment and not self.segment:
            segment, windows = shortest, max(1, windows * segment // shortest)
        return dataclasses.replace(
            self,
            batch_size=self.batch_size or batch,
            segment=self.segment or segment,
            windows=windows,
        )


@dataclass
class RenderSettings:
    format: str = setting("wav", "Container of the output.", choices=("wav", "flac", "ogg"))
    bit_depth: str = setting("auto", "Sample format; auto keeps the input's.", choices=("auto", "16", "24", "float"))
    mix: float = setting(1.0, "Share of the processed signal, the rest is dry.", 0, 1)
    tail: str = setting(
        "none",
        "What is added after the end: none keeps the length, auto lets it ring out, or a time such as '2s'.",
        accepts=_tail,
    )


@dataclass
class BenchSettings:
    buffers: list[int] = setting([64, 128, 512], "Buffer sizes in frames.", 1, 65_536)
    runs: int = setting(5, "Independent runs per cell.", 1, 10_000)
    threads: int = setting(1, "Threads a network may use.", 1, 1024)
    gc: str = setting("off", "Whether Python's garbage collector runs while measuring.", choices=("on", "off"))


@dataclass
class LiveSettings:
    buffer: int = setting(128, "Frames in a block.", 1, 8192)
    sample_rate_hz: int = setting(0, "Sample rate; 0 takes the model's, the file's or the device's own.", 0, 192_000)
    channels: int = setting(0, "Channels that are processed; 0 takes a file's, otherwise one.", 0, 64)
    input_device: str = setting("", "Device to hear, by number or part of its name; empty is the system's default.")
    output_device: str = setting("", "Device to play on, likewise.")
    callback: str = setting(
        "auto",
        "What carries the audio: compiled code without the interpreter where it can, or Python.",
        choices=("auto", "compiled", "python"),
    )
    presets: list[str] = setting([], "Profiles for the keys 1 to 9 and for MIDI programs.", accepts=_texts)
    midi: str = setting("", "MIDI port, by number or part of its name; empty for none.")
    midi_map: dict[str, str] = setting({}, "MIDI controller to parameter, 74 = 'cutoff_hz'.", accepts=_controllers)


@dataclass
class Profile:
    """All settings of one profile. `effects` is the chain, in order."""

    description: str = setting("", "One line for `fxlab profiles list`.")
    audio: AudioSettings = field(default_factory=AudioSettings)
    effects: list[EffectSettings] = field(default_factory=list)
    model: ModelSettings = field(default_factory=ModelSettings)
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    render: RenderSettings = field(default_factory=RenderSettings)
    master: MasterSettings = field(default_factory=MasterSettings)
    mastering: MasteringSettings = field(default_factory=MasteringSettings)
    grow: GrowSettings = field(default_factory=GrowSettings)
    bench: BenchSettings = field(default_factory=BenchSettings)
    live: LiveSettings = field(default_factory=LiveSettings)
