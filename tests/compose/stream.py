"""A shop's till, run inside the network: sells until its standard input ends, then tells what.

Every sale goes out at least once, some twice or late, whatever happens to the broker meanwhile.
Printed is the ledger as JSON: what the table must hold, by `store/product/day`.
"""

import asyncio
import json
import random
import sys
from datetime import date, timedelta

from events.clock import utc_now
from events.envelope import Event, first_event
from events.kafka import KafkaProducer
from events.payloads import SaleRecorded
from events.publisher import to_record
from infra.outages import is_outage
from infra.settings import load_settings

STORE, SERIES, DAYS = "till", 4, 50
PACE = 0.05  # seconds between two batches, so that the stream lasts over every kill
AGAIN = 0.3  # so many of the sales are sent a second time


async def main() -> None:
    """Sell until told to stop."""
    producer = KafkaProducer(load_settings().kafka)
    stopped = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    dice = random.Random(0)  # noqa: S311 - no secret
    ledger: dict[str, float] = {}
    earlier: list[Event[SaleRecorded]] = []
    print("selling", file=sys.stderr, flush=True)
    while not stopped.done():
        batch = [_sale(dice) for _ in range(10)]
        for sale in batch:
            ledger[f"{sale.data.store}/{sale.data.product}/{sale.data.date}"] = sale.data.units
        late = [each for each in earlier if dice.random() < AGAIN]
        twice = [each for each in batch if dice.random() < AGAIN]
        await _send(producer, [*batch, *twice, *late])
        earlier = batch
        await asyncio.sleep(PACE)
    await producer.close()
    print(json.dumps(ledger))


def _sale(dice: random.Random) -> Event[SaleRecorded]:
    product, back = f"p{dice.randrange(SERIES)}", dice.randrange(1, DAYS)
    day = date.today() - timedelta(days=back)
    sale = SaleRecorded(store=STORE, product=product, date=day, units=dice.randrange(1000))
    return first_event(sale, "till", time=utc_now())


async def _send(producer: KafkaProducer, sales: list[Event[SaleRecorded]]) -> None:
    """Until they are on the log: what was sent without an answer is sent again."""
    while True:
        try:
            return await producer.send([to_record(sale) for sale in sales])
        except Exception as error:
            if not is_outage(error):
                raise
            print(f"again: {error!r}", file=sys.stderr, flush=True)
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
