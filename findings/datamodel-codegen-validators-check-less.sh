#!/bin/sh
# datamodel-code-generator's option that adds validators takes one away: any key passes.
#
# Versions: datamodel-code-generator 0.89.0, pydantic 2.14, Python 3.11.
# Behaviour: an object has propertyNames (which keys there may be), patternProperties (what some of
#   them hold) and additionalProperties (the others). Without options the model refuses a key that
#   propertyNames refuses. With --generate-schema-validators it takes it, and begins to check the
#   values of patternProperties instead.
# Why: the first writes the names' pattern into the type of the extra keys. The second leaves extra
#   keys to a validator, which knows patternProperties and additionalProperties, not propertyNames.
# Why a good guess is wrong: "more validation refuses more". Each of the two models takes what the
#   other one refuses, and neither refuses all that the schema refuses.
# Seen: "without: colour refused, native.a=5 taken", "with: colour taken, native.a=5 refused"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
    datamodel-code-generator==0.89.0 'pydantic>=2.14,<2.15'
cat >"$folder/api.yaml" <<'YAML'
openapi: 3.1.0
info: {title: t, version: "1"}
paths: {}
components:
  schemas:
    Attributes:
      type: object
      properties: {lot: {type: string}}
      propertyNames: {pattern: "^(lot|native[.][a-z]+)$"}
      patternProperties: {"^native[.][a-z]+$": {type: string}}
      additionalProperties: {type: [string, integer]}
YAML
cat >"$folder/try.py" <<'PYTHON'
from models import Attributes
from pydantic import ValidationError


def verdict(value):
    try:
        Attributes.model_validate(value)
    except ValidationError:
        return "refused"
    return "taken"


assert verdict({"lot": "L1", "native.a": "x"}) == "taken"
print(f"colour {verdict({'colour': 'red'})}, native.a=5 {verdict({'native.a': 5})}")
PYTHON
seen=""
for option in "" --generate-schema-validators; do
    # shellcheck disable=SC2086
    "$folder/env/bin/datamodel-codegen" --input "$folder/api.yaml" --input-file-type openapi \
        --output "$folder/models.py" --output-model-type pydantic_v2.BaseModel \
        --formatters builtin $option >"$folder/log" 2>&1
    said="$([ -n "$option" ] && echo with || echo without): $("$folder/env/bin/python" "$folder/try.py")"
    echo "$said"
    seen="$seen$said;"
done
wanted="without: colour refused, native.a=5 taken;with: colour taken, native.a=5 refused;"
[ "$seen" = "$wanted" ] || { echo "this has changed" >&2; exit 1; }
