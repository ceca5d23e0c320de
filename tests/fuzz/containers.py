"""Changes to what holds other things: chunks of audio files, messages of protobuf (ONNX), the header of safetensors."""

from __future__ import annotations

import json
import random
import struct

from tests.fuzz.mutation import NUMBERS, Form, json_value, raw


def chunks(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A chunk of a RIFF, RF64, AIFF or MIDI file lost, doubled, moved, from another file, of another name or announced size."""
    order = ">" if data[:4] in (b"FORM", b"MThd") else "<"
    head = 0 if data[:4] == b"MThd" else 12
    parts, others = _chunks(data, order, head), _chunks(other, order, head)
    if not parts or not others:
        return data
    at, kind = rng.randrange(len(parts)), rng.randrange(7)
    name, size, body = parts[at]
    if kind == 0:
        del parts[at]
    elif kind == 1:
        parts.insert(at, rng.choice(parts))
    elif kind == 2:
        parts.insert(at, rng.choice(others))
    elif kind == 3:
        rng.shuffle(parts)
    elif kind == 4:
        parts[at] = rng.choice(parts)[0], size, body
    elif kind == 5:
        parts[at] = name, rng.choice((*NUMBERS, size + 1, size - 1, size * 2)) % 2**32, body
    else:
        changed = raw(rng, body, rng.choice(others)[2])
        parts[at] = name, len(changed), changed
    inside = b"".join(one + struct.pack(f"{order}I", size) + body for one, size, body in parts)
    whole = rng.choice((len(inside) + 4, len(inside) + 4, *NUMBERS)) % 2**32
    return data[:4] + struct.pack(f"{order}I", whole) + data[8:12] + inside if head else inside


def _chunks(data: bytes, order: str, at: int) -> list[tuple[bytes, int, bytes]]:
    found = []
    while at + 8 <= len(data) and len(found) < 64:
        size = struct.unpack_from(f"{order}I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + size + (size % 2 if data[:4] != b"MThd" else 0)]
        found.append((data[at : at + 4], size, body))
        at += 8 + len(body)
    return found


def protobuf(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A field of a message, or of one within it, lost, doubled, renumbered, with another value, or from another message."""
    fields = _fields(data)
    if not fields:
        return raw(rng, data, other)
    at = rng.randrange(len(fields))
    number, wire, value = fields[at]
    kind = rng.randrange(12)
    if wire == 2 and kind < 7:
        fields[at] = number, wire, _inside(rng, value, other)
    elif kind == 7:
        del fields[at]
    elif kind == 8:
        fields.insert(at, rng.choice(fields))
    elif kind == 9:
        fields.insert(at, rng.choice(_fields(other) or fields))
    elif kind == 10:
        fields[at] = rng.randrange(1, 30), wire, value
    elif wire == 0:
        fields[at] = number, wire, rng.choice((*NUMBERS, value + 1, value - 1)) % 2**64
    else:
        fields[at] = number, 0, rng.choice(NUMBERS) % 2**64
    return b"".join(_field(*one) for one in fields)


def _inside(rng: random.Random, value: bytes, other: bytes) -> bytes:
    if value[:1] in (b"{", b"["):
        return json_value(rng, value, value)
    inner = _fields(value)
    return protobuf(rng, value, other) if inner and rng.random() < 0.9 else raw(rng, value, other)


def _fields(data: bytes) -> list[tuple[int, int, int | bytes]]:
    """(number, wire type, value) of a message's fields; none where it isn't one."""
    found: list[tuple[int, int, int | bytes]] = []
    at = 0
    try:
        while at < len(data):
            key, at = _varint(data, at)
            number, wire = key >> 3, key & 7
            if not 0 < number < 1000 or wire not in (0, 1, 2, 5):
                return []
            if wire == 0:
                value, at = _varint(data, at)
            else:
                size = {1: 8, 5: 4}.get(wire)
                if size is None:
                    size, at = _varint(data, at)
                value, at = data[at : at + size], at + size
                if at > len(data):
                    return []
            found.append((number, wire, value))
    except IndexError:
        return []
    return found


def _field(number: int, wire: int, value: int | bytes) -> bytes:
    key = _written(number << 3 | wire)
    if wire == 0:
        return key + _written(value)
    return key + (_written(len(value)) if wire == 2 else b"") + value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128 or shift > 63:
            return value, at


def _written(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def tensors(*documents: str) -> Form:
    """A form for safetensors: the header as JSON, or one of the `documents` in its metadata, or the tensors' bytes; two of three
    times the checksum is set right again, or nothing would look at the rest."""

    def form(rng: random.Random, data: bytes, other: bytes) -> bytes:
        try:
            size = struct.unpack("<Q", data[:8])[0]
            header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
            about = header["__metadata__"]
            kind, name = rng.randrange(8), rng.choice(documents or ("",))
            if kind < 5 and name:
                about[name] = json_value(rng, about[name].encode(), about[name].encode()).decode("utf-8", "replace")
            elif kind == 5:
                body = raw(rng, body, other)
            else:
                header = json.loads(json_value(rng, json.dumps(header).encode(), b"[]"))
            text = json.dumps(header).encode()
            whole = (
                struct.pack("<Q", rng.choice(NUMBERS) % 2**64 if kind == 7 and rng.random() < 0.2 else len(text)) + text + body
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error):
            return raw(rng, data, other)
        return signed(whole) if rng.random() < 0.67 else whole

    return form


def signed(data: bytes) -> bytes:
    """A checkpoint with the checksum that its card, record and tensors have; itself where it can't be read."""
    from safetensors.numpy import load

    from fxlab.models.checkpoint_file import digest

    try:
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        header["__metadata__"]["sha256"] = digest(load(data), header["__metadata__"])
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + size :]
    except Exception:  # whatever a damaged file makes of that reader: then it is hostile enough
        return data
