#!/bin/sh
# epcis2.js gives events about different things the same hash, because it reads their names as dates.
#
# Versions: epcis2.js 2.7.3, Node.js 20 and 24; epcis-event-hash-generator 1.9.3, Python 3.11.
# Behaviour: two commissioning events differ in their one name alone, https://example.cn/obj/CRATE-7
#   and https://example.cn/obj/PALLET-7. Both are valid, and have one hash. With the names
#   CRATE-s7 and PALLET-s7 they have two. The Python program tells all four apart.
# Why: rule 8 of the hash brings times to one form. epcis2.js takes for a time whatever Date.parse()
#   reads and has more than 17 characters; V8 passes over words that it does not know, and makes
#   the first of July 2001 of what is left, "-7".
# Why a good guess is wrong: "a name that begins with https:// is no date", and "GS1's own ids work, so
#   ours will": /01/06901234567892/21/A-7 has too many digits for a date. Names of a brand's own are
#   what CBV 2.0 allows where there is no GTIN. A store that drops what it has the hash of already
#   drops the second pallet.
# Seen: "epcis2.js: -7 1 hash, -s7 2 hashes", "epcis-event-hash-generator: -7 2 hashes, -s7 2 hashes"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check epcis-event-hash-generator==1.9.3
# epcis2.js names npm's empty placeholder `fs`; Node's own module of that name answers anyway.
cat >package.json <<'JSON'
{"private": true, "dependencies": {"epcis2.js": "2.7.3"},
 "overrides": {"fs": "npm:is-plain-object@5.0.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >make.py <<'PYTHON'
import json
context = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
events = [{"type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning",
           "disposition": "active", "epcList": ["https://example.cn/obj/" + name],
           "eventTime": "2026-11-27T08:00:00.000+08:00", "eventTimeZoneOffset": "+08:00"}
          for name in ("CRATE-7", "PALLET-7", "CRATE-s7", "PALLET-s7")]
document = {"@context": context, "type": "EPCISDocument", "schemaVersion": "2.0",
            "creationDate": "2026-11-27T09:00:00.000+08:00", "epcisBody": {"eventList": events}}
json.dump(document, open("document.jsonld", "w"))
PYTHON
cat >hash.py <<'PYTHON'
from epcis_event_hash_generator import hash_generator, json_to_py
events = json_to_py.event_list_from_epcis_document_str(open("document.jsonld").read())
print("\n".join(hash_generator.epcis_hashes_from_events(events)))
PYTHON
cat >hash.js <<'JAVASCRIPT'
const { eventToHashedId, validateAgainstSchema } = require('epcis2.js');
const data = JSON.parse(require('fs').readFileSync('document.jsonld'));
if (!validateAgainstSchema(data, 'EPCISDocument').success) process.exit(1);
for (const event of data.epcisBody.eventList) console.log(eventToHashedId(event, {}));
JAVASCRIPT
env/bin/python make.py
node hash.js >node.txt
env/bin/python hash.py >python.txt
number() { sort -u | wc -l | tr -d ' '; }
said() {
    one=$(head -n 2 "$2" | number) two=$(tail -n 2 "$2" | number)
    echo "$1: -7 $one hash$([ "$one" = 1 ] || echo es), -s7 $two hashes" | tee -a seen
}
said epcis2.js node.txt
said epcis-event-hash-generator python.txt
grep -qx "epcis2.js: -7 1 hash, -s7 2 hashes" seen
grep -qx "epcis-event-hash-generator: -7 2 hashes, -s7 2 hashes" seen
