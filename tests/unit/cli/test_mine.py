import dataclasses
from typing import Any

import pytest
from tests.unit.background.processes import process

from ktconnect.background.asking import Found
from ktconnect.background.presence import announced
from ktconnect.cli.mine import chosen, complete, look, one, row_of
from ktconnect.errors import UsageError


def completed(word):
    nobody: Any = None
    return complete(nobody, nobody, word)


OURS = dataclasses.replace(process(), sessions=("kt-exchange-web",))


def test_a_row_says_what_and_how_it_is():
    status = {"health": "up", "round_trip": 0.1, "streams": 2, "target": "shop/web"}
    row = row_of(Found(OURS, "kt-exchange-web", "up", "", status))
    assert (row["session"], row["target"], row["state"]) == ("kt-exchange-web", "shop/web", "up")
    assert (row["roundTrip"], row["streams"], row["calls"]) == (0.1, 2, None)


async def test_the_sessions_that_run_are_found_by_name_or_all(kt_home):
    assert await look() == []
    with announced(OURS):
        assert [row["session"] for row in await look()] == ["kt-exchange-web"]
        assert len(await look(["kt-exchange-web", str(OURS.owner.pid)])) == 1
        assert chosen(["kt-exchange-web"]) == [OURS]
        with pytest.raises(UsageError, match="no session nix") as caught:
            await look(["nix"])
        assert "kt-exchange-web" in caught.value.hint


def test_with_none_the_hint_names_another_command():
    with pytest.raises(UsageError) as caught:
        one("nix", [])
    assert "birdseye" in caught.value.hint


def test_a_shell_completes_sessions(kt_home):
    with announced(OURS):
        [item] = completed("kt-ex")
        assert (item.value, item.help) == ("kt-exchange-web", "exchange service/web")
        assert completed("x") == []
