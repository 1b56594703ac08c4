"""What `orders watch` tells when it is stopped."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...codegen.result import Result


@dataclass(frozen=True)
class Watched(Result):
    """A hot folder that is watched no more."""

    files: int
    failed: int
    orders: int

    def lines(self) -> Iterator[str]:
        """The counts."""
        yield f"stopped: {self.files} files, {self.orders} orders; {self.failed} files malformed"
