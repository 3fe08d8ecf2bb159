"""The Celery application: what may happen later."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

from config import task_watch

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("headgate")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
task_watch.watch(app)


@worker_init.connect  # type: ignore[untyped-decorator]  # of Celery
def spare_the_collector(**_: Any) -> None:
    """Batches are many small objects without cycles: looking for those costs two fifths of a delivery's time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
