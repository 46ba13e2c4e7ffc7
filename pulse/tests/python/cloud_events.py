"""Sends usage as CloudEvents 1.0 with the SDK of the standard, unchanged: binary, structured, and a batch.

Usage: cloud_events.py HTTP_ADDRESS TENANT SKU UNIT
Sends the quantities 1 to 4, and prints the status and the items of each answer as one JSON array. Needs the package
cloudevents.
"""

import datetime
import json
import sys
import urllib.request

from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


def event(tenant: str, sku: str, unit: str, quantity: int) -> CloudEvent:
    attributes = {
        "id": f"event {quantity}/é",
        "source": "urn:meter:front-door",
        "subject": tenant,
        "type": "pulse.usage.v1",
        "time": datetime.datetime.now(datetime.timezone.utc),
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes=attributes, data={"sku": sku, "unit": unit, "quantity": str(quantity)})


def send(address: str, headers: dict, body: bytes) -> dict:
    request = urllib.request.Request(f"http://{address}/v1/pulses", data=body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as response:
        return {"status": response.status, "items": json.load(response)["items"]}


def main(address: str, tenant: str, sku: str, unit: str) -> None:
    first, second, *batch = (event(tenant, sku, unit, quantity) for quantity in range(1, 5))
    binary, structured = http.to_binary_event(first), http.to_structured_event(second)
    # The SDK writes events one by one: a batch is an array of what it writes.
    bodies = b",".join(JSONFormat().write(event) for event in batch)
    messages = [
        (binary.headers, binary.body),
        (structured.headers, structured.body),
        ({"content-type": "application/cloudevents-batch+json"}, b"[" + bodies + b"]"),
    ]
    print(json.dumps([send(address, headers, body) for headers, body in messages]))


if __name__ == "__main__":
    main(*sys.argv[1:])
