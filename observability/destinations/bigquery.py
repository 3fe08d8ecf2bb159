"""Google BigQuery, by streaming inserts (https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from config.lib.declared import NotValid, Text
from config.lib.environment import environment
from config.lib.google_sign_in import GRANT, LIFETIME_SECONDS, TOKEN_URI, UnusableKey, signed_assertion
from config.lib.outbound import CallFailed, Reply
from observability.destinations.authorization import bearer
from observability.destinations.destination import Config, DestinationKind, Door, Limits, Probed
from observability.destinations.exchange import Outcome, VendorRequest
from observability.destinations.fields import with_headers
from observability.destinations.json_kind import shown_by
from observability.destinations.judging import judge, merged, said_by
from observability.destinations.otlp import encoded
from observability.destinations.warehouse import columns, row_of
from observability.trace import Trace

SCOPE: Final = "https://www.googleapis.com/auth/bigquery"
NEEDED_PERMISSION: Final = "bigquery.tables.updateData"
TYPES: Final = {
    "text": "STRING",
    "time": "TIMESTAMP",
    "whole": "INT64",
    "number": "FLOAT64",
    "texts": "ARRAY<STRING>",
    "json": "JSON",
}
EARLY_SECONDS: Final = 300
MOST_KEPT: Final = 1000
STOPPED: Final = "stopped"
"""BigQuery's reason for rows that were fine, and not inserted because others were not."""


class SignInFailed(Exception):
    """There is no access token. `is_final`: the key has to be changed."""

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


class BigQuery(DestinationKind):
    """Tokens come from Google alone, whatever address a key file names."""

    slug = "bigquery"
    name = "Google BigQuery"
    about = "A table of your own."
    fields = (
        Text(name="projectId", pattern=r"[a-z0-9:.-]{4,100}", help="The project that owns the dataset."),
        Text(name="serviceAccountKeyJson", most=10_000, help="The key file of a service account, whole."),
        Text(name="dataset", pattern=r"\w{1,1024}", most=1024, help="The dataset."),
        Text(name="table", pattern=r"[\w-]{1,1024}", most=1024, help="The table."),
    )
    required = ("projectId", "serviceAccountKeyJson")
    secrets = frozenset({"serviceAccountKeyJson"})
    addresses = frozenset()
    defaults = {"dataset": "openrouter", "table": "openrouter_traces"}
    limits = Limits(traces=500, bytes=8 << 20, linger_seconds=10)
    verified_against = "not against the vendor: a strict local receiver built from its API reference"

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, float]] = {}

    def read_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        config = super().read_config(given)
        account = _account(config)
        try:
            _assertion(account, time.time())
        except UnusableKey as error:
            raise NotValid("config.serviceAccountKeyJson", str(error)) from None
        return config

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        return [self._insertion(config, traces, "")]

    def send(self, config: Config, traces: Sequence[Trace], door: Door) -> Outcome:
        try:
            token = self._token(config, door, time.time())
        except SignInFailed as error:
            carried = frozenset(range(len(traces)))
            return Outcome(retry=carried, is_misconfigured=error.is_final, error=str(error))
        request = self._insertion(config, traces, token)
        return merged(self.judge(request, reply) for reply in door.send_all([request]))

    def judge(self, request: VendorRequest, reply: Reply | CallFailed) -> Outcome:
        """A 200 may name rows that were not inserted: those that were refused, and those that went down with them."""
        outcome = judge(request, reply)
        if isinstance(reply, CallFailed) or outcome.error:
            return outcome
        refused, stopped = _not_inserted(reply, request)
        if not refused and not stopped:
            return outcome
        return Outcome(
            retry=stopped,
            poisoned=refused,
            http_status=reply.status,
            error=f"{len(refused)} rows were refused.",
            sent_bytes=outcome.sent_bytes,
        )

    def probe(self, config: Config, door: Door) -> Probed:
        """Reads the table's description, then asks whether rows may be inserted."""
        try:
            token = self._token(config, door, time.time())
            headers = self._headers(config, token)
            reply = door.send(VendorRequest(_table_url(config), headers, b"", (), method="GET"))
            if reply.status != 200:
                return shown_by(reply)
            asked = encoded({"permissions": [NEEDED_PERMISSION]})
            reply = door.send(VendorRequest(f"{_table_url(config)}:testIamPermissions", headers, asked, ()))
        except SignInFailed as error:
            return Probed(is_ok=False, message=str(error))
        except CallFailed as error:
            return Probed(is_ok=False, message=f"No answer: {error}")
        if reply.status == 200 and NEEDED_PERMISSION.encode() not in reply.body:
            return Probed(is_ok=False, message="The service account may not insert rows into the table.")
        return shown_by(reply)

    def _insertion(self, config: Config, traces: Sequence[Trace], token: str) -> VendorRequest:
        rows = [{"insertId": each.generation_id, "json": _told(row_of(each))} for each in traces]
        return VendorRequest(
            url=f"{_table_url(config)}/insertAll",
            headers=self._headers(config, token),
            body=encoded({"rows": rows}),
            traces=tuple(range(len(traces))),
        )

    def _headers(self, config: Config, token: str) -> dict[str, str]:
        return with_headers(config, {"Content-Type": "application/json", "Authorization": bearer(token)})

    def _token(self, config: Config, door: Door, now: float) -> str:
        """An access token that is good for some minutes at least. Raises SignInFailed."""
        identity = hashlib.sha256(config["serviceAccountKeyJson"].encode()).hexdigest()
        kept = self._tokens.get(identity)
        if kept is not None and now < kept[1]:
            return kept[0]
        token = _exchanged(_account(config), door, now)
        while len(self._tokens) >= MOST_KEPT:
            self._tokens.pop(next(iter(self._tokens)))
        self._tokens[identity] = token, now + LIFETIME_SECONDS - EARLY_SECONDS
        return token


