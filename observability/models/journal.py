"""How far each gateway process's journal has been moved into the database."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class JournalPosition(models.Model):
    """The committed position in one process's journal; it moves in the transaction that books the records."""

    process_id = models.UUIDField(primary_key=True)
    segment = models.IntegerField(db_default=0)
    byte_offset = models.BigIntegerField(db_default=0)
    batch = models.BigIntegerField(db_default=0)
    is_closed = models.BooleanField(db_default=False)

    class Meta:
        db_table = "journal_position"

    def __str__(self) -> str:
        return f"{self.process_id} {self.segment}:{self.byte_offset}"


class DeadLetterRecord(models.Model):
    """A journal record that could not be stored as it was; its charge was booked on a sanitised row."""

    process_id = models.UUIDField()
    segment = models.IntegerField()
    byte_offset = models.BigIntegerField()
    record = models.BinaryField()
    error = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "dead_letter_record"

    def __str__(self) -> str:
        return f"{self.process_id} {self.segment}:{self.byte_offset}"
