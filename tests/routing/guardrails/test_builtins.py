"""Built-in checks, as they declare themselves."""

from __future__ import annotations

from routing.guardrails import BUILTINS, Needs


class TestABuiltin:
    def test_is_known_by_the_contracts_slug(self):
        assert list(BUILTINS) == [
            "email",
            "phone",
            "ssn",
            "credit-card",
            "ip-address",
            "secrets",
            "person-name",
            "address",
            "regex-prompt-injection",
        ]

    def test_leaves_its_placeholder_where_it_redacted(self):
        assert BUILTINS["credit-card"].placeholder == "[CREDIT_CARD]"

    def test_may_need_an_extra(self):
        assert Needs(extra="standard", module="json").is_installed
        assert not Needs(extra="imaginary", module="no_such_module").is_installed
