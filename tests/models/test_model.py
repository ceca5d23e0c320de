"""What a card says besides its architecture is checked where it is read: others make texts, tables and sums of it."""

from __future__ import annotations

import pytest

from fxlab.errors import InputError
from fxlab.models.model import config_of, describe
from fxlab.models.tcn_config import SIZES

CARD = {"model": describe(SIZES["nano"]), "sample_rate_hz": 48_000}


def test_a_card_may_leave_things_unsaid():
    for said in ({}, {"attribution": None, "licence": "MIT", "metrics": None, "effect": None}, {"nam": None}):
        assert config_of(CARD | said) == SIZES["nano"]


@pytest.mark.parametrize(
    "said",
    [
        {"effect": "saturator"},
        {"effect": [{"name": 3}]},
        {"metrics": [1]},
        {"metrics": {"esr": "0.01"}},
        {"metrics": {"verdict": 1}},
        {"nam": {"metadata": 1}},
        {"parameters_count": "9"},
        {"attribution": {"by": "whom"}},
        {"licence": 3},
    ],
    ids=str,
)
def test_what_nobody_can_read_is_refused(said):
    with pytest.raises(InputError, match="card says can't be understood"):
        config_of(CARD | said)
