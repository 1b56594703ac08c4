// The way of a line and a phone, through the client that @hey-api/openapi-ts generated.
// Compiled strictly; prints what it saw as JSON.
import * as api from "./hey";
import { client } from "./hey/client.gen";
import { given, kept, later, print } from "./given";

async function main(): Promise<void> {
  client.setConfig({ baseUrl: given.url });
  const path = { batch: given.batch };
  const order = (name: string) => ({ order: `${given.batch}-${name}` });
  const health = kept((await api.readHealth()).data);

  const body: api.Batch = {
    home: "HM00-000000000000",
    symbols: given.symbols,
    length: 16,
    canonical: "crockford32",
    quantity: 4,
    scheme: health.scheme,
    fingerprint_key_id: health.fingerprint_key_id,
    role: "item",
  };
  const registered = kept((await api.registerBatch({ path, body })).data);
  const uploaded = await api.uploadFingerprints({
    path: { ...path, first: 1 },
    body: new Blob([given.fingerprints]),
  });

  const activate: api.Order = {
    batch: given.batch,
    action: "activate",
    serials: [[1, 3]],
    count: 3,
    from: "inactive",
    attributes: { lot: "L1", max_scans: 2, "native.shift": "A", "window.later": later },
    expires_at: given.expires_at,
  };
  const applied = kept((await api.putOrder({ path: order("1"), body: activate })).data);
  const scanned = kept((await api.scan({ body: { code: given.code, scan_id: "one" } })).data);
  const page = kept((await api.readBatch({ path })).data);

  const again: api.Order = { batch: given.batch, action: "activate", serials: [[3, 4]] };
  const refusals = [
    kept((await api.putOrder({ path: order("2"), body: again })).error),
    kept((await api.readOrder({ path: order("2") })).error),
  ];
  const freeze: api.Order = { batch: given.batch, action: "freeze", serials: [[1, 2]], count: 9 };
  const differs = kept((await api.putOrder({ path: order("3"), body: freeze })).error);
  const missing = kept((await api.readOrder({ path: order("none") })).error);

  const pack = (...pair: number[]): api.Aggregation => ({
    action: "associate",
    parents: { batch: given.batch, serials: [[4, 4]] },
    children: [{ batch: given.batch, serials: [pair as [number, number]] }],
  });
  const one = (name: string) => ({ path: { aggregation: `${given.batch}-${name}` } });
  const packed = kept((await api.putAggregation({ ...one("1"), body: pack(1, 2) })).data);
  const taken = [
    kept((await api.putAggregation({ ...one("2"), body: pack(2, 3) })).error),
    kept((await api.readAggregation(one("2"))).error),
  ];
  const parents = kept((await api.readParents({ path })).data);

  print({
    registered: registered.role,
    uploaded: uploaded.response?.status,
    applied: applied.applied,
    scanned: [scanned.result, scanned.serial],
    states: page.ranges.map((part) => [part.serials, part.state]),
    attributes: page.ranges[0]?.attributes,
    blocked: refusals.map((refusal) => {
      if (refusal.type !== "urn:mintmark:problem:blocked") throw new Error(refusal.type);
      return [refusal.blocked[0]?.serials, refusal.blocked[0]?.state, refusal.blocked_total];
    }),
    differs:
      differs.type === "urn:mintmark:problem:count-differs" && [differs.count, differs.would_touch],
    missing: missing.status,
    packed: [packed.parents_count, packed.children_count],
    taken: taken.map((refusal) => {
      if (refusal.type !== "urn:mintmark:problem:child-taken") throw new Error(refusal.type);
      return [refusal.taken[0]?.serials, refusal.taken[0]?.parent?.serial, refusal.taken_total];
    }),
    parents: parents.links.map((link) => [link.serials, link.parent.serial]),
  });
}

// What the types refuse: each line below is an error to the compiler.
// @ts-expect-error an action that there is not
export const action: api.Order["action"] = "destroy";
// @ts-expect-error a number where text belongs
export const lot: api.Patch = { lot: 5 };
// @ts-expect-error text where a number belongs
export const scans: api.Patch = { max_scans: "2" };
// @ts-expect-error a key that there is not
export const key: api.Order = { batch: "b", action: "void", serials: [[1, 1]], colour: "red" };
// @ts-expect-error a range without its last serial
export const pair: api.Order["serials"] = [[1]];

void main();
