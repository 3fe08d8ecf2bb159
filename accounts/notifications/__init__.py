"""Telling organizations what they want to know: what happened, to whom, through which channel (SPEC §10)."""
