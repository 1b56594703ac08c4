#!/bin/sh
# apprise takes a refusal with status 200 for success, of seven services; so it does login pages.
#
# Versions: apprise 2.3.0 and 2.2.0, Python 3.11.
# Behaviour: the services below answer a refusal with status 200 and say so in JSON. notify()
#   returns True for it. Feishu and Lark are asked for their code since 2.3.0 (2.2.0 took 19021, "sign
#   match fail", for success); but an empty answer, a login page and the page behind a redirect
#   still count as success.
# Why: the plugins look at the status; for Feishu and Lark "no JSON" leaves the status to decide.
# Why a good guess is wrong: "the library knows each service's answers": PushPlus, WxPusher and Slack
#   are judged by their answers, these are not. A robot that was removed, or a captive portal
#   between, swallows every message, and the sender believes that they arrived.
# Seen: "2.3.0 refusals: wecombot, dingtalk, schan, bark, pushdeer, spugpush, tgram; login pages:
#   wecombot, dingtalk, schan, bark, pushdeer, spugpush, tgram, feishu, lark", and with 2.2.0 the
#   refusals of feishu and lark as well
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/try.py" <<'PYTHON'
import http.server
import json
import logging
import threading

import apprise

logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
NO = {
    "wecombot://key": {"errcode": 93000},
    "dingtalk://token": {"errcode": 310000},
    "schan://SCT1": {"code": 40001},
    "bark://127.0.0.1:{port}/key": {"code": 400},
    "pushdeer://127.0.0.1:{port}/PDUkey": {"code": 80501},
    "spugpush://" + 32 * "a": {"code": 204},
    "tgram://123456789:abcdefg_hijklmnop/12": {"ok": False, "error_code": 403},
    "feishu://token": {"code": 19021},
    "lark://token": {"code": 19021},
    "pushplus://" + 32 * "a": {"code": 903},
    "wxpusher://AT_appid/UID_x": {"code": 1001},
}
answer = b""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
refusals, pages = [], []
for url, no in NO.items():
    plugin = apprise.Apprise.instantiate(url.format(port=server.server_port))
    for name in ("notify_url", "api_url", "webhook_url"):  # here instead of there
        if str(getattr(plugin, name, "")).startswith("https:"):
            setattr(plugin, name, f"http://127.0.0.1:{server.server_port}/")
    plugin.request_rate_per_sec = 0
    for body, counted in (json.dumps(no).encode(), refusals), (b"<html>Sign in</html>", pages):
        answer = body
        if plugin.notify(title="title", body="text"):
            counted.append(url.partition(":")[0])
print(f"refusals: {', '.join(refusals)}; login pages: {', '.join(pages)}")
PYTHON
both="wecombot, dingtalk, schan, bark, pushdeer, spugpush, tgram"
for version in 2.3.0 2.2.0; do
    python3 -m venv --clear "$folder/env"
    "$folder/env/bin/pip" install --quiet --disable-pip-version-check "apprise==$version"
    seen=$("$folder/env/bin/python" "$folder/try.py")
    echo "$version $seen"
    more=""
    [ "$version" = 2.2.0 ] && more=", feishu, lark"
    [ "$seen" = "refusals: $both$more; login pages: $both, feishu, lark" ] || {
        echo "this has changed" >&2
        exit 1
    }
done
