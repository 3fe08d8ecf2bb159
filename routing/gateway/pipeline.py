"""The life of a request, from its key to its last byte. The page to read first; each step is a module beside it."""

from __future__ import annotations

import time

from config.lib.ids import NewId
from routing.call import Call
from routing.gateway.admission import arrange, authenticate, check_key
from routing.gateway.answering import farewell, metadata_of_refusal
from routing.gateway.client import Client, RefusedError
from routing.gateway.dialects import Dialect
from routing.gateway.generating import generate
from routing.gateway.preparing import with_variants
from routing.gateway.runtime import Runtime
from routing.gateway.server_tools.loop import serve_with_tools
from routing.gateway.server_tools.reading import has_server_tools, read_server_tools


async def serve(runtime: Runtime, client: Client, dialect: Dialect, identifier: NewId) -> None:
    """Serve a request of any dialect. Raises RefusedError for what ends before a provider is called."""
    began_at = time.monotonic()
    known = await authenticate(runtime.policies, client.scope)  # 400, 401, 503
    client.subject.principal = known.policy.principal
    call: Call | None = None
    try:
        check_key(known)  # 401, 403
        data = await client.read_body(runtime.limits.max_body_bytes)  # 413
        prepared = await runtime.bodies.read(  # 400, 403, 429, 503
            dialect, data, client.headers, known.preparation, known.organization
        )
        prepared = with_variants(prepared, runtime.catalog, known.preparation)  # 400, 503
        prepared = arrange(runtime, known, prepared, client.headers)  # 400, 404
        call = prepared.call
        if has_server_tools(call):
            asked = read_server_tools(call, client.headers, known.policy, runtime.limits.operator)  # 400, 403
            await serve_with_tools(runtime, client, known, prepared, asked, identifier, began_at)
            return
        made = await generate(runtime, client, known, prepared, identifier, began_at)
        await farewell(runtime, client, made.opened, made.decision, made.ending, is_repeated=made.is_repeated)
    except RefusedError as error:
        if not error.is_written:
            runtime.refusals.note(identifier, known.policy, call, error)
        error.metadata = metadata_of_refusal(runtime, client, call, error)
        raise
