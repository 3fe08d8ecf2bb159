"""Every process counts with plain numbers, and any of them tells what all of a host count."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from config.lib.metrics import ANSWERS, MOST_SETS, Level, Seconds, Total
from config.lib.metrics_folder import FORGOTTEN_SECONDS, STALE_SECONDS, MetricsFolder
from config.lib.metrics_server import MetricsServer, address_of, may_read

TOKEN = "a-token-that-nobody-guesses"
ONE = '# HELP x_total Things.\n# TYPE x_total counter\nx_total{of="a b}"} 1.0\n# HELP y Level.\n# TYPE y gauge\ny 2.0\n'


class TestDurations:
    def test_add_up_from_bucket_to_bucket(self):
        registry = CollectorRegistry(auto_describe=True)
        seconds = Seconds("took_seconds", "…", ["route", "status"], ANSWERS, registry)

        for took in (0.01, 0.2, 400.0):
            seconds.observe(took, "/chat", "200")
        seconds.observe(0.5, "other", "404")
        lines = generate_latest(registry).decode().splitlines()

        chat = 'route="/chat",status="200"'
        assert f'took_seconds_bucket{{le="0.01",{chat}}} 1.0' in lines
        assert f'took_seconds_bucket{{le="0.25",{chat}}} 2.0' in lines
        assert f'took_seconds_bucket{{le="300.0",{chat}}} 2.0' in lines
        assert f'took_seconds_bucket{{le="+Inf",{chat}}} 3.0' in lines
        assert f"took_seconds_sum{{{chat}}} 400.21" in lines
        assert 'took_seconds_count{route="other",status="404"} 1.0' in lines


class TestLabels:
    def test_are_bounded_whatever_comes(self):
        registry = CollectorRegistry(auto_describe=True)
        total = Total("many_total", "…", ["what"], registry)
        seconds = Seconds("many_seconds", "…", ["what"], ANSWERS, registry)

        for number in range(MOST_SETS + 100):
            total.add(str(number))
            seconds.observe(1.0, str(number))
        lines = generate_latest(registry).decode().splitlines()

        assert 'many_total{what="other"} 100.0' in lines
        assert 'many_seconds_count{what="other"} 100.0' in lines
        assert sum(line.startswith("many_total{") for line in lines) == MOST_SETS + 1

    def test_of_what_is_gone_go(self):
        registry = CollectorRegistry(auto_describe=True)
        level = Level("there", "…", ["what"], registry)
        level.set(1, "a")
        level.set(1, "b")

        level.forget_others({("b",)})

        assert generate_latest(registry).decode().splitlines()[2:] == ['there{what="b"} 1.0']


class TestTheFolder:
    def test_tells_all_processes_together(self, tmp_path: Path):
        folder = MetricsFolder(tmp_path / "processes")
        folder.write("gateway", ONE)
        (folder.path / "ingest.77.prom").write_text(ONE)

        told = folder.told()

        ours = f'role="gateway",pid="{os.getpid()}"'
        assert told.splitlines() == [
            "# HELP x_total Things.",
            "# TYPE x_total counter",
            f'x_total{{{ours},of="a b}}"}} 1.0',
            'x_total{role="ingest",pid="77",of="a b}"} 1.0',
            "# HELP y Level.",
            "# TYPE y gauge",
            f"y{{{ours}}} 2.0",
            'y{role="ingest",pid="77"} 2.0',
        ]
        assert {family.name for family in text_string_to_metric_families(told)} == {"x", "y"}

    def test_forgets_processes_that_say_nothing_any_more(self, tmp_path: Path):
        folder = MetricsFolder(tmp_path)
        for process, age in (("1", STALE_SECONDS + 1), ("2", FORGOTTEN_SECONDS + 1)):
            file = tmp_path / f"gateway.{process}.prom"
            file.write_text(ONE)
            os.utime(file, (time.time() - age,) * 2)

        assert folder.told() == ""
        assert [file.name for file in tmp_path.iterdir()] == ["gateway.1.prom"]

    def test_is_for_our_eyes_only(self, tmp_path: Path):
        folder = MetricsFolder(tmp_path / "processes")

        folder.write("gateway", ONE)

        assert folder.path.stat().st_mode & 0o077 == 0

    def test_is_left_by_who_ends(self, tmp_path: Path):
        folder = MetricsFolder(tmp_path)
        folder.write("worker", ONE)

        folder.leave("worker")

        assert list(tmp_path.iterdir()) == []


class TestTheServer:
    def ask(self, port: int, path: str = "/metrics", authorization: str = "") -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
        if authorization:
            request.add_header("Authorization", authorization)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    @pytest.fixture
    def port(self):
        server = MetricsServer(("127.0.0.1", 0), lambda: ONE, TOKEN)
        server.start()
        yield server.server_port
        server.shutdown()
        server.server_close()

    @pytest.mark.parametrize(
        ("path", "authorization", "status"),
        [
            ("/metrics", f"Bearer {TOKEN}", 200),
            ("/metrics", "", 401),
            ("/metrics", f"Bearer {TOKEN[:-1]}", 401),
            ("/metrics", TOKEN, 401),
            ("/", f"Bearer {TOKEN}", 404),
            ("/healthz", "", 404),
        ],
    )
    def test_tells_whoever_knows_the_token(self, port: int, path: str, authorization: str, status: int):
        answered, body = self.ask(port, path, authorization)

        assert answered == status
        assert ("x_total" in body) is (status == 200)

    def test_shares_its_address_with_other_processes(self, port: int):
        second = MetricsServer(("127.0.0.1", port), lambda: ONE, TOKEN)

        assert second.server_port == port
        second.server_close()

    @pytest.mark.parametrize("text", ["9464", "localhost:9464", "127.0.0.1:", "127.0.0.1:0", "[::1", "a:b"])
    def test_has_an_address_of_its_own(self, text: str):
        with pytest.raises(ValueError, match=r"must be|does not appear"):
            address_of(text)

    def test_may_have_an_address_of_either_kind(self):
        assert address_of("[::1]:9464") == ("::1", 9464)
        assert address_of("127.0.0.1:9464") == ("127.0.0.1", 9464)

    def test_asks_for_nothing_where_no_token_is_set(self):
        assert may_read(None, "")
        assert not may_read("Bearer \udcff", TOKEN)
