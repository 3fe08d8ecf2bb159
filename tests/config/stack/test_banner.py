"""What `dev.py up` prints."""

from __future__ import annotations

from config.stack.banner import demo_lines


class TestTheDemonstration:
    def test_says_who_can_sign_in_with_which_password(self) -> None:
        users = [
            {"email": "alice@acme.example", "password": "of oak", "role": "admin", "organization": "acme"},
            {
                "email": "mallory@globex.example",
                "password": "water",
                "role": "admin",
                "organization": "globex",
            },
        ]

        lines = demo_lines({"users": users}, file="var/demo.json")

        assert [line.split() for line in lines[1:]] == [
            ["alice@acme.example", "of", "oak", "admin", "of", "acme"],
            ["mallory@globex.example", "water", "admin", "of", "globex"],
            ["their", "keys", "var/demo.json"],
        ]
