import pytest
from ledger_kit import create
from ledger_places import PLACES


@pytest.fixture(scope="module", params=PLACES)
def shelf(request):
    """Where ledgers lie: a file, a database."""
    return PLACES[request.param]


@pytest.fixture(scope="module")
def empty(shelf, tmp_path_factory):
    """A ledger that was founded, as the shelf keeps it."""
    place = shelf.new(tmp_path_factory.mktemp("founded"))
    create(place).close()
    return shelf.keep(place)
