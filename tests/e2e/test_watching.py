"""A whole stack is watched from one address, and nothing that is told or logged is anybody's secret."""

from __future__ import annotations

import json
import re
from urllib.request import Request, urlopen

import pytest

from tests.live_stack import LiveStack

CANARY = "canary-90210"
ROLES = {"gateway-1": "gateway", "gateway-2": "gateway", "ingest": "ingest", "worker": "worker"}


def scrape(stack: LiveStack) -> str:
    """What Prometheus would get."""
    address = stack.record["environment"]["HEADGATE_METRICS_LISTEN"]
    with urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def total(text: str, name: str, labels: str = "") -> float:
    """The sum of a metric over all processes."""
    found = re.findall(rf"^{name}\{{[^}}]*{labels}[^}}]*\}} (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


def ask(stack: LiveStack, key: str) -> str:
    """A request with a canary wherever a caller may write something; its id."""
    body = {
        "model": "simulator/echo",
        "messages": [{"role": "user", "content": CANARY}],
        "user": CANARY,
        "session_id": CANARY,
    }
    headers = {"Authorization": f"Bearer {key}", "X-Title": CANARY, "Content-Type": "application/json"}
    request = Request(f"{stack.base_url}/api/v1/chat/completions", json.dumps(body).encode(), headers)
    with urlopen(request, timeout=20) as answer:
        return str(answer.headers["x-request-id"])


@pytest.fixture
def key(live_stack: LiveStack) -> str:
    """An inference key of the demonstration."""
    found = re.search(r"sk-hg-v1-[0-9a-f]+", json.dumps(live_stack.demo))
    assert found
    return found.group()


class TestOneAddress:
    def test_tells_of_every_process(self, live_stack: LiveStack):
        def is_told() -> bool:
            text = scrape(live_stack)
            pids = [f'role="{role}",pid="{live_stack.pid(part)}"' for part, role in ROLES.items()]
            return (
                all(f"headgate_heartbeat_timestamp_seconds{{{pid}}}" in text for pid in pids)
                and 'role="beat"' in text
            )

        live_stack.wait(is_told, what="figures of every process")

    def test_counts_what_was_asked_and_booked(self, live_stack: LiveStack, key: str):
        before = scrape(live_stack)
        for _ in range(3):
            ask(live_stack, key)

        def is_counted() -> bool:
            text = scrape(live_stack)
            return all(
                total(text, name, labels) - total(before, name, labels) >= 3
                for name, labels in (
                    ("headgate_request_seconds_count", 'status="200"'),
                    ("headgate_gateway_own_seconds_count", 'dialect="chat"'),
                    ("headgate_ingest_booked_total", ""),
                )
            )

        live_stack.wait(is_counted, what="three requests, counted and booked")

    def test_tells_nothing_of_anybody(self, live_stack: LiveStack, key: str):
        ask(live_stack, key)
        demo = live_stack.demo
        names = [user["email"] for user in demo["users"]]
        names += [organization["slug"] for organization in demo["organizations"] if "slug" in organization]

        text = scrape(live_stack)

        for secret in (CANARY, key, "simulator/echo", *names):
            assert secret not in text


class TestTheLogs:
    def test_hold_neither_prompts_nor_keys(self, live_stack: LiveStack, key: str):
        ask(live_stack, key)

        logs = [file for file in (live_stack.data / "logs").iterdir() if file.is_file()]

        assert {"gateway-1.log", "ingest.log", "worker.log"} <= {file.name for file in logs}
        for file in logs:
            text = file.read_text(errors="replace")
            assert CANARY not in text, file.name
            assert key not in text, file.name


class TestAHealthCheck:
    @pytest.mark.parametrize("role", ["gateway", "ingest", "worker", "beat"])
    def test_finds_processes_that_go_round(self, live_stack: LiveStack, role: str):
        live_stack.wait(lambda: f'role="{role}"' in scrape(live_stack), what=f"a {role}")

        assert live_stack.manage("healthcheck", role).startswith(f"{role}: ")


class TestJobs:
    def test_are_run_by_workers_and_told(self, live_stack: LiveStack):
        send = "from config.celery import app; app.send_task('headgate.run_job', args=['usage_minutes'])"
        live_stack.manage("shell", "-c", send)

        def is_told() -> bool:
            text = scrape(live_stack)
            told = total(text, "headgate_job_last_success_timestamp_seconds", 'job="usage_minutes"') > 0
            return told and total(text, "headgate_task_seconds_count", 'task="headgate.run_job"') > 0

        live_stack.wait(is_told, 60, what="a job that succeeded")
