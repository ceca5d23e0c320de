"""The command line: finds the verb, runs it, and turns whatever goes wrong into one panel and an exit code."""

from __future__ import annotations

import errno
import importlib
import inspect
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import fxlab
from fxlab.console import output
from fxlab.errors import FxlabError, UsageError

VERBS = {
    "render": "Play audio files through effects, chains and models.",
    "master": "Master a song for release.",
    "grow": "Learn an instrument from recordings and let its timbre grow.",
    "dataset": "Make aligned dry and wet pairs to train on.",
    "train": "Train a network to sound like an effect.",
    "export": "Turn a model into ONNX, TorchScript, .nam or RTNeural JSON.",
    "bench": "Measure speed, latency and quality of DSP and networks.",
    "live": "Play through effects and models in real time.",
    "effects": "List the effects, and show what each can be set to.",
    "profiles": "List, show and check settings files.",
    "doctor": "Look at what fxlab needs and can use, and tell how to get it.",
}
"""Every verb and its line of help; `fxlab.commands.<verb>` is imported when it is run."""

_MAY_STAND_ALONE = {"--analyzer": "terminal"}
"""Options whose value may be left out, and what is meant then."""

INTERRUPTED, BROKEN_PIPE = 130, 141
_CLICK_ERROR = typer.BadParameter.__mro__[2]  # ClickException: Typer carries its own copy of click in newer releases


class _Stopped(Exception):
    """Carries an exception past click, which would otherwise answer it itself."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


class _Verbs(TyperGroup):
    """The group of all verbs, each a stand-in until it is run."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, help in VERBS.items():
            self.commands[name] = TyperCommand(name, help=help, rich_markup_mode=self.rich_markup_mode)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in self.commands:
            self.commands[args[0]] = _load(args[0], self.rich_markup_mode)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            # Libraries that print would spoil the document, so under --json stdout is closed to all but `output`.
            with redirect_stdout(sys.stderr if output.mode.json else sys.stdout):
                return super().invoke(ctx)
        except (KeyboardInterrupt, EOFError, OSError) as cause:
            raise _Stopped(cause) from cause


def _load(name: str, markup: Any) -> Any:
    """The verb's command, with the options that all verbs share."""
    app = typer.Typer(add_completion=False, callback=lambda: None)
    importlib.import_module(f"fxlab.commands.{name}").register(app)
    shared = typer.Typer(add_completion=False)
    shared.command()(_shared_options)
    command = typer.main.get_command(app).commands[name]
    _dress(command, [p for p in typer.main.get_command(shared).params if p.name != "help"], markup)
    return command


def _dress(command: Any, options: list, markup: Any) -> None:
    command.rich_markup_mode = markup
    command.help = _flowing(command.help or "")
    for child in getattr(command, "commands", {}).values():
        _dress(child, options, markup)
    if not hasattr(command, "commands"):
        command.params.extend(options)


