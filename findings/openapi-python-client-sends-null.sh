#!/bin/sh
# openapi-python-client sends null for an optional key that nobody set, if null is its only value.
#
# Versions: openapi-python-client 0.29.1, Python 3.11.
# Behaviour: a patch has optional keys. One may only be null, which removes the stored value:
#   `enum: [null]`. The generated Patch() sends it as null whenever it is sent. Spelled as
#   `type: "null"`, the same key is left out until somebody sets it.
# Why: an enum without a value but null becomes a "None property", whose default is None; every other
#   optional property has the default UNSET, which is left out.
# Why a good guess is wrong: "`enum: [null]` and `type: "null"` allow the same, and an optional key
#   that I don't set isn't sent". In JSON Merge Patch (RFC 7396) null deletes: every patch that the
#   client sends, of whatever key, deletes this one.
# Seen: "enum: [null] sends {'expires_at': None, 'lot': 'L1'}", "type: "null" sends {'lot': 'L1'}"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1
echo 'post_hooks: []' >plain.yml
number=0
for spelling in 'enum: [null]' 'type: "null"'; do
    number=$((number + 1))
    cat >api.yaml <<YAML
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /patches:
    put:
      operationId: send
      requestBody: {content: {application/json: {schema: {\$ref: "#/components/schemas/Patch"}}}}
      responses: {"204": {description: taken}}
components:
  schemas:
    Patch:
      type: object
      additionalProperties: false
      properties: {lot: {type: string}, expires_at: {$spelling}}
YAML
    env/bin/openapi-python-client generate --path api.yaml --meta none --config plain.yml \
        --output-path client$number >log
    sends=$(env/bin/python -c "
from client$number.models import Patch
print(dict(sorted(Patch(lot='L1').to_dict().items())))")
    echo "$spelling sends $sends" | tee -a seen
done
grep -qxF "enum: [null] sends {'expires_at': None, 'lot': 'L1'}" seen
grep -qxF "type: \"null\" sends {'lot': 'L1'}" seen
