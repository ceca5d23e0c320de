"""The kinds of errors: one exit code each, whole across process borders."""

from __future__ import annotations

import pickle

import pytest

from fxlab.errors import CheckError, FxlabError, InputError, MissingError, OutputError, UsageError, nearest

CODES = {FxlabError: 1, UsageError: 2, InputError: 3, MissingError: 4, CheckError: 5, OutputError: 6}


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_each_kind_has_its_exit_code_and_is_caught_as_fxlab_error(kind, code):
    with pytest.raises(FxlabError) as caught:
        raise kind("what", "way out")
    assert (caught.value.exit_code, str(caught.value), caught.value.hint) == (code, "what", "way out")


@pytest.mark.parametrize("kind", CODES)
def test_message_and_hint_survive_a_process_border(kind):
    back = pickle.loads(pickle.dumps(kind("what", "way out")))
    assert (type(back), back.message, back.hint) == (kind, "what", "way out")


def test_a_near_name_is_suggested_and_a_far_one_gets_the_list():
    assert nearest("epoch", ["epochs", "batch_size"]) == "Did you mean 'epochs'?"
    assert nearest("zzz", ["b", "a"]) == "Choose one of: a, b."
