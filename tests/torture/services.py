"""Processes of a brand's stations that go on until they are ended, through all weathers."""

import json
import threading
import time

from line_kit import ended, terminate
from patience import PATIENCE
from torture.scale import dice
from torture.shift import FINE, QUEUED

ANSWERS = {FINE, 2, 3, 4, 6, QUEUED}


class Service(threading.Thread):
    """A process that goes on, and who looks after it; what went wrong is `failed`."""

    def __init__(self, brand, name, *words):
        super().__init__(daemon=True)
        self.site, self.over, self.failed = brand.sites[name], threading.Event(), None
        self.words, self.dice = words, dice("service", *words)
        self.process = self.site.start(*words, byte_code=brand.byte_code)

    def run(self):
        try:
            while not self.over.wait(self.dice.uniform(0.2, 1.0)):
                assert self.process.poll() is None, (self.words, ended(self.process))
                self.turn()
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.failed = error

    def turn(self):
        """What is done with it from time to time."""

    def end(self):
        """End it, and look at what it said."""
        self.over.set()
        self.join()
        try:
            if self.failed is None:
                self.judge(*self.bid())
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.failed = error
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.communicate()

    def bid(self):
        """Bid it end."""
        return terminate(self.process)

    def judge(self, code, out, err):
        """It ended well, and no bug showed."""
        assert code in (FINE, QUEUED), (self.words, code, out, err)
        assert "Traceback" not in out + err, err
        self.site.said.append(out + err)


class Watched(Service):
    """A hot folder: files of orders appear, and are taken."""

    def __init__(self, brand, name, told):
        self.told, self.number = told, 0
        self.folder = brand.sites[name].root / "hot"
        self.folder.mkdir()
        super().__init__(brand, name, "orders", "watch", "hot")

    def turn(self):
        if list(self.folder.glob("*.csv")):
            return
        self.number += 1
        batch, packaged = self.dice.choice(self.told.batches)
        rows = [
            f"activate,{batch},{self.dice.randint(1, packaged)},hot-{self.number}-{row},line-4\n"
            for row in range(3)
        ]
        path = self.folder / f"{self.number}.part"
        path.write_text("action,batch,serials,order,line\n" + "".join(rows), "ascii")
        path.rename(path.with_suffix(".csv"))

    def bid(self):
        """Once the folder is empty, which it must be some time."""
        until = time.monotonic() + PATIENCE
        while list(self.folder.glob("*.csv")):
            assert time.monotonic() < until, list(self.folder.rglob("*"))
            assert self.process.poll() is None, (self.words, ended(self.process))
            time.sleep(0.05)
        return super().bid()


class Stream(Service):
    """A line's gateway, which asks and waits for its answer."""

    def __init__(self, brand, name, told):
        self.told, self.number = told, 0
        super().__init__(brand, name, "line", "run", "--require-order")

    def turn(self):
        self.number += 1
        batch, packaged = self.dice.choice(self.told.batches)
        order = f"stream-{self.number}"
        asked = {"action": "activate", "batch": batch, "order": order, "line": "line-1"}
        asked["serials"] = str(self.dice.randint(1, packaged))
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline()
        assert said, (self.words, ended(self.process))
        answer = json.loads(said)
        assert answer.get("exit", FINE) in ANSWERS, answer
        with self.told.lock:
            self.told.orders[order] = answer.get("exit", FINE)

    def bid(self):
        """It ends with its stdin."""
        return ended(self.process)
