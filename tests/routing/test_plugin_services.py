"""What the environment says of plugins, as the gateway works with it."""

from __future__ import annotations

from config.lib.environment import Environment
from routing.plugin_services import operator_of
from routing.plugins.operator import Service
from routing.plugins.pdf_engines import ENGINES as READERS
from routing.plugins.search import ENGINES


def operator(**settings: str):
    return operator_of(Environment(**settings))


class TestTheOperator:
    def test_has_set_up_nothing_by_default(self, monkeypatch):
        found = operator()

        assert (found.search, found.parsers, found.moderation) == ({}, {}, None)
        assert (found.search_femto, found.result_femto) == (0, 0)

    def test_sets_a_service_up_by_its_key_or_its_address(self):
        found = operator(HEADGATE_EXA_API_KEY="x", HEADGATE_SEARXNG_URL="http://searxng:8080")

        assert found.search == {
            "exa": Service("https://api.exa.ai", "x"),
            "searxng": Service("http://searxng:8080"),
        }

    def test_can_set_up_every_engine(self):
        names = [name.upper() for name in ENGINES if name != "searxng"]
        keys = {f"HEADGATE_{name}_API_KEY": "x" for name in [*names, "MISTRAL_OCR", "CLOUDFLARE_AI"]}

        found = operator(**keys, HEADGATE_SEARXNG_URL="http://s", HEADGATE_CLOUDFLARE_AI_URL="http://c/ai")

        assert found.search.keys() == ENGINES.keys()
        assert {"pdf-text", *found.parsers} == READERS.keys()

    def test_names_prices_in_dollars(self):
        found = operator(HEADGATE_WEB_SEARCH_USD="0.007", HEADGATE_WEB_RESULT_USD="0.000000001")

        assert (found.search_femto, found.result_femto) == (7 * 10**12, 10**6)
        assert operator(HEADGATE_WEB_FETCH_USD="0.001").fetch_femto == 10**12

    def test_keeps_its_keys_out_of_what_is_shown(self):
        assert "hidden" not in repr(operator(HEADGATE_EXA_API_KEY="hidden"))
