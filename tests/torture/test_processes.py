"""Eight processes on one home, and a scan backend of its own: two minutes of it in full."""

import threading
import time

import pytest
from contract_process import start
from torture.plant import Plant, template
from torture.runner import POSIX, Runner
from torture.scale import PART, dice

pytestmark = pytest.mark.skipif(not POSIX, reason="the runner forks")
PROCESSES, SECONDS, AT_LEAST = 8, 120, 4
KEY = "--passphrase-file pass.txt"
# {n} is a number that no other command gets, {few} one of the first codes.
LINES = (
    "mint --quantity 4 --ref r-{n}",
    "mint --quantity 4 --ref shared",
    f"export {{batch}} --to li --out sent --serials next:2 --password-file {{n}}.pw {KEY}",
    "activate {batch} --serials {few} --order a-{n}",
    "activate {batch} --serials 41-44 --order shared",
    "freeze {batch} --serials {few} --order f-{n}",
    "unfreeze {batch} --serials {few} --order u-{n}",
    "revoke {batch} --serials {few} --order w-{n}",
    "assign {batch} --serials {few} --set lot=L{n} --order s-{n}",
    "void {batch} --serials {few} --reason misprint --count 1 --order v-{n}",
    "package receipt {package} --printed {few}",
    "package receipt {package} --spoiled {few} --count 1",
    "orders list",
    "orders apply orders.csv",
    "batch list",
    "package list",
    "doctor",
    "doctor --repair",
    "deliver",
    "reconcile {batch}",
    "audit verify",
    "contact add c-{n} --name C",
    "key new line-{n}",
)


def work(plant, number, until, found):
    """Give commands until it is time; `found` takes their ends, and what went wrong."""
    chosen, count = dice("processes", number), 0
    try:
        while count < AT_LEAST or time.monotonic() < until:
            count += 1
            here = {"n": f"{number}-{count}", "few": str(chosen.randint(1, 40))}
            plant.facts = {**plant.facts, **here}
            found.append(plant.run(chosen.choice(LINES)).code)
    except BaseException as error:  # noqa: BLE001 - the test raises it
        found.append(error)


def test_eight_at_once(tmp_path, byte_code, figures):
    facts = template(tmp_path / "template")
    root, found, threads = tmp_path / "plant", [], []
    runners = [Runner(byte_code).__enter__() for _ in range(PROCESSES)]
    plants = [Plant(runners[0], tmp_path / "template", facts, root)]
    plants += [plants[0].beside(runner) for runner in runners[1:]]
    server = start(
        ["backend", "serve", "--data", "scan-backend", "--port", "0"],
        root,
        {**byte_code, **plants[0].env},
    )
    try:
        assert server.stderr.readline().startswith("serving ")
        until = time.monotonic() + SECONDS * PART
        for number, plant in enumerate(plants):
            threads.append(threading.Thread(target=work, args=(plant, number, until, found)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        assert not [end for end in found if isinstance(end, BaseException)], found
        after(plants[0])
    finally:
        server.terminate()
        server.communicate()
        for runner in runners:
            runner.__exit__()
    for plant in plants:
        plant.sound()
    counts = ", ".join(f"exit {code}: {found.count(code)}" for code in sorted(set(found)))
    figures(f"commands of {PROCESSES} processes on one home", len(found), counts)


def after(plant):
    """All is sent, the backend says the same, and what was given several times was done once."""
    plant.run("doctor --repair", 0)
    plant.run("deliver", 0, 6)  # 6: the backend refused one, now or before
    for row in plant.json("batch list")["batches"]:
        plant.run(f"reconcile {row['batch']}", 0)
    orders = [row["order"] for row in plant.json("orders list --limit 10000")["orders"]]
    assert len(orders) == len(set(orders))
    refs = [row["ref"] for row in plant.json("batch list")["batches"]]
    assert len(refs) == len(set(refs))
