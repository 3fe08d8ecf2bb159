"""Real receivers of traces, started in processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.installed_clients import python_with
from tests.e2e.receivers.asking import PASSWORD, USER, ClickHouse, MLflow, Moto, Phoenix

LOCKS = Path(__file__).resolve().parent
START_SECONDS = 240.0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], folder: Path, ready_url: str, **given: str) -> Iterator[None]:
    """The program, once it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=kept | given, stdout=log, stderr=log)
    try:
        _wait(ready_url, process, folder / "log")
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"{url} does not answer:\n{log.read_text(errors='replace')[-2000:]}")


@contextmanager
def phoenix(folder: Path) -> Iterator[Phoenix]:
    """A Phoenix of its own."""
    port, grpc = free_port(), free_port()
    origin = f"http://127.0.0.1:{port}"
    command = [str(python_with(LOCKS / "phoenix.txt")), "-m", "phoenix.server.main", "serve"]
    given = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with running(command, folder, f"{origin}/v1/projects", **given):
        yield Phoenix(origin)


@contextmanager
def mlflow(folder: Path) -> Iterator[MLflow]:
    """A tracking server with a database of its own."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = [
        *(str(python_with(LOCKS / "mlflow.txt")), "-m", "mlflow", "server", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--default-artifact-root", str(folder / "artifacts")),
    ]
    with running(command, folder, f"{origin}/health", MLFLOW_DISABLE_TELEMETRY="true"):
        yield MLflow(origin)


@contextmanager
def moto(folder: Path) -> Iterator[Moto]:
    """An S3 in memory."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = [str(python_with(LOCKS / "moto.txt")), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder, f"{origin}/moto-api/"):
        yield Moto(origin)


@contextmanager
def clickhouse(folder: Path) -> Iterator[ClickHouse]:
    """An engine with the database `traces`."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    script = str(LOCKS / "clickhouse_http.py")
    command = [
        str(python_with(LOCKS / "chdb.txt")),
        script,
        str(port),
        str(folder / "data"),
        USER,
        PASSWORD,
    ]
    with running(command, folder, origin):
        engine = ClickHouse(origin)
        engine.run("CREATE DATABASE IF NOT EXISTS traces")
        yield engine
