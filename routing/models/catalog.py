"""The platform's catalog: providers, models, the endpoints where a model is served, and what they charge."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Provider(models.Model):
    """A company or server that serves models. OpenAI-compatible ones are rows, not code."""

    slug = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    wire_format = models.CharField(max_length=30, default="openai")
    base_url = models.CharField(max_length=500, blank=True)
    credential_variable = models.CharField(max_length=100, blank=True)
    sealed_credential = models.TextField(blank=True, editable=False)
    headquarters = models.CharField(max_length=2, null=True, blank=True)
    datacenters = models.JSONField(null=True, blank=True)
    privacy_policy_url = models.CharField(max_length=500, null=True, blank=True)
    terms_of_service_url = models.CharField(max_length=500, null=True, blank=True)
    status_page_url = models.CharField(max_length=500, null=True, blank=True)
    is_enabled = models.BooleanField(default=True)
    is_simulator = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "provider"

    def __str__(self) -> str:
        return self.name


class LanguageModel(models.Model):
    """A model by its author/slug, whoever serves it."""

    slug = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    author = models.CharField(max_length=100)
    context_length = models.PositiveIntegerField(null=True, blank=True)
    input_modalities = models.JSONField(default=list)
    output_modalities = models.JSONField(default=list)
    tokenizer = models.CharField(max_length=40, default="Other")
    instruct_type = models.CharField(max_length=40, null=True, blank=True)
    hugging_face_id = models.CharField(max_length=200, null=True, blank=True)
    knowledge_cutoff_date = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    is_distillable = models.BooleanField(default=False)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "language_model"

    def __str__(self) -> str:
        return self.slug


class Endpoint(models.Model):
    """One model as one provider serves it, in one variant or region."""

    model = models.ForeignKey(LanguageModel, models.CASCADE, related_name="endpoints")
    provider = models.ForeignKey(Provider, models.CASCADE, related_name="endpoints")
    tag = models.CharField(max_length=100)
    upstream_model = models.CharField(max_length=200)
    context_length = models.PositiveIntegerField(null=True, blank=True)
    max_prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    max_completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    supported_parameters = models.JSONField(default=list)
    quantization = models.CharField(max_length=20, null=True, blank=True)
    region = models.CharField(max_length=40, null=True, blank=True)
    service_tier = models.CharField(max_length=20, null=True, blank=True)
    trains_on_prompts = models.BooleanField(default=False)
    retains_prompts = models.BooleanField(default=True)
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    can_publish = models.BooleanField(default=False)
    is_zdr = models.BooleanField(default=False)
    benchmark_score = models.FloatField(null=True, blank=True)
    is_enabled = models.BooleanField(default=True)
    deprecated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "endpoint"
        constraints = [
            models.UniqueConstraint(fields=["model", "tag"], name="one_endpoint_per_model_and_tag"),
            models.CheckConstraint(
                condition=Q(benchmark_score__gte=0, benchmark_score__lte=1), name="endpoint_benchmark_score"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.slug} at {self.tag}"


class PriceVersion(models.Model):
    """What an endpoint charges from a moment on, in femto-dollars (10⁻¹⁵) per unit; never changed, only followed.

    None means not priced: an endpoint without prompt and completion prices cannot be routed to; free is 0.
    """

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="prices")
    valid_from = models.DateTimeField(db_default=Now())
    prompt_femto = models.BigIntegerField()
    completion_femto = models.BigIntegerField()
    request_femto = models.BigIntegerField(default=0)
    reasoning_femto = models.BigIntegerField(null=True, blank=True)
    cache_read_femto = models.BigIntegerField(null=True, blank=True)
    cache_write_femto = models.BigIntegerField(null=True, blank=True)
    image_femto = models.BigIntegerField(null=True, blank=True)
    audio_femto = models.BigIntegerField(null=True, blank=True)
    web_search_femto = models.BigIntegerField(null=True, blank=True)
    source = models.CharField(max_length=100, blank=True)

    class Meta:
        db_table = "price_version"
        constraints = [
            models.CheckConstraint(
                condition=Q(prompt_femto__gte=0, completion_femto__gte=0, request_femto__gte=0),
                name="prices_not_negative",
            ),
            models.UniqueConstraint(fields=["endpoint", "valid_from"], name="one_price_per_moment"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id} from {self.valid_from}"
