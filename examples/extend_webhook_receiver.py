"""A receiver of Extend's webhooks, on Starlette."""

import logging

from extend_ai import AsyncExtend
from extend_ai.wrapper.errors import WebhookParseError, WebhookSignatureVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

log = logging.getLogger(__name__)


def make_app(*, api_key: str, secret: str) -> Starlette:
    """The app; what runs gave is in ``app.state.results``, by run id."""
    client = AsyncExtend(token=api_key)
    seen: set[str] = set()

    async def receive(request: Request) -> Response:
        try:
            event = client.webhooks.verify_and_parse(
                await request.body(), dict(request.headers), secret, allow_signed_url=True
            )
        except (WebhookSignatureVerificationError, WebhookParseError):
            return Response(status_code=401)
        if client.webhooks.is_signed_url_event(event):
            event = await client.webhooks.fetch_signed_payload(event)
        if isinstance(event, dict):
            # An event type of which this client knows nothing yet.
            return Response(status_code=204)
        if event.event_id in seen:
            return Response(status_code=204)
        run = await client.parse_runs.retrieve(event.payload.id)
        if run.status == "FAILED":
            log.error("run %s failed: %s", run.id, run.failure_reason)
        request.app.state.results[run.id] = run.failure_reason or "done"
        # Last, so that a delivery which failed half way is worked on again.
        seen.add(event.event_id)
        return Response(status_code=204)

    app = Starlette(routes=[Route("/webhooks/extend", receive, methods=["POST"])])
    app.state.results = {}
    return app
