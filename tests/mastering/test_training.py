"""Training on songs: examples, losses, the NumPy form of what was learnt, and the advice that comes of it."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from fxlab.audio.files import Writer
from fxlab.effects.registry import effect
from fxlab.errors import InputError
from fxlab.mastering.advice import advise
from fxlab.mastering.config import SIZES
from fxlab.mastering.corpus import comparable
from fxlab.mastering.decoders import Bands
from fxlab.mastering.degradation import Degradation, drawn
from fxlab.mastering.examples import SEGMENT, WINDOW, analysed, example
from fxlab.mastering.features import COUNT
from fxlab.mastering.listener import decide
from fxlab.mastering.losses import audio_terms, settings_terms, weighed, weightings
from fxlab.mastering.network import MasterNet, Settings
from fxlab.mastering.songs import songs_of
from fxlab.mastering.training import Teacher
from fxlab.mastering.windows import RATE_HZ, WindowTaker
from fxlab.metrics.mastering import scores, spectrum_change_db
from fxlab.models import checkpoint
from fxlab.models.model import describe
from fxlab.settings import MasteringSettings

from .songs import RATE, equalised, song

TINY = dataclasses.replace(
    SIZES["compact"],
    stem=(4, 6),
    blocks=(6, 8),
    dilations=(1, 2),
    latent=12,
    hidden=12,
    residual=(4, 6, 8),
    features=COUNT,
    size="custom",
)
NONE = {f"{name}_weight": 0.0 for name in ("response", "width", "slope", "need", "stft", "a_weighted", "k_weighted", "lufs")}
NONE |= {f"{name}_weight": 0.0 for name in ("regular", "sparsity", "entropy")}


@pytest.fixture(scope="module")
def batch():
    from fxlab.mastering.examples import Pool

    pool = Pool.__new__(Pool)
    rng = np.random.default_rng(0)
    pool.examples = [example(k, song(k, 2.0), RATE, drawn(rng, 0.3), 1, rng) for k in range(4)]
    return pool.batch(range(4)), pool.moments()


def test_an_example_is_what_undoes_its_degradation():
    how = Degradation((100.0, 300.0, 900.0, 2000.0, 8000.0), (3.0, 0.0, -6.0, 0.0, 2.0), (1.0,) * 5, slope=0.25, width=0.5)
    audio = song(1, 3.0)
    found = example(7, audio, RATE, how, 2, np.random.default_rng(0))
    assert found.windows.shape == (2, 2, WINDOW) and found.dry.shape == found.target.shape == (2, SEGMENT)
    assert found.width == 2.0 and found.slope == pytest.approx(0.2) and not found.untouched
    assert found.wanted_db.mean() == pytest.approx(0, abs=1e-5)
    assert np.allclose(found.wanted_db + how.response_db(RATE), np.mean(how.response_db(RATE)), atol=1e-4)
    none = example(7, audio, RATE, Degradation(), 2, np.random.default_rng(0))
    assert none.untouched and np.array_equal(none.dry, none.target) and not none.wanted_db.any()
    assert np.shares_memory(none.dry, none.dry.base if none.dry.base is not None else none.dry) and none.dry.base is None


def settings_of(batch, curve_gain=0.0, weight=1.0, need=1.0):
    size = (len(batch.dry), 5)
    hz = torch.tensor([100.0, 400.0, 1000.0, 3000.0, 9000.0]).expand(size)
    return Settings(
        Bands(hz, torch.full(size, curve_gain), torch.ones(size), torch.full(size, weight)), torch.full(size[:1], need)
    )


def test_losses_of_settings_are_least_where_the_settings_are_right(batch):
    batch, _ = batch
    right = dataclasses.replace(batch, wanted_db=torch.zeros_like(batch.wanted_db), untouched=torch.zeros(4))
    terms = settings_terms(settings_of(batch, weight=0.999, need=0.999), right, RATE)
    assert terms["response"] == pytest.approx(0, abs=1e-9) and terms["need"] < 0.01 and terms["regular"] == 0
    worse = settings_terms(settings_of(batch, 8.0, 0.5, 0.2), right, RATE)
    assert worse["response"] > 0.1 and worse["need"] > 1 and worse["regular"] > 4
    assert worse["entropy"] == pytest.approx(math.log(2), rel=1e-3) and terms["entropy"] < 0.01 < terms["sparsity"]


def test_losses_of_what_is_heard_dont_hear_gain_but_in_loudness(batch):
    batch, _ = batch
    same, louder = (audio_terms(gain * batch.target, batch.target, RATE) for gain in (1.0, 2.0))
    for name in ("stft", "a_weighted", "k_weighted"):
        assert same[name] == pytest.approx(0, abs=2e-4) and louder[name] == pytest.approx(0, abs=2e-3)
    assert same["lufs"] == pytest.approx(0, abs=1e-6) and louder["lufs"] == pytest.approx((6.0206 / 10) ** 2, rel=1e-3)
    for name, value in audio_terms(batch.dry, batch.target, RATE).items():
        assert value > same[name]


def test_weightings_are_those_of_the_standards():
    hz = np.arange(2049) * 48_000 / 4096
    a, k = (20 * np.log10(np.maximum(curve, 1e-9)) for curve in weightings(48_000))
    for at, expected in ((1000, 0.0), (100, -19.1), (10_000, -2.5)):  # IEC 61672-1, table 3
        assert np.interp(at, hz, a) == pytest.approx(expected, abs=0.15)
    assert np.interp(10_000, hz, k) - np.interp(1000, hz, k) == pytest.approx(3.35, abs=0.1)


def test_weights_choose_what_is_minimised(batch):
    terms = {"response": torch.tensor(2.0), "need": torch.tensor(3.0)}
    nothing = MasteringSettings(**NONE)
    assert weighed(terms, nothing) == 0 and weighed(terms, dataclasses.replace(nothing, need_weight=0.5)) == 1.5


@pytest.mark.parametrize("phase", ["1a", "1b", "1c", "2"])
def test_every_phase_learns_an_example_by_heart(batch, phase):
    batch, moments = batch
    torch.manual_seed(0)
    network = MasterNet(dataclasses.replace(TINY.with_phase(phase), dropout=0.0))
    teacher = Teacher(moments, MasteringSettings(phase=phase, jitter_db=0.0), 0)
    optimiser = torch.optim.AdamW(network.parameters(), 0.02)
    costs = []
    for step in range(10):
        optimiser.zero_grad()
        loss = teacher.loss(network, batch, step, 1)
        loss.backward()
        optimiser.step()
        costs.append(float(loss.detach()))
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    assert np.mean(costs[-3:]) < 0.9 * np.mean(costs[:2])


def test_shaking_moves_tone_and_width_alone_and_the_same_way_again(batch):
    batch, moments = batch
    network, teacher = MasterNet(TINY), Teacher(moments, MasteringSettings(jitter_db=6.0), 3)
    plain, shaken, again, other = (teacher.features(batch, network, number) for number in (None, 5, 5, 6))
    assert torch.equal(shaken, again) and not torch.equal(shaken, other)
    assert not torch.equal(plain[:, :54], shaken[:, :54]) and torch.equal(plain[:, 54:], shaken[:, 54:])


@pytest.mark.parametrize("phase", ["1a", "1c", "2"])
@pytest.mark.parametrize("channels", [1, 2])
def test_numpy_decides_as_torch_does(phase, channels):
    torch.manual_seed(1)
    network = MasterNet(dataclasses.replace(TINY.with_phase(phase), channels=channels, abstain=phase != "1c"))
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.2 * torch.randn_like(weights))
    windows, features = torch.randn(3, 2, 5000), torch.randn(COUNT)
    network.train()(windows[None], features[None].expand(1, -1), torch.randn(1, 2, 4096))  # what normalisations count
    network.eval()
    with torch.no_grad():
        told = network.settings(network.analyse(windows[None], features[None]))
    found = decide(checkpoint.model_of(network, {}), windows.numpy(), features.numpy())
    for name in Bands._fields:
        assert np.allclose(getattr(found, name), getattr(told.bands, name)[0].numpy(), rtol=1e-4, atol=1e-4)
    assert found.need == pytest.approx(float(told.need), abs=1e-5)
    assert set(found.box) == (set(told.box._fields) if phase == "2" else set())
    for name, value in found.box.items():
        assert value == pytest.approx(float(getattr(told.box, name)), rel=1e-4)


def saved(path, network, **card):
    about = {
        "format": checkpoint.CARD_FORMAT,
        "model": describe(network.config),
        "sample_rate_hz": network.config.sample_rate_hz,
        "features": {"mean": [0.0] * COUNT, "spread": [1.0] * COUNT},
    }
    checkpoint.save(path, network, about | card)
    return path


def asked(audio, model, **how):
    taker = WindowTaker(RATE, audio.shape[1])
    taker.add(audio)
    return advise(analysed(audio, RATE), taker.windows(), model, **how)


def needy(need, **change):
    torch.manual_seed(2)
    network = MasterNet(dataclasses.replace(TINY.with_phase("2"), **{"sample_rate_hz": RATE_HZ} | change))
    with torch.no_grad():
        network.decoder.gain.bias.fill_(0.3)
        network.decoder.need.bias.fill_(need)
        network.grey_box.out.bias.copy_(torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3]))
    return network


def test_advice_is_a_chain_that_can_be_played_or_to_leave_the_song_alone(tmp_path):
    audio = song(3)
    advice = asked(audio, saved(tmp_path / "a.safetensors", needy(6.0)))
    assert not advice.finished and len(advice.chain.peaks) == 10 and advice.chain.dynamics and advice.chain.width
    for stage in advice.chain.stages():
        effect(stage.name).resolve(stage.set)
    assert not advice.chain.loudness and advice.comparable is None
    left = asked(audio, saved(tmp_path / "b.safetensors", needy(-6.0)))
    assert left.finished and not left.chain.stages()
    insisted = asked(audio, tmp_path / "b.safetensors", insist=True)
    assert insisted.finished and insisted.need == left.need and len(insisted.chain.peaks) == 10 and insisted.chain.width


def test_advice_doesnt_depend_on_the_level_but_for_what_features_tell_of_it(tmp_path):
    model = saved(tmp_path / "a.safetensors", needy(6.0), features={"mean": [0.0] * COUNT, "spread": [1e6] * COUNT})
    loud, soft = (asked(gain * song(3), model).chain for gain in (1.0, 0.125))
    assert all(a.gain_db == pytest.approx(b.gain_db, abs=1e-3) for a, b in zip(loud.peaks, soft.peaks, strict=True))
    assert loud.dynamics["threshold_db"] - soft.dynamics["threshold_db"] == pytest.approx(20 * math.log10(8), abs=0.01)


def test_models_that_cant_advise_are_refused(tmp_path):
    with pytest.raises(InputError):
        asked(song(3), tmp_path / "absent.safetensors")
    for features in ({}, {"mean": [0.0], "spread": [1.0]}, {"mean": [0.0] * COUNT, "spread": [0.0] * COUNT}, {"mean": 3}):
        with pytest.raises(InputError, match="measures"):
            asked(song(3), saved(tmp_path / "c.safetensors", needy(1.0), features=features))
    for corpus in (
        [{}],
        [{"mid_db": [0.0] * 27}],
        [3],
        [{"mid_db": [10**400] * 27}],
        [{"mid_db": "loud", "width_db": 0, "plr_db": 0, "spread_db": 0}],
    ):
        with pytest.raises(InputError, match="songs"):
            asked(song(3), saved(tmp_path / "c.safetensors", needy(1.0), corpus=corpus))
    with pytest.raises(InputError, match="8000 Hz"):
        asked(song(3), saved(tmp_path / "c.safetensors", needy(1.0, sample_rate_hz=8000)))
    network = needy(1.0)
    network.encoder.stem[0].norm.running_var.fill_(-1.0)
    with pytest.raises(InputError, match="no number"):
        asked(song(3), saved(tmp_path / "c.safetensors", network))


def test_mono_songs_of_the_corpus_tell_nothing_of_width():
    row = {"mid_db": [0.0] * 27, "width_db": -6.0, "plr_db": 12.0, "spread_db": 3.0}
    found = comparable(analysed(song(3), RATE), [row, row | {"width_db": -120.0, "plr_db": None}])
    assert (found.width_db, found.plr_db, found.spread_db, found.count) == (-6.0, 12.0, 3.0, 2)


def test_songs_are_split_whole_and_by_content(tmp_path):
    for name, seed in (("a", 1), ("b", 2), ("again", 1), ("c", 3)):
        with Writer(tmp_path / f"{name}.wav", RATE, 2, "PCM_16", force=True) as writer:
            writer.write(song(seed, 0.2))
    found = songs_of(sorted(tmp_path.glob("*.wav")), 0.3, 0.3, 0)
    assert len(found) == 3 and {one.split for one in found} == {"train", "validation", "test"}
    assert {one.style for one in found} == {"unknown"}


def test_scores_tell_what_was_changed():
    audio = song(4)
    same = scores(audio, 0.5 * audio, RATE)
    assert all(value == pytest.approx(0, abs=0.01) for value in same.values())
    brighter = scores(audio, equalised(audio, 4000, 6), RATE)
    assert brighter["spectrum_db"] > 0.5 and brighter["mr_stft"] > 0.1 and brighter["width_db"] < 0.1
    middle, side = (audio[0] + audio[1]) / 2, (audio[0] - audio[1])
    assert scores(audio, np.stack((middle + side, middle - side)), RATE)["width_db"] == pytest.approx(6.02, abs=0.05)
    squashed = np.tanh(6 * audio)
    assert scores(audio, squashed, RATE)["plr_db"] > 2
    change = spectrum_change_db(audio, equalised(audio, 1000, 6), RATE)
    assert np.argmax(change) == 13 and np.ptp(change) == pytest.approx(5.9, abs=0.3)
