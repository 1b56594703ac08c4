"""Exports that die at a fault point, each in a process of its own. Run as a script.

`reissue_child.py JOBS`: JSON, a list of [folder, type, fields, point], type and fields of an
export; in the folder lie `home`, `custodian.key`, `pass.txt`. The last line of stdout is the
list of their exit codes.
"""

import json
import multiprocessing
import os
import sys
from pathlib import Path

from mintmark.codegen.invocation import Invocation
from mintmark.codegen.station.station import Station
from mintmark.packaging import export_types
from mintmark.packaging.export import export

DIED = 9


def die(folder, kind, fields, point):
    def failpoint(reached):
        if reached == point:
            os._exit(DIED)

    class Dying(Invocation):
        def station(self):
            return Station(
                self.home, operator="child", now=self.now, entropy=self.entropy, failpoint=failpoint
            )

    folder = Path(folder)
    export(
        Dying(home=folder / "home"),
        getattr(export_types, kind)(**fields),
        export_types.Handoff(
            folder / "again", folder / "again.txt", folder / "custodian.key", folder / "pass.txt"
        ),
    )


def main(jobs):
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    codes = []
    for job in jobs:
        process = context.Process(target=die, args=job)
        process.start()
        process.join()
        codes.append(process.exitcode)
    print(json.dumps(codes))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
