"""README's commands and settings: what it tells people to type exists."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path

import pytest

from fxlab import profiles
from fxlab.cli import VERBS, _load

TEXT = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
load = functools.cache(_load)
EXTRA = {"--help", "--version"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def shell_commands():
    """Arguments of every `fxlab` in README's shell blocks."""
    for block in blocks("sh"):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            lexer = shlex.shlex(line.replace("$settings", ""), posix=True, punctuation_chars="&;|")
            lexer.whitespace_split = True
            try:
                words = list(lexer)
            except ValueError:  # a quotation that spans lines: no command of fxlab's
                continue
            starts = [place for place, word in enumerate(words) if set(word) <= set("&;|")]
            for start, end in zip([-1, *starts], [*starts, len(words)], strict=True):
                if words[start + 1 : end][:1] == ["fxlab"]:
                    yield words[start + 2 : end]


def mentioned_commands():
    """Words of every `fxlab ...` within a sentence or a table."""
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    for text in re.findall(r"`(?:uv run )?fxlab ([^`]+)`", prose):
        yield text.split()


def command_of(words):
    """The command that is meant, and its words; None where no verb is named, as in `fxlab --help`."""
    if words[0] not in VERBS:
        return None, words
    command, rest = load(words[0], None), words[1:]
    if hasattr(command, "commands"):
        return (command.commands[rest[0]], rest[1:]) if rest and rest[0] in command.commands else (command, rest)
    return command, rest


@pytest.mark.parametrize("words", list(shell_commands()), ids=" ".join)
def test_every_command_in_a_block_can_be_parsed(words):
    command, rest = command_of(words)
    command.make_context(words[0], list(rest))


def test_every_option_that_is_mentioned_exists():
    unknown = []
    for words in mentioned_commands():
        command, rest = command_of(words)
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} if command else set()
        given = [word.partition("=")[0] for word in rest if re.fullmatch(r"--[a-z][\w-]*(=.*)?", word)]
        unknown += [(" ".join(words), word) for word in given if word not in known | EXTRA and command]
        assert command or words[0].startswith("-") or words[0].isupper(), words
    assert unknown == []


def test_there_are_commands_to_look_at():
    assert len(list(shell_commands())) > 40 and len(list(mentioned_commands())) > 20


def test_profiles_that_it_shows_are_right(tmp_path):
    shown = [block for block in blocks("toml") if "[project" not in block]
    assert shown
    for block in shown:
        (tmp_path / "a.toml").write_text(block)
        assert profiles.load(tmp_path / "a.toml").effects
