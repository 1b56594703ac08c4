#!/bin/sh
# openapi-typescript demands of a caller what the server fills in, if the body's schema has a name.
#
# Versions: openapi-typescript 7.13.0, TypeScript 5.9.3, Node.js 20 and 24.
# Behaviour: a body has a required `batch` and an optional `dry_run` with `default: false`. If the
#   schema stands in the request body, `dry_run` is optional in its type. If the same schema stands
#   under components/schemas and the body refers to it, `dry_run` is required, and `{batch: "b"}`
#   does not compile.
# Why: --default-non-nullable is on: a property with a default is never missing in an answer. Where
#   a schema is used is read from its place in the document: below "requestBody" the rule is left
#   out, below components it is not known whether answers or requests will use it.
# Why a good guess is wrong: "moving a schema to components and referring to it changes nothing".
#   It is what every style guide asks for. `default` says what a server takes for a value that is
#   not sent, and here it makes callers send it.
# Seen: "inline.ts: compiles", "named.ts: Property 'dry_run' is missing", and with
#   --default-non-nullable=false "named.ts: compiles"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund openapi-typescript@7.13.0 typescript@5.9.3 >npm.log 2>&1
object='{type: object, required: [batch], properties: {batch: {type: string}, dry_run: {type: boolean, default: false}}}'
for name in inline named; do
    schema=$object
    [ $name = named ] && schema='{$ref: "#/components/schemas/Order"}'
    cat >$name.yaml <<YAML
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /orders:
    put:
      requestBody: {content: {application/json: {schema: $schema}}}
      responses: {"204": {description: taken}}
components: {schemas: {Order: $object}}
YAML
done
try() {
    name=$1
    shift
    npx openapi-typescript $name.yaml -o api.ts "$@" >/dev/null 2>&1
    cat >try.ts <<'TYPESCRIPT'
import type { paths } from "./api";
type Body = NonNullable<paths["/orders"]["put"]["requestBody"]>["content"]["application/json"];
export const order: Body = { batch: "b" };
TYPESCRIPT
    if said=$(npx tsc --noEmit --strict try.ts); then
        echo "$name.ts: compiles $*"
    else
        echo "$name.ts: $said $*"
    fi
}
seen=$(try inline; try named; try named --default-non-nullable=false)
echo "$seen"
case $seen in
*"inline.ts: compiles"*"named.ts: "*"'dry_run' is missing"*"named.ts: compiles"*) ;;
*) echo "this has changed" >&2; exit 1 ;;
esac
