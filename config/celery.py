"""The Celery application: what may happen later."""

import os

from celery import Celery

from config import task_watch

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("headgate")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
task_watch.watch(app)
