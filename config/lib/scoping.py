"""Fail-closed tenancy: a queryset without a named scope raises, and row-level security agrees with it.

Two locks. The first is Python: `objects` of every tenant-owned model is a ScopedQuerySet that refuses to be
evaluated until somebody has said whose rows are meant. The second is PostgreSQL: each transaction names its
organizations in `app.organizations`, and the policies of `config.lib.database` hide all other rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar

from django.db import connections, models, transaction

RLS_ALIAS = "default"

_tenant: ContextVar[frozenset[int] | None] = ContextVar("headgate_tenant", default=None)
_unscoped_reason: ContextVar[str | None] = ContextVar("headgate_unscoped", default=None)

M = TypeVar("M", bound=models.Model, covariant=True)


class MissingScope(RuntimeError):
    """A tenant-owned queryset was evaluated although nobody said whose rows are meant."""


def current_organization_ids() -> frozenset[int] | None:
    """The organizations of the ambient tenant, or None when there is none."""
    return _tenant.get()


def _set_local(name: str, value: str, using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def _tell_database(ids: frozenset[int] | None, using: str) -> None:
    _set_local("app.organizations", ",".join(map(str, sorted(ids or ()))), using)


@contextmanager
def tenant(*organization_ids: int, using: str = RLS_ALIAS) -> Iterator[None]:
    """Run the block in a transaction that sees these organizations' rows and nothing else."""
    ids = frozenset(organization_ids)
    previous = _tenant.get()
    with transaction.atomic(using=using):
        _tell_database(ids, using)
        token = _tenant.set(ids)
        try:
            yield
        finally:
            _tenant.reset(token)
        _tell_database(previous, using)


def enter_tenant(*organization_ids: int) -> None:
    """Name the organizations of the running request; `fresh_scope` and the end of its transaction undo it."""
    ids = frozenset(organization_ids)
    _tell_database(ids, RLS_ALIAS)
    _tenant.set(ids)


def enter_unscoped(*, reason: str) -> None:
    """Let the running request see every organization's rows (platform staff); undone as `enter_tenant` is."""
    if not reason:
        raise MissingScope("unscoped access needs a reason")
    _set_local("app.unscoped", "on", RLS_ALIAS)
    _unscoped_reason.set(reason)


@contextmanager
def fresh_scope() -> Iterator[None]:
    """Start with no scope at all, whatever the thread did before, and leave none behind."""
    tenant_token, reason_token = _tenant.set(None), _unscoped_reason.set(None)
    try:
        yield
    finally:
        _tenant.reset(tenant_token)
        _unscoped_reason.reset(reason_token)


@contextmanager
def unscoped(*, reason: str, using: str = RLS_ALIAS) -> Iterator[None]:
    """Run the block in a transaction that sees every organization's rows. The reason is for the reviewer."""
    if not reason:
        raise MissingScope("unscoped access needs a reason")
    if _unscoped_reason.get() and connections[using].in_atomic_block:
        yield
        return
    with transaction.atomic(using=using):
        _set_local("app.unscoped", "on", using)
        token = _unscoped_reason.set(reason)
        try:
            yield
        finally:
            _unscoped_reason.reset(token)
        _set_local("app.unscoped", "off", using)


class ScopedQuerySet(models.QuerySet[M]):
    """A queryset that must be told whose rows are meant before it reaches the database."""

    organization_lookup = "organization_id"
    workspace_lookup = "workspace_id"
    membership_path = "organization__memberships"
    _scope: str | None = None

    def for_organization(self, organization: models.Model | int) -> Self:
        """Rows of one organization (the object or its id)."""
        pk = organization if isinstance(organization, int) else organization.pk
        return self._with_scope("organization").filter(**{self.organization_lookup: pk})

    def for_workspace(self, workspace: models.Model | int) -> Self:
        """Rows of one workspace (the object or its id)."""
        pk = workspace if isinstance(workspace, int) else workspace.pk
        return self._with_scope("workspace").filter(**{self.workspace_lookup: pk})

    def for_user(self, user: models.Model) -> Self:
        """Rows of the organizations that the user is a live member of."""
        path = self.membership_path
        return self._with_scope("user").filter(**{f"{path}__user_id": user.pk, f"{path}__removed_at": None})

    def unscoped(self, *, reason: str) -> Self:
        """Rows of every organization; greppable, and the reason must convince a reviewer."""
        if not reason:
            raise MissingScope("unscoped access needs a reason")
        return self._with_scope(f"unscoped: {reason}")

    def _with_scope(self, scope: str) -> Self:
        clone = self.all()
        clone._scope = scope
        return clone

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # private in the stubs
        clone._scope = self._scope
        return clone

    @property
    def _is_unscoped(self) -> bool:
        return self._scope is not None and self._scope.startswith("unscoped")

    def _scoped(self) -> Self:
        """Return a queryset that may be evaluated, or raise MissingScope."""
        if self._scope is not None or _unscoped_reason.get():
            return self
        ids = _tenant.get()
        if ids is None or self.db != RLS_ALIAS:
            raise MissingScope(
                f"{self.model.__name__}: say whose rows are meant with for_organization, for_workspace, "
                "for_user or unscoped(reason=…), or work inside tenant(…)"
            )
        narrowed = self._with_scope("tenant")
        if narrowed.query.is_sliced or narrowed.query.combinator:
            return narrowed  # row-level security alone narrows what can no longer be filtered
        return narrowed.filter(**{f"{self.organization_lookup}__in": ids})

    @contextmanager
    def _database_scope(self) -> Iterator[None]:
        if self._is_unscoped and self.db == RLS_ALIAS:
            with unscoped(reason=self._scope or ""):
                yield
        else:
            yield

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            scoped = self._scoped()
            if scoped is not self:
                # Not `query`: assigning that resets a values_list() to values().
                self._query, self._scope = scoped.query, scoped._scope
        with self._database_scope():
            super()._fetch_all()

    def iterator(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """As Django's, within an explicit scope or the ambient tenant (unscoped rows: inside `unscoped()`)."""
        if self._is_unscoped and self.db == RLS_ALIAS and not _unscoped_reason.get():
            raise MissingScope("iterate over unscoped rows inside `with unscoped(reason=…)`")
        return super(ScopedQuerySet, self._scoped()).iterator(*args, **kwargs)

    def count(self) -> int:
        with self._database_scope():
            return super(ScopedQuerySet, self._scoped()).count()

    def exists(self) -> bool:
        with self._database_scope():
            return super(ScopedQuerySet, self._scoped()).exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        with self._database_scope():
            return super(ScopedQuerySet, self._scoped()).aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        with self._database_scope():
            return super(ScopedQuerySet, self._scoped()).update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        with self._database_scope():
            return super(ScopedQuerySet, self._scoped()).delete()

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """A subquery needs a scope as well."""
        return super(ScopedQuerySet, self._scoped()).resolve_expression(*args, **kwargs)


class TenantModel(models.Model):
    """Base of everything an organization owns.

    `objects` needs a scope; a model with verbs of its own declares `objects = ItsQuerySet.as_manager()`.
    `everything` exists for Django's own machinery (following a foreign key, saving, refreshing) and is guarded by
    row-level security alone: never call it from our code.
    """

    objects = ScopedQuerySet.as_manager()
    everything = models.Manager()

    class Meta:
        abstract = True
        # By name: an overriding `objects` is younger than `everything`, which would else become the default.
        default_manager_name = "objects"
        base_manager_name = "everything"
