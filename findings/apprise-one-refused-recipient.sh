#!/bin/sh
# apprise calls a mail to two people a failure if one address is refused, though the other has it.
#
# Versions: apprise 2.3.0, aiosmtpd 1.4.6, Python 3.11.
# Behaviour: notify() of a mailto:// URL with two recipients returns False where the server refuses
#   one of them; the other has the mail. Sent again because of that False, it has the mail again.
# Why: a mail is handed over once for each recipient, and any refusal makes the whole a failure; what
#   was delivered is remembered for the retries within one call (?retry=), not for the next call.
# Why a good guess is wrong: "False means nobody has it, so try again later" is how alarms are made
#   safe. One mistyped address then repeats every message to everybody else, for ever.
# Seen: "first: False, boss has 1; again: False, boss has 2, gone has 0"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check apprise==2.3.0 aiosmtpd==1.4.6
cd "$folder"
env/bin/python - <<'PYTHON'
import collections
import socket

import apprise
from aiosmtpd.controller import Controller

boxes = collections.Counter()


class Server:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        boxes.update(envelope.rcpt_tos)
        return "250 ok"


with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
controller = Controller(Server(), hostname="127.0.0.1", port=port)
controller.start()
url = f"mailto://127.0.0.1:{port}?from=a@example.com&to=boss@example.com,gone@example.com"
alarm = apprise.Apprise()
alarm.add(url)
first = bool(alarm.notify("text"))
has = boxes["boss@example.com"]
again = bool(alarm.notify("text"))
controller.stop()
seen = (
    f"first: {first}, boss has {has}; again: {again}, "
    f"boss has {boxes['boss@example.com']}, gone has {boxes['gone@example.com']}"
)
print(seen)
assert seen == "first: False, boss has 1; again: False, boss has 2, gone has 0", "this has changed"
PYTHON