def _flowing(text: str) -> str:
    """A docstring's paragraphs, each as one line: newer releases of Typer keep its line breaks, wherever the window ends."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(part if part.startswith("\b") else part.replace("\n", " ") for part in paragraphs)


def _shared_options(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.", expose_value=False)] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no notes.", expose_value=False)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", expose_value=False)] = False,
) -> None:
    """Declared here for parsing and help; `run` reads them ahead of parsing, whose own errors must obey them too."""


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"fxlab {fxlab.__version__}\n")
        raise typer.Exit()


app = typer.Typer(
    name="fxlab",
    cls=_Verbs,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if output.is_terminal() else None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="\b\nExamples:\n"
    "  fxlab render guitar.wav --effect saturator --set drive_db=18\n"
    "  fxlab bench --effect saturator --effect tcn --runs 20\n\n"
    "`fxlab VERB --help` explains a verb with examples.",
)


@app.callback()
def fxlab_command(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no notes.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """One lab for audio effects: render them as DSP, learn them as neural networks, measure both."""
    if ctx.invoked_subcommand is None:
        if output.mode.json:
            raise UsageError("No verb was named.", "`fxlab --help` lists them.")
        typer.echo(ctx.get_help())


def run(arguments: Sequence[str]) -> int:
    """One run of the command line; returns the exit code and never raises for what a user can cause."""
    arguments = list(arguments)
    flags = arguments[: arguments.index("--")] if "--" in arguments else arguments
    output.begin(json="--json" in flags, quiet="--quiet" in flags, debug="--debug" in flags, words=arguments)
    try:
        code = _run(arguments)
        output.write_document()
        if sys.stdout is not None:  # closed by the caller
            sys.stdout.flush()
    except BrokenPipeError:
        return BROKEN_PIPE
    except OSError as cause:
        return _fail("OutputError", f"Can't write to stdout: {cause.strerror}.", "", 6)
    return code


def _run(arguments: list[str]) -> int:
    try:
        _require_words(arguments)
        returned = typer.main.get_command(app).main(_spelled_out(arguments), prog_name="fxlab", standalone_mode=False)
        return returned if isinstance(returned, int) else 0
    except FxlabError as problem:
        return _fail(type(problem).__name__, problem.message, problem.hint, problem.exit_code, problem)
    except _CLICK_ERROR as problem:
        if type(problem).__name__ == "NoArgsIsHelpError":  # `fxlab profiles` alone: the help is the answer
            sys.stdout.write(f"{problem.message}\n" if problem.message else "")
            return 0
        context = getattr(problem, "ctx", None)
        verb = next((word for word in arguments if word in VERBS), "")
        hint = f"See `{context.command_path if context else f'fxlab {verb}'.strip()} --help`."
        dashed = next((word for word in arguments if word.startswith("-") and os.path.lexists(word)), None)
        if dashed:
            hint += f" For the file of that name write ./{dashed}."
        return _fail("UsageError", problem.format_message(), hint, 2, problem)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return _fail("Interrupted", "Interrupted.", "", INTERRUPTED)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except _Stopped as stopped:
        return _answer(stopped.cause)
    except BaseException as cause:
        return _answer(cause)


def _require_words(arguments: list[str]) -> None:
    """Refuses empty arguments: as a path the empty text would mean the folder one is in, with all that is in it."""
    for place, word in enumerate(arguments):
        if not word.strip() or re.fullmatch(r"--[\w-]+=\s*", word):
            where = f"{arguments[place - 1]} ''" if place and arguments[place - 1].startswith("-") else word or "''"
            raise UsageError(f"An argument is empty: {where}.", "Leave it out, or check the shell variable it comes from.")


def _spelled_out(arguments: list[str]) -> list[str]:
    """The arguments with the values that were left out."""
    found: list[str] = []
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        found.append(word)
        if word in _MAY_STAND_ALONE and (not following or following.startswith("-")):
            found.append(_MAY_STAND_ALONE[word])
    return found


def _answer(cause: BaseException) -> int:
    """The exit code of what wasn't raised on purpose."""
    if isinstance(cause, (KeyboardInterrupt, EOFError)):
        return _fail("Interrupted", "Interrupted.", "", INTERRUPTED)
    if isinstance(cause, BrokenPipeError):
        raise cause
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        place = f" {cause.filename}" if cause.filename else ""
        return _fail(
            "OutputError", f"Can't write{place}: {cause.strerror}.", "Free some space or choose another place with -o.", 6, cause
        )
    if isinstance(cause, OSError) and cause.errno == errno.ENAMETOOLONG:
        return _fail(
            "UsageError", f"The name {cause.filename} is longer than the system allows.", "Choose a shorter one.", 2, cause
        )
    what = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    return _fail("InternalError", f"Internal error, not yours: {what}", "Run it again with --debug for the details.", 1, cause)


def _fail(kind: str, message: str, hint: str, code: int, cause: BaseException | None = None) -> int:
    if output.mode.debug and cause is not None:
        import traceback

        traceback.print_exception(cause, file=sys.stderr)
    output.error(kind, message, hint, code)
    return code
