"""Players of `.nam` files that share nothing with fxlab: one in plain NumPy, and Neural Amp Modeler's own package."""

import importlib
import importlib.util
import sys
import types

import numpy as np
import pytest


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


ACTIVATIONS = {
    "Tanh": np.tanh,
    "Sigmoid": sigmoid,
    "ReLU": lambda x: np.maximum(x, 0.0),
    "Hardtanh": lambda x: np.clip(x, -1.0, 1.0),
    "SiLU": lambda x: x * sigmoid(x),
    "Softsign": lambda x: x / (1.0 + np.abs(x)),
    "Hardswish": lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
}


def activate(about, x):
    about = {"type": about} if isinstance(about, str) else about
    if about["type"] == "LeakyReLU":
        return np.where(x > 0.0, x, about.get("negative_slope", 0.01) * x)
    return ACTIVATIONS[about["type"]](x)


def convolve(x, kernel, dilation=1, bias=None):
    """(channels, frames) by (outputs, channels, taps), the last tap of which is the present sample."""
    out = np.zeros((len(kernel), x.shape[1])) + (0.0 if bias is None else bias[:, None])
    for tap in range(kernel.shape[2]):
        delay = (kernel.shape[2] - 1 - tap) * dilation
        if delay < x.shape[1]:
            out[:, delay:] += kernel[:, :, tap] @ x[:, : x.shape[1] - delay]
    return out


def each(value, layers):
    return value if isinstance(value, list) else [value] * layers


def wavenet(config, take, dry):
    x, head = dry, None
    for array in config["layers"]:
        channels, dilations = array["channels"], array["dilations"]
        n = len(dilations)
        kernels = array["kernel_sizes"] if "kernel_sizes" in array else [array["kernel_size"]] * n
        gated = [mode == "gated" for mode in each(array.get("gating_mode", "gated" if array.get("gated") else "none"), n)]
        out, taps, bias = (
            [array["head"][key] for key in ("out_channels", "kernel_size", "bias")]
            if "head" in array
            else (array["head_size"], 1, array["head_bias"])
        )
        x = convolve(x, take(channels, array["input_size"], 1))
        for kernel, dilation, gate, about in zip(kernels, dilations, gated, each(array["activation"], n), strict=True):
            wide = channels * (2 if gate else 1)
            z = convolve(x, take(wide, channels, kernel), dilation, take(wide)) + convolve(dry, take(wide, 1, 1))
            z = activate(about, z[:channels]) * sigmoid(z[channels:]) if gate else activate(about, z)
            head = z if head is None else head + z
            x = x + convolve(z, take(channels, channels, 1), bias=take(channels))
        head = convolve(head, take(out, channels, taps), bias=take(out) if bias else None)
    return take(1) * head


def lstm(config, take, dry):
    hidden, x = config["hidden_size"], dry.T
    for i in range(config["num_layers"]):
        inputs = hidden if i else 1
        matrix, bias, h, c = take(4 * hidden, inputs + hidden), take(4 * hidden), take(hidden), take(hidden)
        out = np.empty((len(x), hidden))
        for n, frame in enumerate(x @ matrix[:, :inputs].T + bias):
            i_, f, g, o = np.split(frame + matrix[:, inputs:] @ h, 4)
            c = sigmoid(f) * c + sigmoid(i_) * np.tanh(g)
            h = out[n] = sigmoid(o) * np.tanh(c)
        x = out
    return (x @ take(hidden) + take(1))[None]


def linear(config, take, dry):
    return np.convolve(dry[0], take(config["receptive_field"]))[None, : dry.shape[1]] + (take(1) if config["bias"] else 0.0)


@pytest.fixture(scope="session")
def play_nam():
    """What a file's content plays of mono audio in float64, after so many samples of silence."""

    def play(data, audio, silence=4096):
        values, taken = np.array(data["weights"], np.float32).astype(np.float64), 0

        def take(*shape):
            nonlocal taken
            taken += int(np.prod(shape))
            return values[taken - int(np.prod(shape)) : taken].reshape(shape)

        dry = np.concatenate([np.zeros(silence), audio])[None]
        wet = {"WaveNet": wavenet, "LSTM": lstm, "Linear": linear}[data["architecture"]](data["config"], take, dry)
        assert taken == len(values)
        return wet[0, silence:]

    return play


@pytest.fixture(scope="session")
def nam_models():
    """`nam.models` of neural-amp-modeler, without what only its trainer needs (Lightning, transformers, librosa)."""
    found = importlib.util.find_spec("nam")
    if found is None or importlib.util.find_spec("pydantic") is None:
        pytest.skip("pip install pydantic, and pip install --no-deps 'neural-amp-modeler==0.13.*'")
    package, data = types.ModuleType("nam"), types.ModuleType("nam.data")
    package.__path__ = list(found.submodule_search_locations)
    data.wav_to_tensor = None
    sys.modules |= {"nam": package, "nam.data": data}
    yield importlib.import_module("nam.models")
    for name in [name for name in sys.modules if name.partition(".")[0] == "nam"]:
        del sys.modules[name]
