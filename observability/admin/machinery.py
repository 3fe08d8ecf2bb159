"""For platform staff: how far ingest is, what it could not store, and what runs by the clock."""

from __future__ import annotations

from django.contrib import admin
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from config.lib.admin import ScopedModelAdmin
from config.lib.admin_lists import KeysetModelAdmin
from observability.models import DeadLetterRecord, JobRun, JournalPosition


@admin.register(JournalPosition)
class JournalPositionAdmin(ScopedModelAdmin):
    """How far each process's journal has been moved into the database."""

    list_display = ("process_id", "segment", "byte_offset", "batch", "is_closed")
    ordering = ("is_closed", "pk")


@admin.register(DeadLetterRecord)
class DeadLetterRecordAdmin(KeysetModelAdmin):
    """What ingest could not store as it was; the record may hold what people wrote, so only its size is shown."""

    list_display = ("created_at", "process_id", "segment", "byte_offset", "size")
    exclude = ("record",)
    readonly_fields = ("size",)

    @admin.display(description="Bytes")
    def size(self, row):
        """Of the record."""
        return len(row.record)


@admin.register(JobRun)
class JobRunAdmin(ScopedModelAdmin):
    """What runs by the clock: when it last succeeded, and what went wrong."""

    list_display = ("name", "started_at", "succeeded_at", "failed_at", "seconds", "rows", "error")
    ordering = ("pk",)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ScopedModelAdmin):
    """Schedules come with the code; here they are switched on and off."""

    may = frozenset({"view", "change"})
    list_display = ("name", "task", "interval", "crontab", "enabled", "last_run_at", "total_run_count")
    list_select_related = ("interval", "crontab")
    fields = ("name", "task", "interval", "crontab", "enabled", "last_run_at", "total_run_count")
    readonly_fields = ("name", "task", "interval", "crontab", "last_run_at", "total_run_count")
    ordering = ("name", "pk")

    def change_row(self, request, row, changes):
        for name, value in changes.items():
            setattr(row, name, value)
        row.save()  # tells beat that schedules changed
        return row


@admin.register(IntervalSchedule, CrontabSchedule)
class ScheduleAdmin(ScopedModelAdmin):
    """How often."""
