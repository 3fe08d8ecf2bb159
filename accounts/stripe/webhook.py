"""Where Stripe calls: no session, no key, only its signature."""

from __future__ import annotations

import json
import time
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.stripe.events import Nonsense, hear
from accounts.stripe.signature import BadSignature, verify
from config.lib.environment import environment

MOST_BYTES = 256 * 1024


@method_decorator(csrf_exempt, name="dispatch")
class StripeWebhookView(View):
    """`/webhooks/stripe`; not there unless Stripe is set up."""

    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not environment().takes_payments:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        """200: heard, or none of ours. 400: not from Stripe, or nothing that can be booked."""
        if len(request.body) > MOST_BYTES:
            return _said(413, "The event is too large.")
        try:
            header = request.headers.get("Stripe-Signature", "")
            verify(request.body, header=header, secret=environment().stripe_webhook_secret, now=time.time())
            hear(json.loads(request.body))
        except (BadSignature, Nonsense) as error:
            return _said(400, str(error))
        except (ValueError, RecursionError):
            return _said(400, "The event is no JSON.")
        return _said(200, "Heard.")


def _said(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain")
