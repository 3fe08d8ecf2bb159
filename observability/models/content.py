"""What people wrote and models answered."""

from __future__ import annotations

from django.db import models

from config.lib.scoping import TenantModel


class GenerationContent(TenantModel):
    """The content of one generation, sealed by the gateway; whoever opens it needs the key ring.

    Partitioned by day on the generation's id. Kept only where I/O logging asks for it (`is_logged`), or until every
    destination and every classifier has seen it. The table is made by SQL, because Django cannot describe partitions.
    """

    generation_id = models.UUIDField(primary_key=True)
    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    sealed = models.TextField()
    is_logged = models.BooleanField()

    class Meta(TenantModel.Meta):
        db_table = "generation_content"
        managed = False

    def __str__(self) -> str:
        return f"content of {self.generation_id}"
