"""Who sends what they may not while a line works: all of it must be refused, with no effect."""

import http.client
import json
import os
import queue
import threading
from datetime import timedelta

import httpx2
from patience import PATIENCE

from mintmark.activation.backend.problems import PREFIX
from mintmark.activation.client.signing import RequestSigner
from mintmark.codegen.invocation import utc_now

HOUR = timedelta(hours=1)
WIDTH = 16  # bytes of a fingerprint


class Intruder:
    """After what passed between a line and its backend, sometimes a request of its own.

    `line` is the key of the line itself, stolen or misused; `guest` a key that may do
    nothing but freeze, and upload nothing. `tried` counts the attempts by name,
    `wrong` names those that were answered otherwise than they must be.
    """

    def __init__(self, batch, line, guest, dice, *, packaged, quantity):
        self._batch, self._line, self._guest, self._dice = batch, line, guest, dice
        self._packaged, self._quantity = packaged, quantity
        self._passed = queue.SimpleQueue()
        self._number = 0
        self.tried, self.wrong = {}, []

    def over(self, proxy):
        """Beside `proxy`, straight to its backend; a context manager."""
        self._proxy, proxy.passed = proxy, self._passed.put
        return self

    def __enter__(self):
        self._http = httpx2.Client(base_url=self._proxy.target, trust_env=False, timeout=PATIENCE)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._passed.put(None)
        self._thread.join()
        self._http.close()

    def _run(self):
        known = False
        while (passed := self._passed.get()) is not None:
            request, status = passed
            # From its first order on, the batch is registered.
            ours = self._batch.encode() in request.body and request.path.startswith("/v1/orders/")
            known |= ours and status == 200
            if known and self._dice.random() < 0.8:
                name = self._dice.choice(sorted(ATTEMPTS))
                try:
                    found, wanted = ATTEMPTS[name](self, passed)
                except (OSError, http.client.HTTPException, httpx2.HTTPError, LookupError):
                    continue  # the backend is down at this moment, or nothing is held yet
                self.tried[name] = self.tried.get(name, 0) + 1
                if found not in wanted:
                    self.wrong.append((name, found))

    def _send(self, method, path, body, key, *, shift=timedelta(0), change=None):
        """Status and the problem's name of a request signed with `key`."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"Content-Type": kind}
        request = self._http.build_request(method, path, content=content, headers=headers)
        if key is not None:
            RequestSigner(lambda _: key, lambda: utc_now() + shift, os.urandom)(
                request, content, None
            )
        if change is not None:
            headers = {**request.headers, "content-length": str(len(change))}
            request = self._http.build_request(method, path, content=change, headers=headers)
        answer = self._http.send(request)
        return answer.status_code, answer.json().get("type", "").removeprefix(PREFIX)

    def _order(self, key, action="activate", first=1, last=None, **more):
        """An order under an id of its own, sent as `more` says."""
        self._number += 1
        sent = {name: more.pop(name) for name in ("shift", "change") if name in more}
        serials = [[first, last or self._packaged]]
        body = {"batch": self._batch, "action": action, "serials": serials, **more}
        return self._send("PUT", f"/v1/orders/intruder-{self._number}", body, key, **sent)

    def _upload(self, key, first, data):
        return self._send("PUT", f"/v1/batches/{self._batch}/fingerprints/{first}", data, key)

    def _held(self):
        """A serial whose fingerprint is held. Raises IndexError if none is."""
        path = f"/v1/batches/{self._batch}?digests=true"
        request = self._http.build_request("GET", path)
        RequestSigner(lambda _: self._line, utc_now, os.urandom)(request, b"", None)
        ranges = self._http.send(request).raise_for_status().json()["ranges"]
        full = [
            (first, last)
            for piece in ranges
            for first, last in [piece["serials"]]
            if piece["held"] == last - first + 1
        ]
        return self._dice.randint(*self._dice.choice(full))

    # --- what it tries: what it was answered, and what it may be ----------------------

    def unsigned(self, _):
        return self._order(None), STRANGER

    def forged(self, _):
        own = self._guest
        return self._order(type(own)(self._line.key_id, own.private)), STRANGER

    def tampered(self, _):
        other = {"batch": self._batch, "action": "void", "serials": [[1, 200]], "count": 200}
        return self._order(self._line, change=json.dumps(other).encode()), STRANGER

    def expired(self, _):
        return self._order(self._line, shift=-HOUR), STRANGER

    def of_tomorrow(self, _):
        return self._order(self._line, shift=HOUR), STRANGER

    def replayed(self, passed):
        request, status = passed
        found, _, body = self._proxy.forward(request)
        # If the first was itself refused for its signature, or failed, nothing is proved.
        name = json.loads(body).get("type", "").removeprefix(PREFIX) if found != 204 else ""
        return (found, name), STRANGER if status not in (401, 500, 503) else {(found, name)}

    def order_beyond_its_rights(self, _):
        return self._order(self._guest), {(403, "forbidden")}

    def upload_beyond_its_rights(self, _):
        return self._upload(self._guest, 1, os.urandom(WIDTH)), {(403, "forbidden")}

    def half_without_fingerprints(self, _):
        answer = self._order(self._line, first=self._packaged - 50, last=self._quantity)
        return answer, {(409, "fingerprints-missing"), (409, "blocked")}

    def half_in_the_wrong_state(self, _):
        """The codes that were never packaged are inactive: there is nothing to revoke."""
        answer = self._order(self._line, "revoke", last=self._quantity)
        return answer, {(409, "blocked")}

    def another_count(self, _):
        answer = self._order(self._line, "void", count=10_000, reason="misprint")
        return answer, {(409, "count-differs"), (409, "blocked")}

    def of_the_wrong_length(self, _):
        return self._upload(self._line, 1, os.urandom(3 * WIDTH + 5)), {(422, "invalid")}

    def past_the_end(self, _):
        data = os.urandom(3 * WIDTH)
        return self._upload(self._line, self._quantity - 1, data), {(409, "outside")}

    def other_bytes_for_a_held_serial(self, _):
        data = os.urandom(WIDTH)
        return self._upload(self._line, self._held(), data), {(409, "fingerprints-differ")}


STRANGER = {(401, "unauthorised")}
ATTEMPTS = {
    name: method
    for name, method in vars(Intruder).items()
    if not name.startswith("_") and name != "over"
}
