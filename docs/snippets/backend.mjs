// The parts of a scan backend that must agree to the bit, to copy from. Node 20, no packages.
//
// Canonical form and fingerprint of a scanned code; the signature of a line's request (RFC 9421).
// Run as a program, it reads the questions of tests/test_snippets.py from stdin.

import { createHash, createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { createInterface } from 'node:readline';

const ALWAYS = ['@method', '@authority', '@path', '@query'];
// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410): these bytes, then the 32 bytes of the key.
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

// Only ASCII letters: toUpperCase alone would turn ß into SS.
/** The canonical form of a scanned text; null if it cannot be a code. */
export function canonical(rule, text) {
  let folded = text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
  if (rule === 'crockford32') {
    folded = folded.replace(/[ -]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  }
  return text.length <= 256 && /^[!-~]{1,64}$/.test(folded) ? folded : null;
}

/** The first 16 bytes of HMAC-SHA-256 over the canonical code. */
export function fingerprint(key, code) {
  return createHmac('sha256', key).update(code, 'ascii').digest().subarray(0, 16);
}

/**
 * The nonce of a good signature, which must be new to you; or null.
 * hosts (a Set): your names in the lines' URLs, with the port if the URL has a port. A request
 * that is signed for your test system must not pass here. request: @method, @authority (the Host
 * header), @path and @query (with its "?").
 */
export function verified(keyId, publicKey, hosts, now, request, headers, body) {
  // Our lines write exactly one signature, in this form (RFC 9421, section 4.1).
  const found = /^mintmark=(\(((?:"[a-z@-]+" ?)+)\)((?:;[a-z]+=[^;]+)+))$/
    .exec(headers['signature-input'] ?? '');
  const sent = /^mintmark=:([A-Za-z0-9+/=]+):$/.exec(headers.signature ?? '');
  if (!found || !sent) { return null; }
  const covered = [...found[2].matchAll(/"([a-z@-]+)"/g)].map((match) => match[1]);
  const parameters = Object.fromEntries([...found[3].matchAll(/;([a-z]+)=([^;]+)/g)]
    .map((match) => [match[1], match[2].replace(/^"|"$/g, '')]));
  const needed = body.length ? [...ALWAYS, 'content-digest'] : ALWAYS;
  if (parameters.keyid !== keyId || parameters.tag !== 'mintmark') { return null; }
  if (!parameters.nonce) { return null; }
  if (!needed.every((name) => covered.includes(name))) { return null; }
  if (!hosts.has(request['@authority'])) { return null; }
  const times = [parameters.created ?? '', parameters.expires ?? ''];
  if (!times.every((text) => /^[0-9]{1,15}$/.test(text))) { return null; }
  const [created, expires] = times.map(Number);
  if (!(created - 60 <= now && now <= Math.min(expires, created + 300))) { return null; }
  if (body.length) {
    // RFC 9530: the digest of the body as it arrived.
    const digest = Buffer.from(`sha-256=:${createHash('sha256').update(body).digest('base64')}:`);
    const named = Buffer.from(headers['content-digest'] ?? '');
    if (named.length !== digest.length || !timingSafeEqual(named, digest)) { return null; }
  }
  // RFC 9421, section 2.5: a line for each covered component, then the parameters.
  const values = { ...request, ...headers };
  const base = [...covered.map((name) => `"${name}": ${values[name] ?? ''}`),
    `"@signature-params": ${found[1]}`].join('\n');
  // The key determines the algorithm, whatever the message says.
  const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
  const good = verify(null, Buffer.from(base, 'ascii'), key, Buffer.from(sent[1], 'base64'));
  return good ? parameters.nonce : null;
}

// Read one question per line, its fields between tabs; print one answer per line.
for await (const line of createInterface({ input: process.stdin })) {
  const [kind, ...fields] = line.split('\t');
  if (kind === 'canonical') {
    console.log(canonical(fields[0], Buffer.from(fields[1], 'hex').toString('utf8')) ?? '-');
  } else if (kind === 'fingerprint') {
    console.log(fingerprint(Buffer.from(fields[0], 'hex'), fields[1]).toString('hex'));
  } else {
    const [keyId, key, hosts, now, method, authority, path, query, digest, input, signature, body] =
      fields;
    const request = {
      '@method': method, '@authority': authority, '@path': path, '@query': `?${query}`,
    };
    const headers = { 'content-digest': digest, 'signature-input': input, signature };
    const nonce = verified(keyId, Buffer.from(key, 'hex'), new Set(hosts.split(' ')), Number(now),
      request, headers, Buffer.from(body, 'hex'));
    console.log(nonce ? 'good' : 'bad');
  }
}
