"""ACE in plain NumPy: what the compiled loops and the torch form are compared with."""

from __future__ import annotations

import numpy as np

from fxlab.audio.biquad import reference_cascade
from fxlab.effects.ace.bank import STAGES
from fxlab.effects.ace.design import CONTRAST_DB, CONTRAST_SPREAD_DB, FLOOR, TRANSIENT, TRANSIENT_SPREAD
from fxlab.effects.ace.stream import AceStream

_DB = 20.0 / np.log(10.0)
_SILENT = 1e-30


class AceReference(AceStream):
    """Streaming ACE in NumPy, double precision inside."""

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        state, interval = self._state, self.bank.interval
        done = 0
        while done < block.shape[1]:
            at = int(state["position"][0])
            count = min(interval - at, block.shape[1] - done)
            piece = block[:, done : done + count]
            state["waiting"][:, at : at + count] = np.where(np.isfinite(piece), piece, 0.0)
            out[:, done : done + count] = state["ready"][:, at : at + count]
            done += count
            state["position"][0] = (at + count) % interval
            if at + count == interval:
                state["ready"][:] = self._interval(state["waiting"])

    def _interval(self, x: np.ndarray) -> np.ndarray:
        """An interval (channels, N) of the input to one of the output."""
        d = self.design
        s = self._filtered(x, d.highpass, "highpass")
        tce, transients = self._tce(s)
        z = self._bank(s)
        envelope = np.sqrt(np.mean(d.detector * np.abs(z) ** 2, axis=(0, 1)) + d.noise)
        first, last = self._gains(envelope)
        ramp = np.arange(1, x.shape[1] + 1)[:, None] / x.shape[1]
        bands = (self.bank.weights * z).real * d.bands * (first + (last - first) * ramp)
        sce = self._summed(bands)
        temporal = (1.0 - d.sce_share) * transients
        wet = self._filtered(temporal * self._delayed(tce, "tce") + d.sce_share * sce, d.highpass, "out_highpass")
        return d.output * ((1.0 - d.mix) * self._delayed(x, "dry_line") + d.mix * wet)

    def _filtered(self, x: np.ndarray, section: np.ndarray, name: str) -> np.ndarray:
        y, self._state[name][:] = reference_cascade(x, section[None], self._state[name])
        return y

    def _tce(self, s: np.ndarray) -> tuple[np.ndarray, float]:
        """Temporal contrast (channels, N), and the factor that `adapt` puts on its weight."""
        d, followers, heard = self.design, self._state["tce_followers"], self._state["heard"]
        h = self._filtered(s, d.tce_highpass, "tce_highpass")
        carrier = s if self.parameters["tce_carrier"] == "full" else h
        gain = np.empty(s.shape[1])
        decaying, lasting, fading = followers.tolist()
        for n, level in enumerate(np.mean(np.abs(h), axis=0).tolist()):
            decaying = level if level > decaying else level + d.tce_fall * (decaying - level)
            lasting = decaying + d.tce_rise * (lasting - decaying) if decaying > lasting else decaying
            transient = max(decaying - lasting - d.tce_threshold, 0.0)
            fading = transient if transient > fading else transient + d.tce_fall * (fading - transient)
            gain[n] = transient / (fading + d.delta)
        followers[:] = _kept(np.array([decaying, lasting, fading]))
        heard[0] = _follow(transient, heard[0], d.adapting, d.adapting)
        heard[1] = _follow(decaying, heard[1], d.adapting, d.adapting)
        heard[:2] = _kept(heard[:2])
        share = heard[0] / (heard[1] + d.delta)
        weight = self._adapted((share - TRANSIENT) / TRANSIENT_SPREAD)
        self._state["report"][4] += weight
        return carrier * gain, weight

    def _adapted(self, excess: float) -> float:
        return 2.0 / (1.0 + np.exp(excess)) if self.parameters["adapt"] else 1.0

    def _bank(self, s: np.ndarray) -> np.ndarray:
        """The last stages' outputs, complex (channels, N, K)."""
        real, imaginary = self._state["bank"].swapaxes(0, 1)
        stages = real + 1j * imaginary
        out = np.empty((*s.shape, stages.shape[2]), np.complex128)
        for n in range(s.shape[1]):
            signal = s[:, n, None]
            for j in range(STAGES):
                signal = stages[:, j] = signal + self.bank.poles * stages[:, j]
            out[:, n] = signal
        real[:], imaginary[:] = _kept(stages.real), _kept(stages.imag)
        return out

    def _gains(self, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Envelopes (K,) to the gains with which an interval begins and ends, (K,) each."""
        d, followers, heard = self.design, self._state["followers"], self._state["heard"]
        smooth = _follow(e, followers[0], d.li, d.li)
        above = np.log(smooth / (np.sqrt(d.neighbours @ smooth**2) + d.delta))
        heard[2] = _follow(np.sum(smooth**2 * above) * _DB, heard[2], d.adapting, d.adapting)
        heard[3] = _follow(np.sum(smooth**2), heard[3], d.adapting, d.adapting)
        contrast_db = heard[2] / (heard[3] + d.delta**2)
        strength = self._adapted((contrast_db - CONTRAST_DB) / CONTRAST_SPREAD_DB)
        count, sum_, least, most, _ = report = self._state["report"]
        report[:4] = count + 1.0, sum_ + strength, min(strength, least) if count else strength, max(strength, most)
        u = e * np.exp(np.maximum(strength * d.li_strength * np.minimum(above, 0.0), FLOOR))
        level = np.log(_follow(u, followers[1], d.ex, d.ex))
        below = np.max(level) - level
        lifted = np.minimum(-strength * d.ex_strength * (below + d.ex_threshold), below)
        v = u * np.exp(np.maximum(lifted, FLOOR))
        lasting = _follow(v, followers[2], d.dp_rise, 0.0)
        prolonged = _follow(lasting, followers[3], 0.0, d.dp_fall)
        p = prolonged + v - lasting
        wanted, present = _follow(p, followers[4], d.gain, d.gain), _follow(e, followers[5], d.gain, d.gain)
        cap = np.maximum(p, e) / (e + d.delta)
        gain = np.minimum(wanted / (present + d.delta), cap)
        first = np.minimum(followers[6], cap)
        followers[:] = smooth, np.exp(level), lasting, prolonged, wanted, present, gain
        return first, gain

    def _summed(self, bands: np.ndarray) -> np.ndarray:
        """Bands (channels, N, K) into the running sum, each at its delay; what is complete by now (channels, N)."""
        total, interval = self._state["sum"], bands.shape[1]
        places = self.bank.delays + np.arange(interval)[:, None]
        for channel, parts in enumerate(bands):
            total[channel] += np.bincount(places.ravel(), parts.ravel(), total.shape[1])
        ready = total[:, :interval].copy()
        total[:, :-interval] = total[:, interval:]
        total[:, -interval:] = 0.0
        return ready

    def _delayed(self, x: np.ndarray, name: str) -> np.ndarray:
        """`x` (channels, N) after the bands' common delay."""
        line, interval = self._state[name], x.shape[1]
        line[:, :-interval] = line[:, interval:]
        line[:, -interval:] = x
        return line[:, :interval].copy()


def _follow(x, y, rise, fall):
    """A one-pole follower's next value: it keeps `rise` of its distance while rising, `fall` of it while falling."""
    return x + np.where(x > y, rise, fall) * (y - x)


def _kept(x):
    """`x` without what is too small to be heard, long before it is denormal."""
    return np.where(np.abs(x) > _SILENT, x, 0.0)
