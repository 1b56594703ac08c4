"""A run that is an object of the store, as a source of prefixes."""

from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .distant_run import DistantRun
from .runs import OpenRun, Prefixes, RunFile


class RunKeeper(Protocol):
    """What gives a run: at hand, or in the store where little of it is asked."""

    def far(self, name: str, asked: int) -> DistantRun | None:
        """The run in the store, if `asked` prefixes are better looked up there."""

    def run(self, name: str) -> AbstractContextManager[OpenRun]:
        """The run, at hand as long as the block lasts."""


class StoredRun:
    """The run `name` of `storage`; any thread may ask it."""

    def __init__(self, storage: RunKeeper, name: str) -> None:
        self._storage, self._name = storage, name

    def among(self, ascending: Prefixes) -> npt.NDArray[np.bool_]:
        """For each of `ascending`: whether the run has the prefix. As `RunFile.among`."""
        distant = self._storage.far(self._name, len(ascending))
        if distant is not None:
            found = np.zeros(len(ascending), np.bool_)
            found[[at for _, at in distant.look_up(ascending)]] = True
            return found
        with self._storage.run(self._name) as run:
            return RunFile(run).among(ascending)
