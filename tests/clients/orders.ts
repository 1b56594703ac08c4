// Which orders the Zod schemas of two generators take, and with which attributes: null if not.
// Prints an object, by generator.
import { zOrder } from "./hey/zod.gen";
import { schemas } from "./zod";

declare const process: { argv: string[] };

const bodies = JSON.parse(process.argv[2] ?? "[]") as unknown[];
const zodClient = bodies.map((body) => schemas.Order.safeParse(body).data?.attributes ?? null);
const hey = bodies.map((body) => zOrder.safeParse(body).data?.attributes ?? null);
console.log(JSON.stringify({ "openapi-zod-client": zodClient, hey }));
