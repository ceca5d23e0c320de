"""The settings of mastering: of `fxlab master`, and of training its network."""

from __future__ import annotations

from dataclasses import dataclass

from fxlab.setting import setting


@dataclass
class MasterSettings:
    target: str = setting(
        "release",
        "Where the music goes, which sets loudness, ceiling and format.",
        choices=("release", "spotify", "apple", "youtube", "tidal", "amazon", "deezer", "ebu-r128", "aes", "cd"),
    )
    lufs: float = setting(0.0, "Loudness of the master instead of the target's; 0 takes the target's.", -40, 0)
    ceiling_db: float = setting(1.0, "Highest true peak instead of the target's, in dB; 1 takes the target's.", -20, 1)
    amount: float = setting(100.0, "How much of everything is applied, in percent; 0 changes nothing.", 0, 100)
    tone: float = setting(100.0, "How much of the equaliser, in percent.", 0, 100)
    dynamics: float = setting(100.0, "How much of the compressor, in percent.", 0, 100)
    width: float = setting(100.0, "How much of the stereo width, in percent.", 0, 100)
    loudness: float = setting(100.0, "How much of the way to the target's loudness, in percent.", 0, 100)
    preset: str = setting("none", "Character that is added.", choices=("none", "warm", "bright", "punchy", "open", "gentle"))
    format: str = setting("wav", "Container of the output.", choices=("wav", "flac", "ogg"))
    bit_depth: str = setting(
        "auto", "Sample format; auto takes the target's, or keeps the input's.", choices=("auto", "16", "24", "float")
    )


@dataclass
class MasteringSettings:
    """How a mastering network is trained (`fxlab train --model master`), beside what `TrainSettings` says."""

    phase: str = setting("1c", "What the network consists of.", choices=("1a", "1b", "1c", "2"))
    skips: bool = setting(True, "Skip connections of the residual network.")
    conditioning: str = setting("film", "How the residual network is told of the song.", choices=("film", "concat"))
    features: bool = setting(True, "The network is given measures of the song beside its audio.")
    pooled_dropout: float = setting(0.8, "Share of what it hears that training silences, where it is given measures.", 0, 0.9)
    draws: int = setting(32, "Degradations of each song.", 1, 10_000)
    excerpt_s: float = setting(20.0, "Length of the excerpts that are degraded.", 1.0, 600.0)
    windows: int = setting(1, "Parts of an excerpt that the network hears.", 1, 64)
    untouched: float = setting(0.2, "Share of examples to which nothing is done.", 0, 1)
    rendered: int = setting(2, "Examples of a batch whose audio is heard; of the others the settings alone are judged.", 0, 256)
    jitter_db: float = setting(6.0, "How much the songs' balance is shaken before the network is told of it.", 0, 40)
    response_weight: float = setting(4.0, "Weight of the equaliser's distance from what undoes the degradation.", 0, 1000)
    width_weight: float = setting(1.0, "Weight of the width's distance from what undoes the degradation.", 0, 1000)
    slope_weight: float = setting(1.0, "Weight of the compression's distance from what undoes the degradation.", 0, 1000)
    need_weight: float = setting(0.2, "Weight of telling finished songs from others.", 0, 1000)
    stft_weight: float = setting(0.2, "Weight of the multi-resolution STFT, at equal loudness.", 0, 1000)
    a_weighted_weight: float = setting(0.1, "Weight of the A-weighted spectral error.", 0, 1000)
    k_weighted_weight: float = setting(0.1, "Weight of the K-weighted spectral error.", 0, 1000)
    lufs_weight: float = setting(0.01, "Weight of the distance in loudness.", 0, 1000)
    regular_weight: float = setting(0.02, "Weight of large gains and of Qs far from 1.", 0, 1000)
    sparsity_weight: float = setting(0.01, "Weight of open gates.", 0, 1000)
    entropy_weight: float = setting(0.005, "Weight of gates that are half open.", 0, 1000)
