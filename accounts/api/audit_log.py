"""GET /audit-log."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.log_shapes import LINES, Asked, LineShape, LogQuery
from accounts.api.schema import errors
from accounts.api.views import ManagementView
from accounts.audit_log import count, log_page
from accounts.permissions import Permission


class AuditLogView(ManagementView):
    """Changes of settings and events, newest first, as an administrator reads them."""

    permission = Permission.ACCOUNT_MANAGE

    @extend_schema(
        operation_id="listAuditLog",
        tags=["Audit"],
        parameters=[LogQuery],
        responses={200: LINES, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request) -> Response:
        asked = Asked(request, self.organization_id, LogQuery)
        page = log_page(self.organization_id, asked.filter, before=asked.before, size=asked.size)
        return Response(
            {
                "data": LineShape(page.rows, many=True, context={"places": asked.places}).data,
                "total_count": count(self.organization_id, asked.filter),
                "next_before": page.next_cursor,
            }
        )
