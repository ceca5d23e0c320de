"""Several seeds: each a run of its own, their spread, the best of them, and going on after anything that ended them early."""

import dataclasses
import json
import math
import signal
import statistics

import pytest

from fxlab.errors import CheckError, InputError, OutputError, UsageError
from fxlab.metrics.quality import esr
from fxlab.models import checkpoint
from fxlab.pages.page import html
from fxlab.services.dataset import service as dataset
from fxlab.services.train import seeds as train_seeds
from fxlab.services.train import service as train
from fxlab.services.train.page import history_of
from fxlab.services.train.page_effect import page_of, page_of_seeds
from fxlab.settings import DatasetSettings, EffectSettings, ModelSettings, TrainSettings

pytestmark = pytest.mark.usefixtures("no_pictures_at_all")
RATE = 8_000
SETTINGS = TrainSettings(
    epochs=2, batch_size=4, segment=512, windows=4, learning_rate=0.01, steps_per_epoch=6, stft_weight=0.0, seed=5, threads=1
)
LSTM = ModelSettings(type="lstm", size="16")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds") / "ds"
    effects = [EffectSettings("saturator", set={"cutoff_hz": 2000.0})]
    dataset.run(dataset.Request([], folder, effects, DatasetSettings(synthesize="15s"), sample_rate_hz=RATE, workers=1))
    return folder


def request(pairs, output, **changes):
    settings = dataclasses.replace(SETTINGS, **{k: v for k, v in changes.items() if hasattr(SETTINGS, k)})
    return train.Request(pairs, output, LSTM, settings, **{k: v for k, v in changes.items() if not hasattr(SETTINGS, k)})


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds") / "run"
    tasks = []
    return (
        train_seeds.run(request(pairs, folder, listen=True), 3, lambda task, *args, **fields: tasks.append(task)),
        folder,
        tasks,
    )


def weights(path):
    return checkpoint.load(path)[0].state_dict()


def same(first, second):
    a, b = weights(first), weights(second)
    return all(bool((a[name] == b[name]).all()) for name in a)


def test_every_seed_is_a_run_of_its_own(pairs, trained, tmp_path):
    result, folder, _ = trained
    assert list(result.runs) == [5, 6, 7] and result.ended == "finished" and not result.diverged
    names = {path.name for path in folder.iterdir()}
    assert names == {"seed-5", "seed-6", "seed-7", "best.safetensors", "report.json"}
    assert not same(folder / "seed-5" / train.LAST, folder / "seed-6" / train.LAST)
    train.run(request(pairs, tmp_path, seed=6))
    assert same(tmp_path / train.LAST, folder / "seed-6" / train.LAST)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (folder / "seed-6").iterdir()}


def test_the_best_on_the_validation_split_is_kept_and_knows_of_the_others(trained):
    result, folder, _ = trained
    validation = {seed: run.metrics["validation_esr"] for seed, run in result.runs.items()}
    assert result.best == min(validation, key=validation.get)
    assert same(folder / train.BEST, folder / f"seed-{result.best}" / train.BEST)
    errors = [run.metrics["esr"] for run in result.runs.values()]
    spread = {"median": statistics.median(errors), "min": min(errors), "max": max(errors)}
    card = checkpoint.load(folder / train.BEST)[1]
    assert result.spread == spread == card["metrics"]["seeds"]["esr"] and card["metrics"]["seeds"]["count"] == 3
    assert card["seed"] == result.best and card["training"]["settings"]["windows"] == 4


def test_the_report_holds_everything(trained):
    result, folder, _ = trained
    report = json.loads((folder / "report.json").read_text())
    assert report == json.loads(json.dumps(result.to_json(), default=str))
    assert report["runs"]["6"]["metrics"]["esr"] == result.runs[6].metrics["esr"] and report["esr"] == result.spread


def test_a_page_tells_of_all_seeds_and_lets_the_best_be_heard(trained):
    result, folder, _ = trained
    page = page_of_seeds(result, "fxlab train ds --seeds 3")
    assert page.command == "fxlab train ds --seeds 3" and f"seed {result.best}" in page.summary
    parts = {part.title: part for part in page.parts}
    assert len(parts["Seeds"].rows) == 3 and len(parts["All seeds"].lines) == 6
    assert [len(line.x) for line in parts["Training"].lines] == [2, 2]
    history = history_of(result.runs[result.best])
    drawn = {line.name: line.y for line in parts["Training"].lines}
    assert drawn["validation ESR"].tolist() == pytest.approx([10 * math.log10(row["validation_esr"]) for row in history])
    heard = {version.name: version.audio[0] for version in parts["Dry, target and network"].versions}
    assert list(heard) == ["dry", "target", "network"] and len({len(audio) for audio in heard.values()}) == 1
    assert esr(heard["target"], heard["network"]) == pytest.approx(result.runs[result.best].metrics["esr"], rel=0.2)
    assert dict(page.facts)["effect"] == "saturator" and parts["Spectrum"].lines[3].name == "difference"
    assert ["saturator", "cutoff_hz", "2000"] in list(map(list, parts["The effect, as it was set"].rows))
    one = page_of(result.runs[5])
    assert "lstm-16, trained" in one.title and "ESR" in one.summary and len(html(one)) < 5_000_000


