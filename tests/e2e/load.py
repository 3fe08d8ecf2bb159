"""Many requests at once, against a running stack."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit


def send_at_once(base: str, key: str, body: dict[str, Any], count: int) -> Counter[int]:
    """Send the same request so many times in parallel, each on its own connection; how often each status came."""
    address, gate = urlsplit(base), Barrier(count)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = json.dumps(body)

    def send() -> int:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.connect()
            gate.wait(60)
            connection.request("POST", f"{address.path}/chat/completions", data, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return Counter(future.result() for future in [pool.submit(send) for _ in range(count)])
