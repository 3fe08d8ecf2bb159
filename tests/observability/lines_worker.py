"""Makes the tests' vendor known to a worker: `celery --include tests.observability.lines_worker`."""

from observability.destinations import DESTINATIONS
from tests.observability.broadcasts import Lines

DESTINATIONS[Lines.slug] = Lines()
