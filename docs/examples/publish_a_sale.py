"""Publish a sale with a plain Kafka client: a CloudEvent in headers, its data as JSON.

Nothing of Shelfcast is imported, so any language's client can do the same. Run it with the broker's
address (`shelfcast status` shows that of the local stack):
`.venv/bin/python docs/examples/publish_a_sale.py HOST:PORT`
"""

import json
import sys
import uuid
from datetime import UTC, datetime

from kafka import KafkaProducer

sale = {
    "store": "1",
    "product": "milk",
    "date": "2025-04-06",  # the store's own calendar day
    "units": 117,
    "drivers": {"promo": 1},  # what drove demand that day; may be left out
}
headers = {
    "ce_specversion": "1.0",
    "ce_id": str(uuid.uuid4()),  # the same id is the same event: send it again after an error
    "ce_type": "shelfcast.sale.recorded.v1",
    "ce_source": "shop/1",
    "ce_time": datetime.now(UTC).isoformat(),  # of two sales of a day the newer one holds
    "content-type": "application/json",
}
producer = KafkaProducer(bootstrap_servers=sys.argv[1], acks="all")
sent = producer.send(
    "sales",
    key=f"{sale['store']}/{sale['product']}".encode(),  # sales of a series stay in order
    value=json.dumps(sale).encode(),
    headers=[(name, text.encode()) for name, text in headers.items()],
).get(timeout=60)
producer.close()
print(f"sent: {sent.topic}, partition {sent.partition}, offset {sent.offset}")
