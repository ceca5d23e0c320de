"""A MIDI system for tests: a backend module as mido loads it, with ports that can be plugged in and pulled out."""

from mido.ports import BaseInput

plugged = []
opened = []


def get_devices(**options):
    return [{"name": name, "is_input": True, "is_output": False} for name in plugged]


class Input(BaseInput):
    def _open(self, callback=None, **options):
        if self.name not in plugged:
            raise OSError(f"unknown port {self.name!r}")
        self.callback = callback
        opened.append(self)
