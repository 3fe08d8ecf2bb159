"""What a request costs: one gateway process on one core, against peers measured in the same minutes.

    python benchmarks/gateway.py --kit ../shared/bench --build /tmp/build [--rounds 3] [--peers nginx] [--realistic]

The kit plays the provider, puts on the load and measures the peers. A whole stack is started on a data folder of its
own; its gateway is pinned to the kit's gateway core and everything else to the other one. Beside the kit's report this
prints what ingest, the worker and PostgreSQL spent per request that was booked. With `--realistic` the same gateway is
measured with a second key, too, whose policy is one as teams have it (benchmarks/realistic_policy.py).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.live_stack import LiveStack, running_stack, stack_folder

MOCK_PORT = 9001
MODELS = tuple(f"openai/mock-chat{suffix}" for suffix in ("", "-n50", "-g2-n50", "-g2-n5", "-g1000-n40"))
PRESET = "bench"
GATEWAY_CORE, OTHER_CORE = 0, 1
TICKS = os.sysconf("SC_CLK_TCK")
BESIDE = ("ingest", "worker", "postgres")


def catalog() -> str:
    """The mock provider as a catalog file: five models of one provider, priced."""
    models = "".join(
        f"  - slug: {model}\n    name: {model}\n    context_length: 128000\n    endpoints:\n"
        f"      - provider: mock\n        upstream_model: {model}\n"
        "        price: {prompt: '0.0000001', completion: '0.0000002'}\n"
        for model in MODELS
    )
    return (
        "providers:\n  - slug: mock\n    name: Mock\n    wire_format: openai\n"
        f"    base_url: http://127.0.0.1:{MOCK_PORT}/v1\n    credential_variable: BENCHMARK_API_KEY\nmodels:\n{models}"
    )


def pin(pid: int, core: int) -> None:
    """Put a process and all its threads on one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def tree(pid: int) -> list[int]:
    """The process and everything below it."""
    found = [pid]
    for member in found:
        for thread in Path(f"/proc/{member}/task").glob("*/children"):
            found += [int(child) for child in thread.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its live children and the exited ones it has waited for."""
    total = 0
    for member in tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def settle(stack: LiveStack) -> int:
    """Wait until ingest has everything; the number of generations booked."""
    query = "from observability.models import Generation as G; print(G.objects.unscoped(reason='benchmark').count())"
    previous = -1
    while (count := int(stack.manage("shell", "-v0", "-c", query).strip().splitlines()[-1])) != previous:
        previous = count
        time.sleep(3)
    return count


def furnish(stack: LiveStack) -> str:
    """A key with a realistic policy, in a workspace of its own; every model of the mock provider has a preset."""
    workspace = stack.demo["organizations"]["acme"]["workspaces"][1]["slug"]
    models = [(model.removeprefix(MODELS[0]), model) for model in MODELS]
    asked = f"furnish('acme', 'mock', {models!r}, workspace={workspace!r})"
    code = f"from benchmarks.realistic_policy import furnish; print({asked})"
    return stack.manage("shell", "-v0", "-c", code).strip().splitlines()[-1]


def run(stack: LiveStack, options: argparse.Namespace) -> None:
    """Measure a stack that is ready."""
    file = stack.data / "mock-catalog.yaml"
    file.write_text(catalog())
    print(stack.manage("sync_catalog", str(file), "--apply"))
    gateway = stack.pid("gateway-1") or 0
    pin(gateway, GATEWAY_CORE)
    for name in (*BESIDE, "simulator"):
        for pid in tree(stack.pid(name) or 0):
            pin(pid, OTHER_CORE)
    key = stack.demo["organizations"]["acme"]["workspaces"][0]["api_key"]
    before = {name: cpu_seconds(stack.pid(name) or 0) for name in BESIDE}
    command = [sys.executable, "bench.py", "--peers", options.peers, "--rounds", str(options.rounds)]
    command += ["--seconds", str(options.seconds), "--build", str(options.build), "--out", str(options.out)]
    command += ["--gateway", f"headgate={stack.base_url}/api/v1,pid={gateway},key={key}"]
    if options.realistic:
        secret, model = furnish(stack), f"@preset/{PRESET}"
        command += [
            "--gateway",
            f"realistic={stack.base_url}/api/v1,pid={gateway},key={secret},model={model}",
        ]
    subprocess.run(command, cwd=options.kit, check=True)
    booked = settle(stack)
    for name in BESIDE:
        spent = cpu_seconds(stack.pid(name) or 0) - before[name]
        print(f"{name}: {spent:.2f} s of CPU, {spent / booked * 1e6:.0f} µs per request booked")
    print(
        f"{booked} generations booked; reconcile: {stack.manage('reconcile', seconds=600).strip().splitlines()[-1]}"
    )


def main() -> None:
    """Start the stack, measure, stop it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kit", type=Path, default=Path("../shared/bench"))
    parser.add_argument(
        "--build", type=Path, required=True, help="where the kit builds its tools and installs peers"
    )
    parser.add_argument("--peers", default="nginx,litellm")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("results.json"))
    parser.add_argument("--realistic", action="store_true", help="measure a key with a whole policy, too")
    options = parser.parse_args()
    options.build, options.out = options.build.resolve(), options.out.resolve()
    os.environ["BENCHMARK_API_KEY"] = "any"
    with stack_folder() as folder, running_stack(folder / "data", "--demo") as stack:
        run(stack, options)


if __name__ == "__main__":
    main()
