"""What one can ask of `fxlab grow`, and what of it doesn't go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.errors import UsageError
from fxlab.settings import GrowSettings, ModelSettings, TrainSettings
from fxlab.timbre.lanes import GROWING, Damage, Lane, parse_age, parse_damage
from fxlab.timbre.performance import LONGEST_S, MOST_STAGES
from fxlab.timbre.voices import MOST_VOICES

MOST_SEEDS = 36
MOST_STEPS = 4096

_RANGES = {
    "minutes": (0, 10_000),
    "seconds": (0.1, LONGEST_S),
    "pitch": (-60, 60),
    "loudness_db": (-60, 60),
    "rate_hz": (MIN_RATE_HZ, MAX_RATE_HZ),
    "steps": (2, MOST_STEPS),
    "seeds": (1, MOST_SEEDS),
    "stages": (1, MOST_STAGES),
    "voices": (1, MOST_VOICES),
}
_OPTIONS = {"rate_hz": "--rate", "loudness_db": "--loudness"}


@dataclass
class Request:
    """Recordings or an instrument, what it plays, how it grows meanwhile, and what is written.

    Attributes:
        inputs: Recordings of one instrument (files, folders, patterns), or one instrument's file, or nothing for the one that
            ships.
        output: Audio file; None puts NAME.grown.wav beside the first input.
        minutes: Time to learn recordings in; 0 goes by the epochs of `training`.
        save: Where the instrument that was learnt is kept; None keeps it beside the output.
        model: Size, licence and attribution of an instrument that is learnt.
        training: How it is learnt.
        grow: Likewise.
        profile: Name of the profile that these came from.
        seconds: Length of the instrument's own phrase.
        stages: Notes of staged growth instead of the phrase; 0 for none.
        stage_s: Length of such a note.
        rest_s: Length of the rest after it.
        melody: Whether the notes follow the phrase's.
        along: Audio or MIDI file to play along.
        resynth: Audio file to play in the instrument's timbre, grown from beginning to end.
        voices: Of MIDI; None for as many as sound at once, up to eight.
        match: Whether the performance is brought into the instrument's range.
        pitch: Semitones by which it is moved.
        loudness_db: Likewise.
        f0: Table of the pitch of `along`, `resynth`, or of the one recording.
        rate_hz: Of the output; None for that of the audio that is followed, else 44,100.
        age: Lane such as "0:0,4:1"; None from seed to grown over the whole.
        damage: What is cut when, such as "10:30@6s".
        regrow: Cells grow back after damage even where the age stands still.
        reverse: The lane of ages runs backwards.
        steps: Of the automaton from age 0 to age 1; None for as many as it was taught.
        seed: Of the automaton's and the noise's randomness.
        seeds: How many renderings, each with a seed of its own.
        into: An instrument that grows while the first one recedes.
        automaton: "grown" or "classic"; None for whichever the instrument has.
        bit_depth: "16", "24" or "float".
        stems: Write harmonics and noise as files of their own, too.
        stereo: Spread the sound.
        mask: Table (.csv) or picture of the cells' gains.
        wavetable: WAV of single cycles, one for each stage of growth.
        sfz: Folder for a sampled instrument.
        plot: Picture; of several seeds all in one.
        html: Page to write.
        command: What was typed, for the page.
        report: Measure the automaton.
        force: Overwrite outputs that exist.
    """

    inputs: Sequence[str | Path] = ()
    output: Path | None = None
    minutes: float = 3.0
    save: Path | None = None
    model: ModelSettings = field(default_factory=lambda: ModelSettings(type="ddsp"))
    training: TrainSettings = field(default_factory=TrainSettings)
    grow: GrowSettings = field(default_factory=GrowSettings)
    profile: str | None = None
    seconds: float | None = None
    stages: int = 0
    stage_s: float = 0.5
    rest_s: float = 0.2
    melody: bool = False
    along: Path | None = None
    resynth: Path | None = None
    voices: int | None = None
    match: bool = True
    pitch: float = 0.0
    loudness_db: float = 0.0
    f0: Path | None = None
    rate_hz: int | None = None
    age: str | None = None
    damage: str | None = None
    regrow: bool = False
    reverse: bool = False
    steps: int | None = None
    seed: int = 0
    seeds: int = 1
    into: Path | None = None
    automaton: str | None = None
    bit_depth: str = "24"
    stems: bool = False
    stereo: bool = False
    mask: Path | None = None
    wavetable: Path | None = None
    sfz: Path | None = None
    plot: Path | None = None
    html: Path | None = None
    command: str = ""
    report: bool = False
    force: bool = False

    @property
    def followed(self) -> Path | None:
        """The file that says what is played."""
        return self.along or self.resynth

    @property
    def midi(self) -> bool:
        return self.along is not None and is_midi(self.along)

    def lane(self) -> Lane:
        """Age over time."""
        return GROWING if self.age is None else parse_age(self.age)

    def damages(self) -> tuple[Damage, ...]:
        """What is cut when."""
        return () if self.damage is None else parse_damage(self.damage)


def is_midi(path: Path) -> bool:
    """Whether a file is named as MIDI."""
    return path.suffix.lower() in (".mid", ".midi")


def check_sense(request: Request) -> None:
    """Raises `UsageError` for what is out of range, can't be read or doesn't go together."""
    for name, (low, high) in _RANGES.items():
        value = getattr(request, name)
        if value is None or (name == "stages" and value == 0):
            continue
        if not low <= value <= high:  # also where it is no number
            raise UsageError(
                f"{_OPTIONS.get(name, f'--{name}')} {value:g} is out of range.", f"Its range is {low:g} .. {high:g}."
            )
    if request.bit_depth not in ("16", "24", "float"):
        raise UsageError(f"There is no bit depth '{request.bit_depth}'.", "Choose one of: 16, 24, float.")
    if request.automaton not in (None, "grown", "classic"):
        raise UsageError(f"There is no automaton '{request.automaton}'.", "Choose grown or classic.")
    lane = {"--age": request.age is not None, "--reverse": request.reverse}
    growth = {
        "--damage": request.damage is not None,
        "--regrow": request.regrow,
        "--steps": request.steps is not None,
        "--into": request.into is not None,
        "--nca": request.automaton is not None,
        "--seeds": request.seeds > 1,
        "--mask": request.mask is not None,
        "--report": request.report,
    }
    played = {"--along": request.along is not None, "--resynth": request.resynth is not None, "--stages": request.stages > 0}
    _only_one(played | {"--seconds": request.seconds is not None}, "Each of them says what is played.")
    if request.resynth is not None:
        _without("--resynth", lane | growth, "It plays the grown instrument from beginning to end; --along FILE grows.")
        if is_midi(request.resynth):
            raise UsageError(f"--resynth {request.resynth} is no audio.", f"Play notes with --along {request.resynth}.")
    if request.stages:
        _without("--stages", {"--age": request.age is not None}, "The stages are the ages.")
    if request.melody and not request.stages:
        raise UsageError("--melody is for the notes of --stages.", "Add --stages 32, or leave out --melody.")
    if request.voices is not None and not request.midi:
        raise UsageError("--voices is for the notes of a MIDI file.", "Add --along FILE.mid, or leave out --voices.")
    if request.into is not None:
        elsewhere = {"--wavetable": request.wavetable is not None, "--sfz": request.sfz is not None}
        _without("--into", elsewhere, "It would be of one of the two: name that one alone.")
    if request.seeds > 1:
        _without("--seeds", {"--mask": request.mask is not None}, "Each seed has a mask of its own: render one of them.")
    if request.regrow and request.damage is None:
        raise UsageError("--regrow without damage means nothing.", "Say what is cut when, like --damage 10:30@6s.")
    if request.f0 is not None and request.midi:
        raise UsageError("--f0 is the pitch of audio; a MIDI file has its own.", "Leave out --f0.")
    request.lane(), request.damages()


def _only_one(given: dict[str, bool], why: str) -> None:
    named = [option for option, there in given.items() if there]
    if len(named) > 1:
        raise UsageError(f"{named[0]} and {named[1]} don't go together.", f"{why} Leave out one.")


def _without(option: str, others: dict[str, bool], why: str) -> None:
    named = [other for other, there in others.items() if there]
    if named:
        raise UsageError(f"{option} and {named[0]} don't go together.", f"{why}")
