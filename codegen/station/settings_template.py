"""The settings as `init` and `station join` write them, with a word on each that may be set."""

import json
from pathlib import Path

from .config import DEFAULT_ZONE
from .shared_places import ALONE, SharedPlaces


def template(home_id: str, custodian_key: Path | None, shared: SharedPlaces = ALONE) -> str:
    """The file of a home, in a folder of its own or in `shared` places."""
    key_line = f"key = {_quoted(str(custodian_key))}" if custodian_key else '# key = "…"'
    return f"""\
# A mintmark home. Keep copies of this folder, and none of the custodian key with them.

[home]
id = "{home_id}"
time_zone = "{DEFAULT_ZONE}"    # what a time without an offset means

[custodian]
# Where an export finds the custodian's key while it is here: bring the key, then take it away
# again. `init` wrote where it made the key; write where it is brought to, or delete the line.
{key_line}
{_shared(shared)}
[backend]
# The scan backend that range orders go to. Without one they queue.
# url = "https://scan.example.com"
# ca = "…"                     # a CA bundle besides the system's
# client_certificate = "…"     # for a backend that asks for one, with client_key
# secret_file = "…"            # hmac-sha256 with this secret instead of lines' keys, with key_id
# upload_line = "…"            # the line that fingerprints go out under, whoever ordered
# aggregations = false         # it keeps no PUT /v1/aggregations: what lies in what stays here

[sender]
# Whom the print shop calls: stands in README.txt of every package and in the handoff letter.
# name = "…"
# phone = "…"
# email = "…"

[policy]
# Whether codes are activated only once the printer's receipt says they were printed.
# receipt_before_activation = true
# Whether codes that were scanned before they were active are frozen as they become so.
# freeze_scanned_before = true

[alarms]
# What `alarms send` writes in: both (Chinese, then English), zh or en.
# language = "both"
# What people want to hear of that did not happen: packages without a final receipt, or with
# codes that were not activated, after so many days; orders that wait longer for the backend.
# receipt_days = 14
# activation_days = 60
# delivery_minutes = 30
# Scans of a code beyond those that it allows, exports within an hour.
# copied_scans = 20
# export_burst = 10
[alarms.targets]
# Where alarms go: a name, and an apprise URL, or where it stands: such a URL is a secret.
# shift-leader = "file:/etc/mintmark/wecom.url"
# office = "env:MINTMARK_MAIL_URL"

# How a code reader sends, for --reader NAME; docs/scanners.md lists the keys.
# [readers.line-3]
# terminators = ["CR"]
# prefix = "{{digits:14}}:%P{{digits:2}}-"
# no_read = ["NoRead", "ERR{{digits:2}}"]
# heartbeat = "ALIVE"
"""


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, Windows' backslashes escaped; but TOML knows no
    # surrogate pairs, and wants DEL escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _shared(places: SharedPlaces) -> str:
    """The tables of what stations share; none for a home on a machine of its own."""
    ledger = (
        f"""
[ledger]
# The books. The password stands elsewhere: in PGPASSWORD, or a file that PGPASSFILE names.
url = {_quoted(places.ledger)}
"""
        if places.ledger
        else ""
    )
    vault = (
        f"""
[vault]
# The sealed batches. The credentials stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in a
# file that others may not read, or come from the platform.
url = {_quoted(places.vault)}
{_setting("endpoint", places.endpoint, "https://s3.example.com")}
{_setting("region", places.region, "cn-north-1")}
{_setting("credentials_file", str(places.credentials or ""), "…")}
# cache_bytes = 20_000_000_000  # how much of it is kept in this folder
"""
        if places.vault
        else ""
    )
    return ledger + vault


def _setting(name: str, value: str | None, example: str) -> str:
    return f"{name} = {_quoted(value)}" if value else f'# {name} = "{example}"'
