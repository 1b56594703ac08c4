// The way of a line and a phone, through openapi-fetch with the types of openapi-typescript.
// Compiled strictly; prints what it saw as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./typed";
import { given, kept, later, print } from "./given";

type Schemas = components["schemas"];

async function main(): Promise<void> {
  const api = createClient<paths>({ baseUrl: given.url });
  const params = { path: { batch: given.batch } };
  const order = (name: string) => ({ path: { order: `${given.batch}-${name}` } });
  const health = kept((await api.GET("/v1/health")).data);

  const body: Schemas["Batch"] = {
    home: "HM00-000000000000",
    symbols: given.symbols,
    length: 16,
    canonical: "crockford32",
    quantity: 4,
    scheme: health.scheme,
    fingerprint_key_id: health.fingerprint_key_id,
    role: "item",
  };
  const registered = kept((await api.PUT("/v1/batches/{batch}", { params, body })).data);
  // Its types know no bytes, and it would send them as JSON: docs/clients.md.
  const uploaded = await api.PUT("/v1/batches/{batch}/fingerprints/{first}", {
    params: { path: { batch: given.batch, first: 1 } },
    headers: { "Content-Type": "application/octet-stream" },
    body: given.fingerprints as unknown as string,
    bodySerializer: (bytes: unknown) => bytes as BodyInit,
  });

  const activate: Schemas["Order"] = {
    batch: given.batch,
    action: "activate",
    serials: [[1, 3]],
    count: 3,
    from: "inactive",
    attributes: { lot: "L1", max_scans: 2, "native.shift": "A", "window.later": later },
    expires_at: given.expires_at,
  };
  const put = (name: string, content: Schemas["Order"]) =>
    api.PUT("/v1/orders/{order}", { params: order(name), body: content });
  const get = (name: string) => api.GET("/v1/orders/{order}", { params: order(name) });
  const applied = kept((await put("1", activate)).data);
  const asked = { code: given.code, scan_id: "one" };
  const scanned = kept((await api.POST("/v1/scans", { body: asked })).data);
  const page = kept((await api.GET("/v1/batches/{batch}", { params })).data);

  const again: Schemas["Order"] = { batch: given.batch, action: "activate", serials: [[3, 4]] };
  const refusals = [kept((await put("2", again)).error), kept((await get("2")).error)];
  const freeze: Schemas["Order"] = { ...again, action: "freeze", serials: [[1, 2]], count: 9 };
  const differs = kept((await put("3", freeze)).error);
  const missing = kept((await get("none")).error);

  const address = "/v1/aggregations/{aggregation}";
  const one = (name: string) => ({ path: { aggregation: `${given.batch}-${name}` } });
  const pack = (name: string, first: number, last: number) => {
    const body: Schemas["Aggregation"] = {
      action: "associate",
      parents: { batch: given.batch, serials: [[4, 4]] },
      children: [{ batch: given.batch, serials: [[first, last]] }],
    };
    return api.PUT(address, { params: one(name), body });
  };
  const packed = kept((await pack("1", 1, 2)).data);
  const taken = [
    kept((await pack("2", 2, 3)).error),
    kept((await api.GET(address, { params: one("2") })).error),
  ];
  const parents = kept((await api.GET("/v1/batches/{batch}/parents", { params })).data);

  print({
    registered: registered.role,
    uploaded: uploaded.response.status,
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
export const action: Schemas["Order"]["action"] = "destroy";
// @ts-expect-error a number where text belongs
export const lot: Schemas["Patch"] = { lot: 5 };
// @ts-expect-error text where a number belongs
export const scans: Schemas["Patch"] = { max_scans: "2" };
// @ts-expect-error a key that there is not
export const key: Schemas["Order"] = { batch: "b", action: "void", serials: [[1, 1]], colour: "x" };

void main();
