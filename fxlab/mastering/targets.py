"""What a master is made for: loudness, ceiling, word length and sample rate."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from fxlab.errors import UsageError, nearest

LUFS_RANGE = -40.0, -5.0
CEILING_RANGE_DB = -20.0, 0.0


@dataclass(frozen=True)
class Target:
    """What the written file has to be.

    Attributes:
        name: As in `--target NAME`.
        lufs: Integrated loudness; None leaves the level as it is.
        ceiling_db: The true peak stays at or below it, dB of full scale.
        subtype: "PCM_16" (dithered), "PCM_24" or "FLOAT"; None keeps the input's.
        sample_rate_hz: None keeps the input's.
        about: Where the figures come from, a line.
        loud_ceiling_db: The ceiling that is asked of masters louder than `lufs`; None for the same.
    """

    name: str
    lufs: float | None
    ceiling_db: float = -1.0
    subtype: str | None = "PCM_24"
    sample_rate_hz: int | None = None
    about: str = ""
    loud_ceiling_db: float | None = None

    def changed(self, lufs: float | None = None, ceiling_db: float | None = None) -> Target:
        """The same with another loudness or ceiling, where given; named "custom" if that changes anything.

        Raises:
            UsageError: A value out of range.
        """
        _check("loudness", lufs, LUFS_RANGE, "LUFS")
        _check("ceiling", ceiling_db, CEILING_RANGE_DB, "dBTP")
        loudness = self.lufs if lufs is None else lufs
        louder = self.lufs is not None and loudness > self.lufs and self.loud_ceiling_db is not None
        own = self.loud_ceiling_db if louder else self.ceiling_db
        wanted = loudness, own if ceiling_db is None else ceiling_db
        if wanted == (self.lufs, self.ceiling_db):
            return self
        return dataclasses.replace(self, name="custom", lufs=wanted[0], ceiling_db=wanted[1], about="As asked for.")


DEFAULT = "release"

TARGETS = {
    target.name: target
    for target in (
        Target(DEFAULT, -14.0, about="What most platforms play at; leaves their encoders 1 dB."),
        Target("spotify", -14.0, about="Spotify for Artists: -14 LUFS, -1 dBTP; louder ones -2 dBTP.", loud_ceiling_db=-2.0),
        Target("apple", -16.0, about="Apple Digital Masters and Sound Check: -16 LUFS, 1 dB below full scale."),
        Target("youtube", -14.0, about="Plays at -14 LUFS, turns down only."),
        Target("tidal", -14.0, about="Plays at -14 LUFS, turns down only."),
        Target("amazon", -14.0, about="Plays at -14 LUFS, turns down only."),
        Target("deezer", -15.0, about="Plays at -15 LUFS, turns down only."),
        Target("ebu-r128", -23.0, sample_rate_hz=48_000, about="EBU R 128, European broadcasting: -23 LUFS, -1 dBTP."),
        Target("aes", -16.0, about="AES TD1008, streaming: -16 LUFS for a track."),
        Target("cd", -11.0, -0.3, "PCM_16", 44_100, about="Red Book; nothing normalises a CD, no encoder follows it."),
    )
}


def target(name: str) -> Target:
    """The target called `name`; raises `UsageError` naming the nearest one."""
    if name not in TARGETS:
        raise UsageError(f"There is no target '{name}'.", nearest(name, TARGETS))
    return TARGETS[name]


def _check(what: str, value: float | None, limits: tuple[float, float], unit: str) -> None:
    if value is not None and not limits[0] <= value <= limits[1]:
        raise UsageError(f"A {what} of {value:g} {unit} is out of range.", f"It lies between {limits[0]:g} and {limits[1]:g}.")
