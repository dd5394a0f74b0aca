import asyncio

from events.pace import PAUSE_EVERY, paced


async def test_whatever_else_runs_gets_turns_while_many_items_are_worked_on():
    turns = 0

    async def heartbeat() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(heartbeat())
    worked = [item async for item in paced(range(10 * PAUSE_EVERY))]
    beating.cancel()
    assert worked == list(range(10 * PAUSE_EVERY))
    assert turns >= 9
