"""`fxlab live`: the command line of `fxlab.services.live`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fxlab.commands.options import Effects, Engine, Force, ProfileName, Sets, effects_from, examples

if TYPE_CHECKING:
    from fxlab.services.live import Request, Session
    from fxlab.services.live_analyzer import Spectra

Input = Annotated[Path | None, typer.Option("--input", metavar="FILE", help="Hear this file instead of a device.")]
Virtual = Annotated[bool, typer.Option("--virtual", help="Play on no device, in real time all the same; without --input a clip.")]
Buffer = Annotated[int | None, typer.Option("--buffer", metavar="N", help="Frames in a block; 128 by default.")]
Rate = Annotated[int | None, typer.Option("--rate", metavar="HZ", help="Sample rate; by default the model's, file's or device's.")]
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
    bool, typer.Option("--analyzer", help="Spectra of dry, DSP and network below the panel; `--analyzer window`: in a window.")
]
Presets = Annotated[
    list[str] | None, typer.Option("--preset", metavar="NAME|FILE", help="Profile for the keys 1, 2 ... and MIDI programs; repeat.")
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
    analyzer: Analyzer = False,
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
    from fxlab.durations import parse_duration
    from fxlab.profiles import load, override
    from fxlab.services.live import Request
    from fxlab.settings import Profile

    base = load(profile) if profile else Profile()
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
    )
    if list_devices:
        return _list_devices()
    if measure_latency:
        return _measure_latency(settings)
    request = Request(
        effects=effects_from(base, effect, set_, engine),
        settings=settings,
        input=input,
        virtual=virtual,
        duration_s=parse_duration(duration) if duration else None,
        output=output,
        force=force,
        presets=[(name, effects_from(load(name), None, None)) for name in settings.presets],
        max_xruns=max_xruns,
    )
    _play(request, analyzer)


def _play(request: Request, analyzer: bool) -> None:
    from fxlab.console import output as console
    from fxlab.console.live_keys import Keys
    from fxlab.console.live_report import show
    from fxlab.console.live_screen import Screen
    from fxlab.services.interrupt import stop_on_ctrl_c
    from fxlab.services.live import prepare, require_no_more_xruns, run

    session = prepare(request)
    for text in request.notes:
        console.note(text)
    screen = Screen(session.snapshot)
    with stop_on_ctrl_c() as interrupted, screen, Keys(screen.pause, screen.resume) as keys:

        def between(session: Session) -> None:
            action = keys.poll(0.02)
            if action == "help":
                screen.toggle_help()
            elif action or interrupted():
                session.act(action or "quit")

        report = run(session, between)
    screen.reraise()
    console.finish(report, show)
    require_no_more_xruns(report, request.max_xruns)
