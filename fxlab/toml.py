"""TOML as `tomllib` reads it, and where in the text each key stands, which it doesn't tell."""

from __future__ import annotations

import re
import sys

from fxlab.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Path = tuple[str | int, ...]

_BLANK = " \t\r\n"


def parse(text: str) -> dict:
    """The document as nested tables.

    Raises:
        UsageError: Not TOML; the message starts with the line where that is known.
    """
    try:
        return tomllib.loads(text)
    except ValueError as problem:  # TOMLDecodeError, or a number of thousands of digits
        message, line = (
            re.subn(r" \(at line (\d+), column (\d+)\)", r", column \2", str(problem)),
            re.search(r"at line (\d+)", str(problem)),
        )
        place = f"line {line[1]}: " if line else ""
        if "digits" in message[0]:
            message = ("a number is too long",)
        raise UsageError(
            f"{place}not valid TOML: {message[0]}.", "Text needs quotes, lists need commas, a key may stand once."
        ) from None
    except RecursionError:
        raise UsageError("not valid TOML: nested too deeply.") from None


def key_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of every key, table header and array element of a valid TOML document.

    Args:
        text: A document that `parse` accepts.

    Returns:
        Path to line. A path holds the keys from the root down, and the index within arrays and arrays of tables:
        `("effects", 0, "set", "drive_db")`.
    """
    return _Scan(text).lines


class _Scan:
    """Walks over the text once, character by character; `_at` is where it stands."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text.replace("\r\n", "\n"), 0, 1
        self.lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}
        table: Path = ()
        while self._skip_blank():
            if self._text.startswith("[[", self._at):
                self._step(2)
                table = self._header(array=True)
                self._step(2)
            elif self._peek() == "[":
                self._step(1)
                table = self._header(array=False)
                self._step(1)
            else:
                self._assignment(table)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _step(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def _skip(self, characters: str) -> None:
        while self._peek() and self._peek() in characters:
            self._step(1)

    def _skip_blank(self) -> bool:
        """Over white space, newlines and comments; whether anything follows."""
        while True:
            self._skip(_BLANK)
            if self._peek() != "#":
                return bool(self._peek())
            while self._peek() not in ("", "\n"):
                self._step(1)

    def _header(self, array: bool) -> Path:
        keys = self._keys()
        path: Path = ()
        for depth, key in enumerate(keys):
            path += (key,)
            self.lines.setdefault(path, self._line)
            if array and depth == len(keys) - 1:
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path += (self._arrays[path],)
                self.lines.setdefault(path, self._line)
        return path

    def _assignment(self, table: Path) -> None:
        path = table
        for key in self._keys():
            path += (key,)
            self.lines.setdefault(path, self._line)
        self._step(1)  # the equals sign
        self._value(path)

    def _keys(self) -> list[str]:
        """A dotted key, up to what ends it."""
        keys = []
        while True:
            self._skip(" \t")
            keys.append(self._quoted_key() if self._peek() and self._peek() in "\"'" else self._bare())
            self._skip(" \t")
            if self._peek() != ".":
                return keys
            self._step(1)

    def _bare(self) -> str:
        start = self._at
        while self._peek() and self._peek() not in " \t\n.=]":
            self._step(1)
        return self._text[start : self._at]

    def _quoted_key(self) -> str:
        start = self._at
        content = self._quoted()
        return parse(f"key = {self._text[start : self._at]}")["key"] if "\\" in content else content

    def _quoted(self) -> str:
        """Over a string of any of the four kinds; returns what stands between its quotes."""
        quote = self._peek()
        fence = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._step(len(fence))
        start = self._at
        while self._peek() and not self._text.startswith(fence, self._at):
            self._step(2 if quote == '"' and self._peek() == "\\" else 1)
        content = self._text[start : self._at]
        self._step(len(fence))
        while len(fence) == 3 and self._peek() == quote:
            self._step(1)  # up to two quotes may stand before the closing fence
        return content

    def _value(self, path: Path) -> None:
        self._skip(" \t")
        start = self._peek()
        if start and start in "\"'":
            self._quoted()
        elif start == "[":
            self._items(path, "]")
        elif start == "{":
            self._items(path, "}")
        else:
            while self._peek() and self._peek() not in ",]}#\n":
                self._step(1)

    def _items(self, path: Path, end: str) -> None:
        """The elements of an array or the pairs of an inline table."""
        self._step(1)
        index = 0
        while self._skip_blank() and self._peek() != end:
            if end == "}":
                self._assignment(path)
            else:
                self.lines[(*path, index)] = self._line
                self._value((*path, index))
                index += 1
            self._skip_blank()
            if self._peek() == ",":
                self._step(1)
        self._step(1)
