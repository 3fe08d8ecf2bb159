"""What ingest counts for Prometheus."""

from __future__ import annotations

from config.lib.metrics import OWN_WORK, Level, Seconds, Total

LAG_BYTES = Level("headgate_ingest_lag_bytes", "Bytes of this host's journals that are not booked yet.")
LAG_SECONDS = Level("headgate_ingest_lag_seconds", "For how long there has been something to book, at most.")
JOURNALS = Level("headgate_ingest_journals", "Journals that are followed.")
BOOKED = Total("headgate_ingest_booked_total", "Rows that were booked: generations, refusals, dead letters.")
BATCHES = Seconds(
    "headgate_ingest_batch_seconds", "Seconds that a batch took, from reading to commit.", [], OWN_WORK
)
DEAD_LETTERS = Total(
    "headgate_ingest_dead_letters_total",
    "Records that could not be stored as they were; their charge was booked.",
)
ADOPTED = Total("headgate_ingest_adopted_total", "Journals that were finished.")
FENCED = Total("headgate_ingest_fenced_total", "Gateways that were silent and fenced.")
TROUBLE = Total(
    "headgate_ingest_trouble_total",
    "Turns that failed: database (away or busy), journal (cannot be booked).",
    ["what"],
)
PARTITION_DAYS = Level(
    "headgate_partition_days_ahead", "Days after today for which generations have a partition."
)
