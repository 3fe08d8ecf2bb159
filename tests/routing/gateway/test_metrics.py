"""Requests are counted for Prometheus by route, status and how long they took."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from routing.gateway.metrics import RequestSeconds


class TestTheHistogramOfRequests:
    def test_adds_up_from_bucket_to_bucket(self):
        registry, seconds = CollectorRegistry(auto_describe=True), RequestSeconds()
        registry.register(seconds)

        for took in (0.01, 0.2, 400.0):
            seconds.observe("/api/v1/chat/completions", 200, took)
        seconds.observe("other", 404, 0.5)
        lines = generate_latest(registry).decode().splitlines()

        chat = 'route="/api/v1/chat/completions",status="200"'
        assert f'headgate_request_seconds_bucket{{le="0.01",{chat}}} 1.0' in lines
        assert f'headgate_request_seconds_bucket{{le="0.25",{chat}}} 2.0' in lines
        assert f'headgate_request_seconds_bucket{{le="300.0",{chat}}} 2.0' in lines
        assert f'headgate_request_seconds_bucket{{le="+Inf",{chat}}} 3.0' in lines
        assert f"headgate_request_seconds_count{{{chat}}} 3.0" in lines
        assert f"headgate_request_seconds_sum{{{chat}}} 400.21" in lines
        assert 'headgate_request_seconds_count{route="other",status="404"} 1.0' in lines
