"""The object permission of those whose seat makes them administrators of one workspace."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0002_locks")]

    operations = [
        migrations.AlterModelOptions(
            name="workspace",
            options={
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "permissions": [("administer_workspace", "Can administer the workspace")],
            },
        ),
    ]
