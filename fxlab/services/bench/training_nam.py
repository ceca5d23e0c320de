"""Neural Amp Modeler's own trainer (PyPI `neural-amp-modeler`): its network, data, loss, optimiser, schedule and loop.

Its model file says which loss, optimiser and schedule it trains with. Only the network is another: what it called "standard".
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from importlib import metadata, resources
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from fxlab.errors import MissingError
from fxlab.formats.nam_wavenet import wavenet_json
from fxlab.models.tcn import TCN
from fxlab.training.pair import Pair

if TYPE_CHECKING:
    from fxlab.services.bench.turns import Runner

PACKAGE = "neural-amp-modeler"
_HEAD_SCALE = 0.02  # of its networks of this layout
_TARGET_DB = -18.0  # what it brings targets to before training (RMS, dB of full scale)


def version() -> str:
    """The installed one."""
    return metadata.version(PACKAGE)


class Trainer:
    """Its trainer, with the weights of a network of ours to begin with, but its own scale of the output.

    Args:
        network: Of two arrays, or another layout that its `.nam` files know.
        pairs: To train on.
        segment, batch: Samples of output per segment, segments per step.
        seed: Of its data order.

    Raises:
        MissingError: It isn't installed, or in a version that is made otherwise.
    """

    def __init__(self, network: TCN, pairs: Sequence[Pair], segment: int, batch: int, seed: int) -> None:
        try:
            from nam.data import ConcatDataset, Dataset
            from nam.train.lightning_module import LightningModule
            from torch.utils.data import DataLoader

            config = json.loads((resources.files("nam.train._resources") / "config_model_packed.json").read_text("utf-8"))
            exported = wavenet_json(network.config, {k: v.detach().numpy() for k, v in network.state_dict().items()})
            config["net"] = {"name": "WaveNet", "config": _net(exported["config"]["layers"])}
            self.module = LightningModule.init_from_config(config)
            self.module.net.import_weights(torch.tensor(exported["weights"][:-1] + [_HEAD_SCALE]))
            context = network.receptive_field - 1
            heard = [pair.judged(context) for pair in pairs]
            energy = sum(float(np.square(target, dtype=np.float64).sum()) for _, target in heard)
            self._level = 10 ** (_TARGET_DB / 20) / np.sqrt(energy / sum(len(target) for _, target in heard))
            data = ConcatDataset(
                [
                    Dataset(
                        x=torch.from_numpy(dry),
                        y=torch.from_numpy(np.concatenate((np.zeros(context, np.float32), target))),
                        nx=context + 1,
                        ny=segment,
                        y_scale=float(self._level),
                        require_input_pre_silence=None,
                    )
                    for dry, target in heard
                    if len(target) >= segment
                ]
            )
        except (ImportError, FileNotFoundError, KeyError, TypeError) as error:
            raise MissingError(f"{PACKAGE} isn't there to compare with ({error}).", f"pip install {PACKAGE}==0.13.0") from error
        generator = torch.Generator().manual_seed(seed)
        self._loader = DataLoader(data, batch_size=batch, shuffle=True, drop_last=len(data) > batch, generator=generator)
        self.settings = {name: config[name] for name in ("loss", "optimizer", "lr_scheduler")}

    def network(self) -> nn.Module:
        """Its network now, to be played like one of ours."""
        return _Player(self.module.net, self._level)

    def run(self, runner: Runner) -> None:
        """Trains until `runner` says so."""
        import pytorch_lightning as lightning

        class Stepped(lightning.Callback):
            def on_train_batch_end(self, trainer, *args):
                trainer.should_stop = runner.stepped()

        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = lightning.Trainer(
                accelerator="cpu",
                max_epochs=-1,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                callbacks=[Stepped()],
            )
            trainer.fit(self.module, self._loader)


class _Player(nn.Module):
    recurrent = False

    def __init__(self, net: nn.Module, level: float) -> None:
        super().__init__()
        self.net, self.level = net, level
        self.receptive_field = net.receptive_field

    def forward(self, dry: Tensor, controls: Tensor | None = None) -> Tensor:
        return self.net(dry[:, 0], pad_start=False)[:, None] / self.level


def _net(layers: list[dict]) -> dict:
    """The `config` of a file as its trainer wants it."""
    arrays = []
    for layer in layers:
        head = {"out_channels": layer["head_size"], "kernel_size": 1, "bias": layer["head_bias"]}
        kept = ("input_size", "condition_size", "channels", "kernel_size", "dilations", "activation", "gated")
        arrays.append({name: layer[name] for name in kept} | {"head": head})
    return {"layers_configs": arrays, "head_scale": _HEAD_SCALE}
