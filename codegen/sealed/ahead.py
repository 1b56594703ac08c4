"""Reading several pieces of an object while the one before is used: a store is far away.

At most `DEPTH` pieces are in memory besides the one that was handed out.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

DEPTH = 4
Span = tuple[int, int]  # (offset, bytes)


def in_turn(read: Callable[[int, int], bytes], spans: Iterable[Span]) -> Iterator[bytes]:
    """The bytes of each of `spans`, in order, read ahead of their use.

    Raises what `read` raises, for the first piece that fails; the others are forgotten.
    """
    waiting_for = iter(spans)
    first = list(islice(waiting_for, 2))
    if len(first) < 2:
        yield from (read(*span) for span in first)
        return
    with ThreadPoolExecutor(DEPTH) as pool:
        waiting: deque[Future[bytes]] = deque(pool.submit(read, *span) for span in first)
        try:
            waiting.extend(pool.submit(read, *span) for span in islice(waiting_for, DEPTH - 2))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(read, *span) for span in islice(waiting_for, 1))
        finally:
            for reading in waiting:
                reading.cancel()
