"""The object permission that opens the Django admin to an organization's administrators."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_locks")]

    operations = [
        migrations.AlterModelOptions(
            name="organization",
            options={
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "permissions": [("administer_organization", "Can administer the organization")],
            },
        ),
    ]
