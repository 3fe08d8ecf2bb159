"""Telling organizations what they want to know: detection, rules, channels, delivery (SPEC §10, docs/notifications.md)."""
