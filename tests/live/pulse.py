"""A PulseAudio daemon of a test's own, with two sinks that nobody hears."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RATE_HZ = 48_000


class Pulse:
    """A running daemon; what is played into the sink `fxlab_in` is the default input, the sink `fxlab_out` the default output.

    Args:
        folder: For its state. Its socket lies elsewhere, since the path of one must be short.

    Attributes:
        environment: For processes that shall see this daemon and no other. ALSA reads it once per process, so that whoever opens
            devices has to be a process of its own (`python`).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = Path(tempfile.mkdtemp(prefix="fxlab-pulse-"))
        self._socket = self._place / "native"
        home, place = str(folder / "home"), str(self._place)
        (folder / "home").mkdir()
        self.environment = os.environ | {
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "XDG_RUNTIME_DIR": place,
            "PULSE_RUNTIME_PATH": place,
            "PULSE_STATE_PATH": home,
            "PULSE_COOKIE": str(folder / "home" / "cookie"),
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_SOURCE": "fxlab_in.monitor",
            "PULSE_SINK": "fxlab_out",
            "NUMBA_NUM_THREADS": "1",
        }
        # Without an address at all, libraries would start a D-Bus daemon to look for other servers.
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent"
        self._daemon: subprocess.Popen | None = None
        self._awake: list[subprocess.Popen] = []
        self.restart()

    def restart(self) -> None:
        """Starts the daemon, after `kill`, and waits until it answers."""
        sinks = [
            f"module-null-sink sink_name={name} format=float32le rate={RATE_HZ} channels=2" for name in ("fxlab_in", "fxlab_out")
        ]
        modules = [f"module-native-protocol-unix socket={self._socket} auth-anonymous=1", *sinks]
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-target=stderr"]
        command += ["--realtime=no", "--high-priority=no", *(word for module in modules for word in ("-L", module))]
        self._socket.unlink(missing_ok=True)
        with open(self._folder / "daemon.log", "ab") as log:
            self._daemon = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait_for_it()
        # A sink to which nobody listens works through seconds at once; somebody in a hurry makes it work in small steps.
        for name in ("fxlab_in", "fxlab_out"):
            listener = ["parec", f"--device={name}.monitor", "--latency-msec=5", "--rate=48000"]
            with open(os.devnull, "wb") as nowhere:
                self._awake.append(subprocess.Popen(listener, env=self.environment, stdout=nowhere, stderr=nowhere))

    def kill(self) -> None:
        """Ends the daemon at once, without a word to its clients."""
        self._send(signal.SIGKILL)
        self._daemon.wait()
        for listener in self._awake:
            listener.kill()
            listener.wait()
        self._awake.clear()

    def freeze(self) -> None:
        """Lets the daemon hang until `thaw`."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """Ends everything and leaves nothing behind."""
        self.kill()
        shutil.rmtree(self._place)

    def play(self, file: Path, sink: str = "fxlab_in") -> subprocess.Popen:
        """Plays a sound file into a sink, in the background."""
        return subprocess.Popen(["paplay", f"--device={sink}", str(file)], env=self.environment)

    def recording(self, file: Path, source: str = "fxlab_out.monitor") -> subprocess.Popen:
        """Records a source in the background, as raw stereo float32, until it is terminated (SIGINT)."""
        return subprocess.Popen(
            [
                "parec",
                "--raw",
                f"--device={source}",
                "--format=float32le",
                f"--rate={RATE_HZ}",
                "--channels=2",
                "--latency-msec=20",
                file,
            ],
            env=self.environment,
        )

    def record(self, seconds: float, source: str = "fxlab_out.monitor") -> np.ndarray:
        """Records a source, (2, frames) float32."""
        file = self._folder / "recorded.raw"
        with self.recording(file, source) as recorder:
            time.sleep(seconds)
            recorder.send_signal(signal.SIGINT)
        return read_raw(file)

    def python(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        """Runs Python under this daemon; its output as text."""
        return subprocess.run(
            [sys.executable, *arguments], env=self.environment, capture_output=True, text=True, timeout=200, **options
        )

    def start_python(self, *arguments: str) -> subprocess.Popen:
        """The same in the background, with pipes."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, *arguments], env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def _send(self, what: int) -> None:
        self._daemon.send_signal(what)

    def _wait_for_it(self) -> None:
        deadline = time.monotonic() + 120
        while subprocess.run(["pactl", "info"], env=self.environment, capture_output=True).returncode:
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "daemon.log").read_text())
            time.sleep(0.05)


def read_raw(file: Path) -> np.ndarray:
    """A finished recording, (2, frames) float32."""
    return np.fromfile(file, np.float32).reshape(-1, 2).T


def why_not() -> str:
    """What is missing here for a daemon and a client; empty if nothing is."""
    programs = [name for name in ("pulseaudio", "parec", "paplay", "pactl") if shutil.which(name) is None]
    if programs:
        return f"not installed: {', '.join(programs)}"
    if not list(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so")):
        return "not installed: libasound2-plugins"
    try:
        import pyaudio  # noqa: F401
    except ImportError as error:
        return f"no PyAudio: {error}"
    return ""
