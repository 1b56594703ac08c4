"""Channels have as long as a busy machine takes; a test that wants an end names its seconds."""

import pytest
from patience import PATIENCE

from mintmark.activation.monitor import deadline


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    monkeypatch.setattr(deadline, "SECONDS", PATIENCE)
    monkeypatch.setattr(deadline, "READ_SECONDS", PATIENCE)