def table_statement(config: Config) -> str:
    """The SQL that makes the table."""
    lines = ",\n".join(
        f"  {name.lower()} {TYPES[kind]}" for name, kind in columns(with_cache_writes=False).items()
    )
    name = f"`{config['projectId']}.{config['dataset']}.{config['table']}`"
    return f"CREATE TABLE IF NOT EXISTS {name} (\n{lines}\n)\nPARTITION BY DATE(timestamp)"


def _account(config: Config) -> dict[str, str]:
    """The fields of the key file. Raises NotValid, whose message repeats nothing of it."""
    path = "config.serviceAccountKeyJson"
    try:
        account = json.loads(config["serviceAccountKeyJson"])
    except (ValueError, RecursionError):
        raise NotValid(path, "must be the JSON of a service account's key file.") from None
    names = ("client_email", "private_key", "private_key_id")
    if not isinstance(account, dict) or not all(isinstance(account.get(name), str) for name in names):
        raise NotValid(path, f"must hold {', '.join(names)}.")
    if account.get("token_uri", TOKEN_URI) != TOKEN_URI:
        raise NotValid(path, f"token_uri must be {TOKEN_URI}.")
    return {name: account[name] for name in names}


def _assertion(account: Mapping[str, str], now: float) -> str:
    return signed_assertion(
        email=account["client_email"],
        key_id=account["private_key_id"],
        private_key=account["private_key"],
        scope=SCOPE,
        now=now,
    )


def _exchanged(account: Mapping[str, str], door: Door, now: float) -> str:
    try:
        form = urlencode({"grant_type": GRANT, "assertion": _assertion(account, now)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        reply = door.send(VendorRequest(environment().google_token_url, headers, form, ()))
    except UnusableKey as error:
        raise SignInFailed(str(error), is_final=True) from error
    except CallFailed as error:
        raise SignInFailed(f"Google's sign-in did not answer: {error}", is_final=False) from error
    try:
        token = said_by(reply)["access_token"] if reply.status == 200 else None
    except (KeyError, TypeError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        is_final = 400 <= reply.status < 500 and reply.status not in (408, 429)
        raise SignInFailed(f"Google's sign-in answered with HTTP {reply.status}.", is_final=is_final)
    return token


def _table_url(config: Config) -> str:
    origin = environment().bigquery_url.rstrip("/")
    return (
        f"{origin}/bigquery/v2/projects/{config['projectId']}/datasets/{config['dataset']}"
        f"/tables/{config['table']}"
    )


def _not_inserted(reply: Reply, request: VendorRequest) -> tuple[frozenset[int], frozenset[int]]:
    """The places of rows that were refused, and of rows that were stopped by them."""
    try:
        errors = said_by(reply).get("insertErrors") or []
        by_row = {int(row["index"]): {each["reason"] for each in row["errors"]} for row in errors}
    except (KeyError, TypeError, ValueError, AttributeError):
        return frozenset(), frozenset()
    known = {number: reasons for number, reasons in by_row.items() if 0 <= number < len(request.traces)}
    stopped = frozenset(request.traces[number] for number, reasons in known.items() if reasons == {STOPPED})
    refused = frozenset(request.traces[number] for number in known) - stopped
    return refused, stopped


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name.lower(): value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
