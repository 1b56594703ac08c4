"""What the tests of the kit share."""

import pytest

from mintmark.activation.conformance import trial
from mintmark.activation.conformance.sequence import stage


@pytest.fixture(autouse=True, scope="module")
def one_worker():
    """Without the wait until a backend's other workers know a batch: there are none."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (trial, stage):
            patch.setattr(module, "SEEN_SECONDS", 0.0)
        yield
