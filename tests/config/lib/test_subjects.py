"""Subjects: one number for everyone whose spend is counted (spec/money.md §1)."""

from __future__ import annotations

from itertools import product

import pytest

from config.lib.subjects import (
    SubjectKind,
    api_key_subject,
    kind_of,
    member_subject,
    organization_subject,
    workspace_member_subject,
    workspace_subject,
)

LARGEST_BIGINT = 2**63 - 1


class TestASubject:
    def test_says_what_it_is(self):
        subjects = [
            organization_subject(7),
            workspace_subject(7),
            api_key_subject(7),
            member_subject(7),
            workspace_member_subject(7, 7),
        ]

        assert [kind_of(subject) for subject in subjects] == list(SubjectKind)

    def test_is_its_id_above_three_bits_of_kind(self):
        assert organization_subject(5) == 40
        assert workspace_subject(5) == 41
        assert api_key_subject(5) == 42
        assert member_subject(5) == 43
        assert workspace_member_subject(1, 2) == ((1 << 30 | 2) << 3) | 4

    def test_is_nobody_elses(self):
        ids = range(1, 30)

        members = {workspace_member_subject(*pair) for pair in product(ids, ids)}
        others = {
            make(each)
            for make in (organization_subject, workspace_subject, api_key_subject, member_subject)
            for each in ids
        }

        assert len(members | others) == 29 * 29 + 4 * 29

    def test_fits_into_a_bigint(self):
        assert workspace_member_subject(2**30 - 1, 2**30 - 1) <= LARGEST_BIGINT
        assert api_key_subject(2**60 - 1) <= LARGEST_BIGINT

    @pytest.mark.parametrize("pair", [(2**30, 1), (1, 2**30), (-1, 1), (1, -1)])
    def test_of_a_member_needs_ids_below_two_to_the_thirty(self, pair):
        with pytest.raises(ValueError, match="does not fit"):
            workspace_member_subject(*pair)

    @pytest.mark.parametrize("identity", [-1, 2**60])
    def test_refuses_an_id_that_does_not_fit(self, identity):
        with pytest.raises(ValueError, match="does not fit"):
            organization_subject(identity)

    @pytest.mark.parametrize("number", [-8, 5, 14, 7])
    def test_is_not_any_number(self, number):
        with pytest.raises(ValueError, match=r"subject|valid"):
            kind_of(number)
