"""What `dev.py up` tells a person: where it is, how to sign in, and a first request to copy."""

from __future__ import annotations

from typing import Any

MODEL = "simulator/echo"


def ready_lines(*, base_url: str, seconds: float, data: str, metrics: str) -> list[str]:
    """The address and where everything is kept."""
    return [
        f"Headgate is ready after {seconds:.1f} s: {base_url}",
        f"  data, logs    {data}",
        f"  metrics       http://{metrics}/metrics",
        "  stop          Ctrl-C",
    ]


def first_start_lines(made: dict[str, Any], *, base_url: str) -> list[str]:
    """What the first start made; passwords and keys are kept nowhere in the clear."""
    return [
        "Shown once; write it down:",
        f"  sign in       {base_url}/  as  {made['email']}",
        f"  password      {made['password']}",
        f"  management    {made['management_key']}",
        f"  inference     {made['api_key']}",
        "A first request:",
        *curl_lines(base_url=base_url, key=made["api_key"]),
    ]


def later_start_lines(kept: dict[str, Any], *, base_url: str) -> list[str]:
    """What is there since an earlier start."""
    email = kept["email"]
    return [
        f"  sign in       {base_url}/  as  {email}, with the password of the first start",
        f"  new password  python3 dev.py manage changepassword {email}",
    ]


def demo_lines(demo: dict[str, Any], *, file: str) -> list[str]:
    """Who else can sign in to try things, and where the keys of the two organizations are."""
    people = [
        f"  {user['email']:<24}{user['password']:<18}{user['role']} of {user['organization']}"
        for user in demo["users"]
    ]
    return ["Demonstration people and their passwords:", *people, f"  their keys    {file}"]


def curl_lines(*, base_url: str, key: str) -> list[str]:
    """A request that answers at once, from the simulator."""
    body = f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Hello, Headgate"}}]}}'
    return [
        f"  curl {base_url}/api/v1/chat/completions \\",
        f"    -H 'Authorization: Bearer {key}' \\",
        "    -H 'Content-Type: application/json' \\",
        f"    -d '{body}'",
    ]


def show(lines: list[str]) -> None:
    """Print lines between two rules, in one piece."""
    rule = "-" * 78
    print("\n".join(["", rule, *lines, rule, ""]), flush=True)
