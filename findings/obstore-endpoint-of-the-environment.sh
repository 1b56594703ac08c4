#!/bin/sh
# An environment variable sends obstore to another server than the endpoint that was passed to it.
#
# Versions: obstore 0.12.1, Python 3.11.
# Behaviour: with AWS_ENDPOINT_URL_S3 set, S3Store(…, endpoint="…") asks the server of the variable.
#   AWS_ENDPOINT_URL and AWS_ENDPOINT do yield to the argument. Passing aws_endpoint_url_s3= as well
#   settles it.
# Why: it is a setting of its own (config key aws_endpoint_url_s3), and the more special one wins over
#   `endpoint`, wherever either of them comes from.
# Why a good guess is wrong: "what I pass wins over the environment" holds for every other setting,
#   and in AWS's own SDKs for this one. A program that checks its endpoint (https, allowed hosts)
#   checks another than the one that gets the data.
# Seen: "AWS_ENDPOINT: argument; AWS_ENDPOINT_URL: argument; AWS_ENDPOINT_URL_S3: environment; both passed: argument"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
cd "$folder"
env/bin/python - <<'PYTHON'
import http.server
import os
import threading

import obstore
from obstore.store import S3Store

asked = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.server.name)
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(name):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.name = name
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def went_to(variable, **more):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ[variable] = other
    asked.clear()
    store = S3Store(
        "bucket",
        region="us-east-1",
        access_key_id="a",
        secret_access_key="b",
        client_options={"allow_http": True},
        endpoint=passed,
        **more,
    )
    try:
        obstore.get(store, "key")
    except FileNotFoundError:
        pass
    return asked[0]


passed, other = serve("argument"), serve("environment")
names = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
seen = "; ".join(f"{name}: {went_to(name)}" for name in names)
seen += f"; both passed: {went_to(names[2], aws_endpoint_url_s3=passed)}"
print(seen)
wanted = (
    "AWS_ENDPOINT: argument; AWS_ENDPOINT_URL: argument; "
    "AWS_ENDPOINT_URL_S3: environment; both passed: argument"
)
assert seen == wanted, "this has changed"
PYTHON
