"""Every address of the control plane."""

from django.contrib import admin
from django.urls import include, path

from accounts.stripe.webhook import StripeWebhookView

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.urls.api")),
    path("webhooks/stripe", StripeWebhookView.as_view(), name="stripe_webhook"),
    path("", include("config.urls.dashboard")),
]

handler500 = "config.lib.api_errors.server_error"