def test_progress_tells_the_seed(trained):
    assert "Training (seed 5, 1 of 3)" in trained[2] and "Testing (seed 7, 3 of 3)" in trained[2]


def test_ctrl_c_amid_a_sequence_and_resume(pairs, trained, tmp_path, monkeypatch):
    """Interrupted in the second run; resuming trains that one to its end and the third, and the first not again."""
    _, undisturbed, _ = trained

    def press(task, done, total, **fields):
        if task == "Training (seed 6, 2 of 3)" and done == 3:
            signal.raise_signal(signal.SIGINT)

    result = train_seeds.run(request(pairs, tmp_path), 3, press)
    assert result.ended == "interrupted" and list(result.runs) == [5, 6] and result.runs[6].steps == 3
    assert result.best == 5 and result.spread["min"] == result.spread["max"] == result.runs[5].metrics["esr"]
    assert same(tmp_path / train.BEST, tmp_path / "seed-5" / train.BEST)

    steps, step = [], train.Loop._step
    monkeypatch.setattr(train.Loop, "_step", lambda self, *args: steps.append(self.settings.seed) or step(self, *args))
    resumed = train_seeds.run(request(pairs, tmp_path, resume=True), 3)
    assert resumed.ended == "finished" and steps == [6] * 9 + [7] * 12
    for seed in (5, 6, 7):
        assert same(tmp_path / f"seed-{seed}" / train.LAST, undisturbed / f"seed-{seed}" / train.LAST)
        assert (
            resumed.runs[seed].metrics["esr"]
            == json.loads((undisturbed / "report.json").read_text())["runs"][str(seed)]["metrics"]["esr"]
        )


def test_a_run_that_diverges_leaves_the_others_theirs(pairs, tmp_path, monkeypatch):
    go = train.Loop.go

    def diverge(self):
        if self.settings.seed in bad:
            raise CheckError("Training diverged.", "")
        return go(self)

    monkeypatch.setattr(train.Loop, "go", diverge)
    bad = {5}
    result = train_seeds.run(request(pairs, tmp_path / "one", epochs=1), 2)
    assert list(result.runs) == [6] == [result.best] and result.diverged == {5: "Training diverged."}
    assert json.loads((tmp_path / "one" / "report.json").read_text())["diverged"] == {"5": "Training diverged."}
    bad = {5, 6}
    with pytest.raises(CheckError):
        train_seeds.run(request(pairs, tmp_path / "all", epochs=1), 2)


def test_nothing_that_is_there_is_lost_by_mistake(pairs, trained, tmp_path):
    _, folder, _ = trained
    before = (folder / train.BEST).read_bytes()
    with pytest.raises(UsageError, match="already holds a run"):
        train_seeds.run(request(pairs, folder), 3)
    with pytest.raises(UsageError, match="already holds a run"):
        train.run(request(pairs, folder))
    with pytest.raises(UsageError, match="learning_rate"):
        train_seeds.run(request(pairs, folder, resume=True, learning_rate=0.5), 3)
    with pytest.raises(UsageError, match="to resume") as caught:
        train.run(request(pairs, folder, resume=True))
    assert "--seeds" in caught.value.hint
    with pytest.raises(InputError):
        train_seeds.run(request(tmp_path, folder, force=True), 3)
    assert (folder / train.BEST).read_bytes() == before
    with pytest.raises(UsageError, match="to resume"):
        train_seeds.run(request(pairs, tmp_path, resume=True), 3)
    with pytest.raises(UsageError, match="seed"):
        train_seeds.run(request(pairs, tmp_path, seed=2**31 - 2), 3)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        train_seeds.run(request(pairs, tmp_path / "file"), 3)


def test_started_over_nothing_old_is_gone_on_with(pairs, tmp_path):
    train_seeds.run(request(pairs, tmp_path, epochs=1), 2)

    def press(task, done, total, **fields):
        if task.startswith("Training") and done == 2:
            signal.raise_signal(signal.SIGINT)

    result = train_seeds.run(request(pairs, tmp_path, force=True, epochs=1), 2, press)
    assert list(result.runs) == [5] and not list(tmp_path.glob("seed-6/*.safetensors"))
    assert result.best is None and not (tmp_path / train.BEST).exists()
