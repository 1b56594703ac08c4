"""What xdist gives a worker at a time: most files whole, a few in parts and before all others.

xdist's own scheduler gives single tests. Then each worker makes each module's fixtures, and the
scheduler, which goes through everything it ever gave away after each test, is busy itself.
"""

from xdist.scheduler import LoadGroupScheduling

# What would keep one worker busy when the others have no more to do.
LONG = (
    "tests/activation/conformance/",
    "tests/activation/delivery/test_faults.py",
    "tests/activation/delivery/test_packing_faults.py",
    "tests/codegen/test_mint_at_scale.py",
    "tests/packaging/test_every_profile.py",
    "tests/test_cartons.py",
    "tests/test_contract.py",
    "tests/test_playbook.py",
    "tests/torture/",
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
        """Give away what is long first, groups as well: at the end short units shall be left."""
        first = self.collection is None
        super().schedule()
        if first:
            for file in [name for name in self.workqueue if name.endswith(".py")]:
                self.workqueue.move_to_end(file)
