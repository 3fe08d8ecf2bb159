"""The data folder of a stack."""

from __future__ import annotations

import base64
import os
import stat

import pytest

from config.lib.crypto import KeyRing
from config.stack.folder import DataFolder, FolderInUseError
from config.stack.ports import PortInUseError, free_port, reserved_port


@pytest.fixture
def folder(tmp_path):
    made = DataFolder(tmp_path / "var")
    made.make()
    return made


class TestHoldingAFolder:
    def test_is_refused_to_a_second_one_naming_the_first(self, folder):
        with folder.lock(), pytest.raises(FolderInUseError, match=f"in use by process {os.getpid()}"):
            folder.lock().__enter__()

    def test_is_possible_again_afterwards(self, folder):
        with folder.lock():
            pass

        with folder.lock() as descriptor:
            assert descriptor > 0

    def test_decides_whether_the_record_of_what_runs_is_true(self, folder):
        folder.write_record({"pid": os.getpid()})

        without_holder = folder.read_record()
        with folder.lock():
            with_holder = folder.read_record()

        assert without_holder is None
        assert with_holder == {"pid": os.getpid()}


class TestSecrets:
    def test_are_made_once(self, folder):
        assert folder.secrets() == folder.secrets()

    def test_differ_from_one_installation_to_the_next(self, folder, tmp_path):
        other = DataFolder(tmp_path / "other")
        other.make()

        assert not set(folder.secrets().values()) & set(other.secrets().values())

    def test_can_be_read_by_nobody_else(self, folder):
        folder.secrets()

        assert stat.S_IMODE((folder.path / "secrets.env").stat().st_mode) == 0o600

    def test_are_what_the_settings_ask_for(self, folder):
        secrets = folder.secrets()

        assert len(secrets["HEADGATE_SECRET_KEY"]) >= 50
        assert len(base64.b64decode(secrets["HEADGATE_SEALING_KEYS"].partition(":")[2])) == 32
        KeyRing.parse(secrets["HEADGATE_SEALING_KEYS"])


class TestAPort:
    def test_in_use_is_refused_by_its_number(self):
        with reserved_port(0) as port, pytest.raises(PortInUseError, match=f"port {port} on 127.0.0.1 is in"):
            reserved_port(port).__enter__()

    def test_that_is_preferred_is_kept_while_it_is_free(self):
        with reserved_port(0) as taken:
            other = free_port(taken)

        assert other != taken
        assert free_port(taken) == taken
