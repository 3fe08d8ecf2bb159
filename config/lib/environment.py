"""Everything that an operator can set, read from the environment once and typed; listed in .env.example."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from config.lib.broadcast_environment import BroadcastEnvironment
from config.lib.byok_fee import ByokFee
from config.lib.operations_environment import OperationsEnvironment

DATA_REGIONS = ("global", "europe", "us")
ROOT = Path(__file__).resolve().parents[2]


class Environment(BroadcastEnvironment, OperationsEnvironment):
    """The environment's variables. Empty means not set; config.checks refuses what production cannot run with."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    # Where things are
    database_url: str = Field("", alias="DATABASE_URL")
    owner_database_url: str = Field("", alias="HEADGATE_OWNER_DATABASE_URL")
    listen_database_url: str = Field("", alias="HEADGATE_LISTEN_DATABASE_URL")
    data_dir: Path = Field(ROOT / "var", alias="HEADGATE_DATA_DIR")
    journal_dir: Path | None = Field(None, alias="HEADGATE_JOURNAL_DIR")
    broker_url: str = Field("", alias="HEADGATE_BROKER_URL")
    base_url: str = Field("http://127.0.0.1:8000", alias="HEADGATE_BASE_URL")
    gateway_url: str = Field("", alias="HEADGATE_GATEWAY_URL")
    chat_url: str = Field("", alias="HEADGATE_CHAT_URL")
    allowed_hosts: str = Field("", alias="HEADGATE_ALLOWED_HOSTS")
    simulator_url: str = Field("", alias="HEADGATE_SIMULATOR_URL")

    # Secrets
    secret_key: str = Field("", alias="HEADGATE_SECRET_KEY")
    sealing_keys: str = Field("", alias="HEADGATE_SEALING_KEYS")

    # How it runs
    debug: bool = Field(False, alias="HEADGATE_DEBUG")
    plane: Literal["all", "gateway", "control"] = Field("all", alias="HEADGATE_PLANE")
    is_sign_up_open: bool = Field(False, alias="HEADGATE_SIGN_UP")
    is_https: bool = Field(True, alias="HEADGATE_HTTPS")
    trusted_proxies: int = Field(0, ge=0, alias="HEADGATE_TRUSTED_PROXIES")
    drain_notice_seconds: float = Field(5, ge=0, alias="HEADGATE_DRAIN_NOTICE_SECONDS")
    drain_seconds: float = Field(600, ge=0, alias="HEADGATE_DRAIN_SECONDS")
    stale_policy_seconds: float = Field(300, gt=0, alias="HEADGATE_STALE_POLICY_SECONDS")
    max_concurrency: int = Field(10_000, gt=0, alias="HEADGATE_MAX_CONCURRENCY")
    organization_share: float = Field(0.5, gt=0, le=1, alias="HEADGATE_ORGANIZATION_SHARE")
    max_body_bytes: int = Field(32 * 1024 * 1024, gt=0, alias="HEADGATE_MAX_BODY_BYTES")
    management_requests_per_minute: int = Field(3_000, ge=0, alias="HEADGATE_MANAGEMENT_REQUESTS_PER_MINUTE")
    free_requests_per_minute: int = Field(20, ge=0, alias="HEADGATE_FREE_REQUESTS_PER_MINUTE")
    free_requests_per_day: int = Field(50, ge=0, alias="HEADGATE_FREE_REQUESTS_PER_DAY")
    free_requests_per_day_of_buyers: int = Field(
        1_000, ge=0, alias="HEADGATE_FREE_REQUESTS_PER_DAY_OF_BUYERS"
    )
    failed_keys_per_minute: int = Field(300, ge=0, alias="HEADGATE_FAILED_KEYS_PER_MINUTE")
    first_token_seconds: float = Field(120, gt=0, alias="HEADGATE_FIRST_TOKEN_SECONDS")
    stream_silence_seconds: float = Field(120, gt=0, alias="HEADGATE_STREAM_SILENCE_SECONDS")
    answer_seconds: float = Field(600, gt=0, alias="HEADGATE_ANSWER_SECONDS")
    segment_bytes: int = Field(16 * 1024 * 1024, ge=1 << 20, alias="HEADGATE_JOURNAL_SEGMENT_BYTES")
    outbound_allow: str = Field("", alias="HEADGATE_OUTBOUND_ALLOW")
    email_url: str = Field("", alias="HEADGATE_EMAIL_URL")
    email_from: str = Field("headgate@localhost", alias="HEADGATE_EMAIL_FROM")
    stripe_secret_key: str = Field("", alias="HEADGATE_STRIPE_SECRET_KEY")
    stripe_webhook_secret: str = Field("", alias="HEADGATE_STRIPE_WEBHOOK_SECRET")
    stripe_url: str = Field("https://api.stripe.com", alias="HEADGATE_STRIPE_URL")
    purchase_min_usd: int = Field(5, gt=0, alias="HEADGATE_PURCHASE_MIN_USD")
    purchase_max_usd: int = Field(10_000, gt=0, le=999_999, alias="HEADGATE_PURCHASE_MAX_USD")
    invoice_issuer: str = Field("", alias="HEADGATE_INVOICE_ISSUER")
    byok_fee_percent: Decimal = Field(
        Decimal(5), ge=0, le=100, decimal_places=4, alias="HEADGATE_BYOK_FEE_PERCENT"
    )
    byok_free_monthly_usd: Decimal = Field(
        Decimal(25_000), ge=0, le=1_000_000_000, decimal_places=9, alias="HEADGATE_BYOK_FREE_MONTHLY_USD"
    )
    google_token_url: str = Field("https://oauth2.googleapis.com/token", alias="HEADGATE_GOOGLE_TOKEN_URL")
    region_hosts: str = Field("", alias="HEADGATE_REGION_HOSTS")
    response_cache_mb: int = Field(256, ge=0, le=1 << 20, alias="HEADGATE_RESPONSE_CACHE_MB")
    delivery_most_pending: int = Field(100_000, ge=1, alias="HEADGATE_DELIVERY_MOST_PENDING")
    delivery_retention_hours: int = Field(72, ge=1, le=24 * 30, alias="HEADGATE_DELIVERY_RETENTION_HOURS")
    region: str = Field("", alias="HEADGATE_REGION", max_length=100)

    @property
    def journal_folder(self) -> Path:
        """Where this host's gateways keep their journals; must be a persistent local disk."""
        return self.journal_dir or self.data_dir / "journal"

    @property
    def regions_by_host(self) -> dict[str, str]:
        """The data region of each host name that requests may be sent to; every other is in `global`.

        Raises ValueError for what is not `host=region`, comma-separated.
        """
        pairs = [pair.partition("=") for pair in self.region_hosts.split(",") if pair.strip()]
        regions = {host.strip().lower(): region.strip() for host, _, region in pairs}
        if not all(host and region in DATA_REGIONS for host, region in regions.items()):
            raise ValueError(
                f"must be host=region, separated by commas; regions are {', '.join(DATA_REGIONS)}"
            )
        return regions

    @property
    def takes_payments(self) -> bool:
        """Whether credits can be bought through Stripe here."""
        return bool(self.stripe_secret_key and self.stripe_webhook_secret)

    @property
    def byok_fee(self) -> ByokFee:
        """What requests with one's own provider keys cost here."""
        return ByokFee.of(percent=self.byok_fee_percent, free_monthly_usd=self.byok_free_monthly_usd)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The environment as it was when the process first asked."""
    return Environment()
