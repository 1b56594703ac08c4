"""What GS1's demonstration program makes of an EPCIS document: a hash for each event."""

import json
import sys
from pathlib import Path

from epcis_event_hash_generator import hash_generator, json_to_py

events = json_to_py.event_list_from_epcis_document_str(Path(sys.argv[1]).read_text("utf-8"))
hashes = hash_generator.epcis_hashes_from_events(events)
print(json.dumps(hashes))
