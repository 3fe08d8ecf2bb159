"""Number everyone whose spend is counted: one bigint names a subject of any kind (spec/money.md §1)."""

from enum import IntEnum

KIND_BITS = 3
MEMBER_BITS = 30
LARGEST_ID = (1 << 60) - 1
LARGEST_PAIRED_ID = (1 << MEMBER_BITS) - 1


class SubjectKind(IntEnum):
    """Who a subject is; the low three bits of its number."""

    ORGANIZATION = 0
    WORKSPACE = 1
    API_KEY = 2
    MEMBER = 3
    WORKSPACE_MEMBER = 4


def organization_subject(organization_id: int) -> int:
    """Return the subject that an organization's credits are counted on."""
    return _number(organization_id, SubjectKind.ORGANIZATION)


def workspace_subject(workspace_id: int) -> int:
    """Return the subject of everything spent in a workspace."""
    return _number(workspace_id, SubjectKind.WORKSPACE)


def api_key_subject(api_key_id: int) -> int:
    """Return the subject of everything spent with a key."""
    return _number(api_key_id, SubjectKind.API_KEY)


def member_subject(membership_id: int) -> int:
    """Return the subject of a member's spend in all workspaces of the organization."""
    return _number(membership_id, SubjectKind.MEMBER)


def workspace_member_subject(workspace_id: int, membership_id: int) -> int:
    """Return the subject of a member's spend in one workspace; both ids must be below 2**30."""
    for part in (workspace_id, membership_id):
        if not 0 <= part <= LARGEST_PAIRED_ID:
            raise ValueError(f"{part} does not fit into {MEMBER_BITS} bits of a subject")
    return _number((workspace_id << MEMBER_BITS) | membership_id, SubjectKind.WORKSPACE_MEMBER)


def kind_of(subject: int) -> SubjectKind:
    """Return what kind of subject a number names; ValueError for a number that names none."""
    if subject < 0:
        raise ValueError(f"{subject} is no subject")
    return SubjectKind(subject & ((1 << KIND_BITS) - 1))


def _number(identity: int, kind: SubjectKind) -> int:
    if not 0 <= identity <= LARGEST_ID:
        raise ValueError(f"{identity} does not fit into a subject")
    return (identity << KIND_BITS) | kind
