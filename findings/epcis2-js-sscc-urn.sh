#!/bin/sh
# epcis2.js's event hash takes a pallet's URN and its Digital Link for two pallets.
#
# Versions: epcis2.js 2.7.3, Node.js 20 and 24; epcis-event-hash-generator 1.9.3, Python 3.11.
# Behaviour: an event names a pallet as urn:epc:id:sscc:6901234.0000000001, another the same pallet as
#   https://id.gs1.org/00/069012340000000016. The hash is to be the same for both (rule 15 of CBV
#   2.0's algorithm makes Digital Links of URNs first). It is in the Python program, and in
#   epcis2.js for an item (SGTIN); for a pallet (SSCC) epcis2.js has two hashes.
# Why: in the URN the extension digit stands before the serial reference. epcis2.js puts it before
#   the company prefix, where it belongs, and leaves it where it was, too: 19 digits.
# Why a good guess is wrong: "a library that names the algorithm has tried every key of GS1's", and
#   "items agree, so pallets will". Whoever sends URNs and whoever sends Digital Links do not find
#   each other's pallet events by their hashes.
# Seen: "epcis2.js: item agrees, pallet differs", "epcis-event-hash-generator: item agrees, pallet agrees"
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
names = ("urn:epc:id:sgtin:6901234.056789.7", "https://id.gs1.org/01/06901234567892/21/7",
         "urn:epc:id:sscc:6901234.0000000001", "https://id.gs1.org/00/069012340000000016")
events = [{"type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping",
           "disposition": "in_transit", "epcList": [name],
           "eventTime": "2026-11-27T08:00:00.000+08:00", "eventTimeZoneOffset": "+08:00"}
          for name in names]
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
word() { if [ "$(sed -n "$2p" "$1")" = "$(sed -n "$3p" "$1")" ]; then echo agrees; else echo differs; fi; }
said() { echo "$1: item $(word "$2" 1 2), pallet $(word "$2" 3 4)" | tee -a seen; }
said epcis2.js node.txt
said epcis-event-hash-generator python.txt
grep -qx "epcis2.js: item agrees, pallet differs" seen
grep -qx "epcis-event-hash-generator: item agrees, pallet agrees" seen
