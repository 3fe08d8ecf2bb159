"""What makes a catalog file valid, and that a fault is named with its place."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from routing.catalog import SEED
from routing.catalog_file import InvalidCatalog, PriceFile, parse_catalog, read_catalog

VALID: dict[str, Any] = {
    "providers": [{"slug": "local", "name": "Local", "base_url": "http://localhost/v1"}],
    "models": [
        {
            "slug": "acme/wise",
            "name": "Wise",
            "endpoints": [
                {
                    "provider": "local",
                    "upstream_model": "w",
                    "price": {"prompt": "0.000001", "completion": "0"},
                }
            ],
        }
    ],
}


def changed(path, value):
    document = copy.deepcopy(VALID)
    *parents, last = path
    place = document
    for step in parents:
        place = place[step]
    place[last] = value
    return document


class TestAValidFile:
    def test_is_read(self):
        catalog = parse_catalog(VALID)

        assert catalog.models[0].endpoints[0].key == "local"
        assert catalog.models[0].columns()["author"] == "acme"

    def test_may_be_yaml_or_json(self, tmp_path):
        texts = {
            "c.yaml": "models: [{slug: a/b, name: B}]",
            "c.json": '{"models":[{"slug":"a/b","name":"B"}]}',
        }
        for name, text in texts.items():
            path = tmp_path / name
            path.write_text(text)

            assert read_catalog(path).models[0].slug == "a/b"

    def test_gives_prices_in_femto_dollars(self):
        columns = PriceFile("0.000000000000001", "2", request="0.001", cache_read="0").femto_columns()

        assert columns["prompt_femto"] == 1
        assert (columns["completion_femto"], columns["request_femto"]) == (2 * 10**15, 10**12)
        assert (columns["cache_read_femto"], columns["image_femto"]) == (0, None)


class TestAFault:
    @pytest.mark.parametrize(
        ("path", "value", "named"),
        [
            (("models", 0, "slug"), "wise", "slug"),
            (("models", 0, "colour"), "red", "colour"),
            (("models", 0, "endpoints", 0, "price", "prompt"), "0.0000000000000001", "prompt price"),
            (("models", 0, "endpoints", 0, "price", "prompt"), "-1", "negative"),
            (("models", 0, "endpoints", 0, "price", "prompt"), "cheap", "prompt price"),
            (("models", 0, "endpoints", 0, "price", "prompt"), "NaN", "prompt price"),
            (("models", 0, "endpoints", 0, "price", "prompt"), 0.000001, "prompt"),
            (("models", 0, "endpoints", 0, "tag"), "other/eu", "begins with its provider"),
            (("models", 0, "endpoints", 0, "context_length"), -1, "context_length"),
            (("providers", 0, "wire_format"), "morse", "wire_format"),
            (("providers", 0, "base_url"), "ftp://x", "base_url"),
            (("providers",), [*VALID["providers"], *VALID["providers"]], "twice"),
            (("models",), [*VALID["models"], *VALID["models"]], "twice"),
            (("models",), "none", "models"),
        ],
    )
    def test_is_named(self, path, value, named):
        with pytest.raises(InvalidCatalog, match=named):
            parse_catalog(changed(path, value))

    @pytest.mark.parametrize(
        ("name", "text"), [("c.yaml", "a: [}"), ("c.json", "{"), ("c.yaml", "just words"), ("c.yaml", "")]
    )
    def test_of_the_whole_file_is_named_too(self, tmp_path, name, text):
        path = tmp_path / name
        path.write_text(text)

        with pytest.raises(InvalidCatalog):
            read_catalog(path)


class TestTheSeedFile:
    def test_is_valid_dated_and_says_where_its_prices_come_from(self):
        seed = read_catalog(SEED)

        assert seed.dated is not None
        assert seed.source.startswith("genai-prices")
        assert 100 < len(seed.models) < 600

    def test_prices_every_endpoint(self):
        assert all(endpoint.price for model in read_catalog(SEED).models for endpoint in model.endpoints)

    def test_serves_what_shows_routing_under_three_providers_that_differ(self):
        models = {model.slug: model for model in read_catalog(SEED).models}

        for slug in ("simulator/echo", "simulator/lorem"):
            endpoints = models[slug].endpoints
            assert [endpoint.provider for endpoint in endpoints] == [
                "simulator",
                "simulator-fast",
                "simulator-zdr",
            ]
            assert len({endpoint.price and endpoint.price.prompt for endpoint in endpoints}) == 3
            assert [endpoint.is_zdr for endpoint in endpoints] == [False, False, True]

    def test_speaks_to_anthropic_in_its_own_format_and_says_what_each_model_takes(self):
        seed = read_catalog(SEED)
        formats = {provider.slug: provider.wire_format for provider in seed.providers}
        endpoints = [one for model in seed.models for one in model.endpoints if one.provider == "anthropic"]

        assert (formats["anthropic"], formats["openai"]) == ("anthropic", "openai")
        assert all("tools" in endpoint.supported_parameters for endpoint in endpoints)
        assert {"temperature" in endpoint.supported_parameters for endpoint in endpoints} == {True, False}

    def test_names_no_secret_and_no_plain_http_provider(self):
        real = [provider for provider in read_catalog(SEED).providers if not provider.is_simulator]

        assert all(provider.base_url.startswith("https://") for provider in real)
