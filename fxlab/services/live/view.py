"""The analyzer on a running stream: what is heard, through the chains that are compared as they stand at the moment."""

from __future__ import annotations

from collections.abc import Sequence

from fxlab.effects.chain import Chain
from fxlab.effects.processor import Processor
from fxlab.effects.registry import effects
from fxlab.engines.loader import open_processor
from fxlab.engines.settable import Settable
from fxlab.live.rings import Ring
from fxlab.services.live.analyzer import Analyzer, Spectra
from fxlab.settings import EffectSettings

DSP, NETWORK = "dsp", "network"

_CATCH_UP_S = 0.5  # who didn't look for longer begins anew: what was missed isn't played

_Chain = Sequence[EffectSettings]


class View:
    """Looks at a stream for one thread, which isn't the audio's.

    Args:
        heard: The stream's input, a ring that is only looked at.
        sample_rate_hz: Of the stream.
        bands_per_octave: Of the spectra.
    """

    def __init__(self, heard: Ring, sample_rate_hz: int, bands_per_octave: int = 6) -> None:
        self._heard, self._rate = heard, sample_rate_hz
        self._analyzer = Analyzer(sample_rate_hz, {}, len(heard.samples), bands_per_octave)
        self._seen = 0
        self._voices: dict[str, tuple[list[EffectSettings], list[Processor], Chain]] = {}

    def look(self, chains: Sequence[_Chain]) -> Spectra:
        """The spectra of the dry input and of every chain by now; to be called ten to twenty times a second.

        Args:
            chains: With the parameters as they stand; opened here once more where they changed, but for networks' knobs. They
                are called "dsp" and "network" after what is in them, or by their effects where that doesn't tell them apart.

        Raises:
            UsageError, InputError: A chain that can't be played at the stream's rate.
        """
        voices = {name: self._voice(name, list(chain)) for name, chain in _named(chains).items()}
        if {name: voice[2] for name, voice in voices.items()} != {name: voice[2] for name, voice in self._voices.items()}:
            self._analyzer.change({name: voice[2] for name, voice in voices.items()})
        self._voices = voices
        most = round(_CATCH_UP_S * self._rate)
        dry = self._heard.latest(most, self._seen)
        self._seen = self._heard.written if dry.shape[1] == most else self._seen + dry.shape[1]
        self._analyzer.feed(dry)
        return self._analyzer.spectra()

    def _voice(self, name: str, chain: list[EffectSettings]) -> tuple[list[EffectSettings], list[Processor], Chain]:
        if name in self._voices:
            before, processors, played = self._voices[name]
            if _stages(before) == _stages(chain) and all(
                old.set == new.set or isinstance(processor, Settable)
                for old, new, processor in zip(before, chain, processors, strict=True)
            ):
                for old, new, processor in zip(before, chain, processors, strict=True):
                    if old.set != new.set and isinstance(processor, Settable):
                        processor.set(**new.set)
                return chain, processors, played
        processors = [open_processor(stage.name, stage.set, stage.engine).processor for stage in chain]
        return chain, processors, Chain(processors)


def _stages(chain: _Chain) -> list[tuple[str, str]]:
    return [(stage.name, stage.engine) for stage in chain]


def _named(chains: Sequence[_Chain]) -> dict[str, _Chain]:
    """The chains by what they are, DSP first."""
    kinds = [NETWORK if any(stage.name not in effects() for stage in chain) else DSP for chain in chains]
    if len(set(kinds)) == len(kinds):
        return dict(sorted(zip(kinds, chains, strict=True)))
    return {" > ".join(stage.name for stage in chain): chain for chain in chains}
