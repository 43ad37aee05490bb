"""Sends one call of each kind with segment-analytics-python: HOST WRITE_KEY RETRIES."""

import sys
from datetime import UTC, datetime

from segment.analytics.client import Client

host, write_key, retries = sys.argv[1], sys.argv[2], int(sys.argv[3])
failed: list[object] = []
client = Client(
    write_key, host=host, gzip=True, max_retries=retries, on_error=lambda e, _: failed.append(e)
)
client.identify("u-1", {"email": "a@shop.example", "plan": "pro"}, anonymous_id="a-1")
client.track("u-1", "Order Completed", {"order_id": "o-1", "total": 42.5})
client.track("u-1", "Past", {"n": 2}, timestamp=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))
client.track(12345, "Numeric", {"n": 3})
client.track("u-1", "Odd", {"x": float("nan"), "nul": "a\0b", "half": "\ud800", "big": 2**80})
client.page("u-1", "Docs", "Python", {"url": "https://shop.example/a"})
client.screen("u-1", "Home", "Start")
client.group("u-1", "g-1", {"name": "Acme"})
client.alias("a-1", "u-1")
client.shutdown()
print(*failed, sep="\n")
sys.exit(bool(failed))
