"""What the data plane may not do: load Django, or reach out by any door but the one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "accounts", "workspaces", "observability", "routing")
DOOR = Path("config/lib/outbound.py")
ELSEWHERE = {
    Path("config/stack/up.py"),  # asks its own gateway whether it lives
    *(
        path.relative_to(ROOT) for path in (ROOT / "routing/simulator").rglob("*.py")
    ),  # serves, and is no part
}
CLIENTS = {
    "requests",
    "httpx",
    "urllib3",
    "http.client",
    "urllib.request",
    "aiohttp",
    "smtplib",
    "ftplib",
} | {"config.lib.http_pool"}
TYPES_ONLY = {Path("routing/gateway/upstream.py")}
"""Uses what the door opened."""

NO_DJANGO = """
import pkgutil, sys
import routing.gateway
for module in pkgutil.walk_packages(routing.gateway.__path__, "routing.gateway."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
import routing.decide, observability.journal, workspaces.leases, routing.providers, config.lib.outbound
print([name for name in sys.modules if name.partition(".")[0] in ("django", "rest_framework")])
"""


def test_the_gateway_loads_no_django():
    found = subprocess.run(
        [sys.executable, "-c", NO_DJANGO], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "[]"


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return names


def our_modules() -> list[Path]:
    paths = [path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted(set(paths) - {DOOR} - ELSEWHERE - TYPES_ONLY)


@pytest.mark.parametrize("path", our_modules(), ids=str)
def test_nobody_else_makes_a_client(path):
    assert imported_by(path) & CLIENTS == set()


def test_the_gateway_makes_no_session_of_its_own():
    [path] = TYPES_ONLY
    made = {
        node.func.attr
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert not made & {"ClientSession", "TCPConnector", "request_"}
