#!/bin/sh
# @hey-api/openapi-ts's Zod schema drops the keys that its own type, from the same schema, allows.
#
# Versions: @hey-api/openapi-ts 0.99.0, zod 3.25.76 and 4.1.13, TypeScript 5.9.3, Node.js 20 and 24.
# Behaviour: an object has a named property and additionalProperties of type string. The generated
#   type has an index signature: {lot: "L1", "native.shift": "A"} compiles. The generated Zod schema
#   takes that object, says success, and returns {lot: "L1"}. Without the named property it is a
#   z.record() and returns all. So it does if the same additionalProperties stand in an allOf
#   beside the properties.
# Why: with properties the plugin writes z.object() and forgets additionalProperties; z.object()
#   strips what it does not know, without an error.
# Why a good guess is wrong: "what passes validation is what was sent", and "the type and the schema
#   of one generator agree". A server that goes on with the parsed body stores less than it was
#   sent, and answers 200.
# Seen: "zod 3.25.76: beside properties {"lot":"L1"}; alone {"lot":"L1","native.shift":"A"}; in an
#   allOf {"lot":"L1","native.shift":"A"}", and the same with zod 4.1.13
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >api.yaml <<'YAML'
openapi: 3.1.0
info: {title: t, version: "1"}
paths: {}
components:
  schemas:
    Beside:
      type: object
      properties: {lot: {type: string}}
      additionalProperties: {type: string}
    Alone: {type: object, additionalProperties: {type: string}}
    Both:
      type: object
      properties: {lot: {type: string}}
      additionalProperties: {type: string}
      allOf: [{type: object, additionalProperties: {type: string}}]
YAML
cat >try.mts <<'TYPESCRIPT'
import type { Beside } from "./client/types.gen";
import { zAlone, zBeside, zBoth } from "./client/zod.gen";

const sent: Beside = { lot: "L1", "native.shift": "A" };
const [beside, alone, both] = [zBeside, zAlone, zBoth].map((z) => JSON.stringify(z.parse(sent)));
console.log(`beside properties ${beside}; alone ${alone}; in an allOf ${both}`);
TYPESCRIPT
for zod in 3.25.76 4.1.13; do
    rm -rf client node_modules package*.json
    npm install --silent --no-audit --no-fund \
        @hey-api/openapi-ts@0.99.0 typescript@5.9.3 esbuild@0.25.12 zod@$zod >npm.log 2>&1
    npx openapi-ts -i ./api.yaml -o client -p @hey-api/typescript zod >log 2>&1
    npx tsc --noEmit --strict --skipLibCheck --target es2022 --module esnext \
        --moduleResolution bundler try.mts
    npx esbuild try.mts --bundle --platform=node --log-level=error --outfile=try.cjs
    echo "zod $zod: $(node try.cjs)" | tee -a seen
    whole='{"lot":"L1","native.shift":"A"}'
    grep -qxF "zod $zod: beside properties {\"lot\":\"L1\"}; alone $whole; in an allOf $whole" seen
done
