"""A provider of our own for evaluation, drills and tests: three slugs, three formats, behaviours by model.

It imports nothing of Headgate, so that what it recorded can be trusted as a second opinion about money.
Start it with `python -m routing.simulator --port 9100 --record calls.jsonl`.
"""
