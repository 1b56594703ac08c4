"""A run that is an object of the store, as a source of prefixes."""

from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .runs import OpenRun, Prefixes, RunFile


class RunKeeper(Protocol):
    """What gives a run."""

    def run(self, name: str) -> AbstractContextManager[OpenRun]:
        """The run, at hand as long as the block lasts."""


class StoredRun:
    """The run `name` of `storage`; any thread may ask it.

    It is fetched whole, and compared with its digest, however few prefixes are asked: that no code
    is issued twice is not to rest on bytes which the store alone vouches for.
    """

    def __init__(self, storage: RunKeeper, name: str) -> None:
        self._storage, self._name = storage, name

    def among(self, ascending: Prefixes) -> npt.NDArray[np.bool_]:
        """For each of `ascending`: whether the run has the prefix. As `RunFile.among`."""
        with self._storage.run(self._name) as run:
            return RunFile(run).among(ascending)
