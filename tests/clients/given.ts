// What the tests hand over, and how they are answered.
declare const process: { argv: string[]; exitCode?: number };

interface Given {
  url: string;
  batch: string;
  symbols: string;
  code: string;
  expires_at: string;
  fingerprints: string;
}

const text = process.argv[2] ?? "{}";
const parsed = JSON.parse(text) as Given;
const bytes = parsed.fingerprints.match(/../g) ?? [];

export const given = {
  ...parsed,
  fingerprints: Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)),
};

/** A window, as an order sets it: what is left out reads back as null. */
export const later = { from: "2098-01-01T00:00:00Z", attributes: { campaign: "X" } };

/** What must be there: the other kind of answer came if it is not. */
export function kept<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("another answer than expected");
  return value;
}

export function print(seen: object): void {
  console.log(JSON.stringify(seen));
}
