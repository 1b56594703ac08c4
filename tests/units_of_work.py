"""What xdist gives a worker at a time: most files whole, a few in parts and before all others.

xdist's own scheduler gives single tests. Then each worker makes each module's fixtures, and the
scheduler, which goes through everything it ever gave away after each test, is busy itself.
"""

from xdist.scheduler import LoadGroupScheduling

# Files that would keep one worker busy when the other has no more to do.
LONG = (
    "tests/torture/",
    "tests/test_contract.py",
    "tests/packaging/test_every_profile.py",
    "tests/activation/conformance/",
)


def unit(nodeid):
    """The name of the unit that a test belongs to; the contract's rows are parted by command."""
    if nodeid.startswith(LONG):
        return nodeid.partition(": ")[0]
    return nodeid.partition("::")[0]


class UnitsOfWork(LoadGroupScheduling):
    """Whole files, except that groups (`xdist_group`) stay together and long files are parted."""

    def _split_scope(self, nodeid):
        group = super()._split_scope(nodeid)
        return unit(nodeid) if group == nodeid else group

    def schedule(self):
        """Give away what is long first: at the end only short units shall be left."""
        first = self.collection is None
        super().schedule()
        if first:
            for name in [n for n in self.workqueue if not n.startswith(LONG)]:
                self.workqueue.move_to_end(name)
