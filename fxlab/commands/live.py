"""`fxlab live`: the command line of `fxlab.services.live.service`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fxlab.commands.options import Adapt, Effects, Engine, Force, ProfileName, Sets, effects_from, examples
from fxlab.errors import UsageError

if TYPE_CHECKING:
    from fxlab.services.live.service import Request, Session
    from fxlab.settings import EffectSettings, LiveSettings

_WINDOW_EVERY_S, _PATIENCE_S = 0.1, 2.0

Input = Annotated[Path | None, typer.Option("--input", metavar="FILE", help="Hear this file instead of a device.")]
Virtual = Annotated[bool, typer.Option("--virtual", help="Play on no device, in real time all the same; without --input a clip.")]
Buffer = Annotated[int | None, typer.Option("--buffer", metavar="N", help="Frames in a block; 128 by default.")]
Rate = Annotated[
    int | None, typer.Option("--rate", metavar="HZ", help="Sample rate; by default the model's, file's or device's.")
]
InputDevice = Annotated[str | None, typer.Option("--input-device", metavar="NAME|N", help="Device to hear: part of its name.")]
OutputDevice = Annotated[str | None, typer.Option("--output-device", metavar="NAME|N", help="Device to play on, likewise.")]
Channels = Annotated[int | None, typer.Option("--channels", metavar="N", help="Channels to process; 1, or those of the file.")]
Callback = Annotated[
    str | None,
    typer.Option("--callback", metavar="auto|compiled|python", help="What carries the audio; auto: compiled code where it can."),
]
Duration = Annotated[str | None, typer.Option("--duration", metavar="TIME", help="End after this; else with the file, or by q.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Record what is played.")]
Analyzer = Annotated[
    str | None,
    typer.Option(
        "--analyzer", metavar="[terminal|window]", help="Spectra of dry, DSP and network below the panel, or in a window."
    ),
]
Presets = Annotated[
    list[str] | None,
    typer.Option("--preset", metavar="NAME|FILE", help="Profile for the keys 1, 2 ... and MIDI programs; repeat."),
]
MidiPort = Annotated[str | None, typer.Option("--midi", metavar="PORT", help="Listen to this MIDI port: part of its name.")]
MidiMap = Annotated[
    list[str] | None, typer.Option("--midi-map", metavar="CC=NAME", help="A controller moves a parameter: 74=cutoff_hz; repeat.")
]
MaxXruns = Annotated[int | None, typer.Option("--max-xruns", metavar="N", min=0, help="Exit 5 if there were more gaps.")]
ListDevices = Annotated[bool, typer.Option("--list-devices", help="Show the sound devices and MIDI ports, and end.")]
MeasureLatency = Annotated[
    bool, typer.Option("--measure-latency", help="Measure the round trip through a cable from output to input, and end.")
]


def register(app: typer.Typer) -> None:
    """Adds `live`."""
    app.command(
        "live",
        epilog=examples(
            "fxlab live --effect tcn --buffer 128",
            "fxlab live --effect saturator --set drive_db=24 --input-device usb --output-device usb",
            "fxlab live --input guitar.wav -o wet.wav --effect tcn --buffer 64",
            "fxlab live --virtual --duration 10 --effect tcn --json --max-xruns 0",
        ),
    )(live)


def live(
    effect: Effects = None,
    set_: Sets = None,
    engine: Engine = None,
    adapt: Adapt = False,
    profile: ProfileName = None,
    input: Input = None,
    virtual: Virtual = False,
    buffer: Buffer = None,
    rate: Rate = None,
    input_device: InputDevice = None,
    output_device: OutputDevice = None,
    channels: Channels = None,
    callback: Callback = None,
    duration: Duration = None,
    output: Output = None,
    analyzer: Analyzer = None,
    preset: Presets = None,
    midi: MidiPort = None,
    midi_map: MidiMap = None,
    max_xruns: MaxXruns = None,
    list_devices: ListDevices = False,
    measure_latency: MeasureLatency = False,
    force: Force = False,
) -> None:
    """Play through effects, chains and models in real time.

    Keys: space bypass, a A/B between DSP and network, arrows choose and move parameters, 1-9 presets, r reset, q quit, ? all.
    Without sound hardware use --input FILE or --virtual. Ctrl-C ends it like q: with a report.
    """
    from fxlab.audio import chatter
    from fxlab.console.output import mode
    from fxlab.durations import parse_duration
    from fxlab.profiles import load, override
    from fxlab.services.live.service import Request
    from fxlab.settings import Profile

    chatter.show(mode.debug)
    base = load(profile) if profile else Profile()
    if analyzer not in (None, "terminal", "window"):
        raise UsageError(f"--analyzer {analyzer} is no view.", "Choose terminal or window.")
    settings = override(
        base.live,
        buffer=buffer,
        sample_rate_hz=rate,
        channels=channels,
        input_device=input_device,
        output_device=output_device,
        callback=callback,
        presets=preset,
        midi=midi,
        midi_map=_midi_map(midi_map),
    )
    if midi_map and not settings.midi:
        raise UsageError(
            "--midi-map moves nothing without --midi.", "Add --midi PORT; `fxlab live --list-devices` shows the ports."
        )
    if list_devices:
        return _list_devices()
    if measure_latency:
        if effect or input or virtual or output:
            raise UsageError(
                "--measure-latency plays its own signal on real devices.", "Leave out --effect, --input, --virtual and -o."
            )
        return _measure_latency(settings)
    request = Request(
        effects=effects_from(base, effect, set_, engine, adapt=adapt),
        settings=settings,
        input=input,
        virtual=virtual,
        duration_s=parse_duration(duration) if duration else None,
        output=output,
        force=force,
        presets=[(name, _chain_of(name)) for name in settings.presets],
        max_xruns=max_xruns,
    )
    _play(request, analyzer)


def _chain_of(preset: str) -> list[EffectSettings]:
    """The effects of a profile."""
    from fxlab.profiles import load

    profile = load(preset)
    if not profile.effects:
        raise UsageError(f"The preset {preset} names no effect.", "Choose a profile with [[effects]], or add them to it.")
    return effects_from(profile, None, None)


def _midi_map(pairs: list[str] | None) -> dict[str, str] | None:
    from fxlab.services.live.midi import parse_map

    return {str(number): name for number, name in parse_map(",".join(pairs)).items()} if pairs else None


def _list_devices() -> None:
    from fxlab.console import output as console
    from fxlab.console.live.devices import show, to_json
    from fxlab.services.live.devices import listing

    found = listing()
    if console.mode.json:
        console.document(to_json(found.devices, found.midi))
    else:
        show(found.devices, found.midi)


def _measure_latency(settings: LiveSettings) -> None:
    from fxlab.console import output as console
    from fxlab.console.live.latency import show
    from fxlab.console.progress import bars
    from fxlab.services.live.latency import measure

    with bars() as progress:
        latency = measure(settings, progress)
    console.finish(latency, show)


def _play(request: Request, analyzer: str | None) -> None:
    from fxlab.console import output as console
    from fxlab.console.live.keys import Keys
    from fxlab.console.live.report import show
    from fxlab.console.live.screen import Screen
    from fxlab.services.interrupt import stop_on_ctrl_c
    from fxlab.services.live.service import prepare, require_no_more_xruns, run
    from fxlab.services.live.termination import stop_on_termination

    patience = threading.Timer(
        _PATIENCE_S, console.note, ("Getting ready: kernels are compiled when they are first used, up to half a minute.",)
    )
    patience.start()
    with ExitStack() as stack:
        terminated = stack.enter_context(stop_on_termination())
        try:
            session = prepare(request)
            below, look = stack.enter_context(_view(session, analyzer))
        finally:
            patience.cancel()
        for text in request.notes:
            console.note(text)
        screen = Screen(session.snapshot, below)
        with stop_on_ctrl_c() as interrupted, screen, Keys(screen.pause, screen.resume) as keys:

            def between(session: Session) -> None:
                action = keys.poll(0.02)
                if action == "help":
                    screen.toggle_help()
                elif action or interrupted() or terminated():
                    session.act(action or "quit")
                look()

            report = run(session, between)
    if terminated():
        with suppress(OSError):  # the terminal may have gone
            console.finish(report, show)
        raise SystemExit(128 + terminated())
    console.finish(report, show)
    screen.reraise()
    require_no_more_xruns(report, request.max_xruns)


@contextmanager
def _view(session: Session, analyzer: str | None) -> Iterator[tuple[Callable | None, Callable[[], None]]]:
    """What draws below the panel, and what is done now and then to draw elsewhere."""
    if analyzer is None:
        yield None, lambda: None
        return
    session.look(24 if analyzer == "window" else 6)  # opens and compiles before there is any sound
    if analyzer == "terminal":
        from fxlab.console.live.analyzer import analysis

        yield lambda width: analysis(session.look(), width), lambda: None
        return
    from fxlab.console.live.window import Window

    window, last = Window(), 0.0

    def look() -> None:
        nonlocal last
        if window.open and time.monotonic() - last > _WINDOW_EVERY_S:
            last = time.monotonic()
            window.show(session.look())

    try:
        yield None, look
    finally:
        window.close()
