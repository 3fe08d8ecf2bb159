"""docs/operations.md names every metric there is, and nothing in docs/deploy asks for another."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from config import control_metrics, task_metrics
from config.jobs import JOBS
from config.lib import metrics as common
from config.lib.metrics import Level, Seconds, Total
from observability import delivery_metrics, ingest_metrics
from routing.gateway import metrics as gateway_metrics

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "operations.md"
DEPLOY = DOCS / "deploy"
BEGIN, END = "<!-- metrics: begin -->", "<!-- metrics: end -->"
KINDS = {Total: "counter", Level: "gauge", Seconds: "histogram"}
GROUPS = (
    ("every process", common),
    ("gateway", gateway_metrics),
    ("control plane", control_metrics),
    ("ingest", ingest_metrics),
    ("worker, beat", task_metrics),
    ("worker", delivery_metrics),
)


def metrics_of(module):
    return [value for value in vars(module).values() if type(value) in KINDS]


def table():
    """The page's table as the code has it."""
    lines = ["| metric | kind, labels | says | told by |", "|---|---|---|---|"]
    for who, module in GROUPS:
        for metric in metrics_of(module):
            labels = "".join(f", `{label}`" for label in metric.labels)
            lines.append(f"| `{metric.name}` | {KINDS[type(metric)]}{labels} | {metric.about} | {who} |")
    return "\n".join(lines)


def names():
    """Everything that can be asked for."""
    known = {metric.name: metric for _, module in GROUPS for metric in metrics_of(module)}
    parts = {
        f"{name}_{part}"
        for name, metric in known.items()
        if isinstance(metric, Seconds)
        for part in ("bucket", "sum", "count")
    }
    return {name for name, metric in known.items() if not isinstance(metric, Seconds)} | parts


def asked_for(text):
    return set(re.findall(r"\bheadgate_[a-z_]+", text))


class TestTheTableOfMetrics:
    def test_is_what_the_processes_tell(self):
        page = PAGE.read_text()
        shown = page[page.index(BEGIN) + len(BEGIN) : page.index(END)].strip()

        assert shown == table(), f"put this between the marks:\n{table()}"

    def test_names_no_tenant_in_a_label(self):
        labels = {label for _, module in GROUPS for metric in metrics_of(module) for label in metric.labels}

        assert labels == {
            *("route", "status", "method", "dialect", "provider", "error_type", "rule"),
            *("reason", "what", "task", "outcome", "job", "type", "breaker"),
        }


class TestTheExamples:
    def test_of_alerts_ask_for_metrics_that_exist(self):
        rules = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"][0]["rules"]

        assert all({"alert", "expr", "labels", "annotations"} <= rule.keys() for rule in rules)
        assert asked_for(" ".join(rule["expr"] for rule in rules)) <= names()

    def test_of_a_dashboard_ask_for_metrics_that_exist(self):
        board = json.loads((DEPLOY / "grafana.json").read_text())
        asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])

        assert asked_for(asked) <= names()


class TestThePage:
    def test_names_every_job(self):
        page = PAGE.read_text()

        assert [job.name for job in JOBS if f"`{job.name}`" not in page] == []
