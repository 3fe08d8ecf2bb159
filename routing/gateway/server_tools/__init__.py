"""Requests whose model may call tools that the gateway runs: read `loop` first."""
