"""Shards in the hands of trainers, in every storage."""

from datetime import timedelta

import pytest

from functions.ports import Storage
from tests.contract.examples import NOON


async def test_a_shard_in_hand_is_nobody_elses_until_it_is_let_go_of(storage: Storage):
    for _ in range(2):
        async with storage.in_hand("run", 0) as alone:
            assert alone
            async with storage.in_hand("run", 1) as other_shard, storage.in_hand("run", 0) as again:
                assert (other_shard, again) == (True, False)
        with pytest.raises(ZeroDivisionError):
            async with storage.in_hand("run", 0):
                raise ZeroDivisionError


async def test_deliveries_of_a_shard_are_counted_until_one_came_back(storage: Storage):
    counts = [await storage.hand_over("run", 0, NOON + timedelta(hours=n)) for n in (0, 2, 1)]
    assert counts == [1, 2, 3]
    assert await storage.hand_over("run", 1, NOON) == 1
    await storage.came_back("run", 0)
    await storage.came_back("run", 7)  # that nobody handed over
    assert await storage.hand_over("run", 0, NOON) == 1
    assert await storage.hand_over("run", 1, NOON) == 2


async def test_a_shard_that_was_given_up_is_counted_anew(storage: Storage):
    await storage.hand_over("run", 0, NOON)
    await storage.hand_over("run", 1, NOON)
    await storage.fail_shard("run", 0, "dead-lettered", NOON)
    assert await storage.hand_over("run", 0, NOON) == 1
    assert await storage.hand_over("run", 1, NOON) == 2
