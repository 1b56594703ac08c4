// A complete scan backend in one file, to copy from: the other side of docs/activation-api.md. Node 22.13 or
// newer, no packages, its books in SQLite: 1 Problems, 2 Codes, 3 Signatures, 4 Forms, 5 Lines, 6 Books,
// 7 Fingerprints, 8 Orders, 9 Aggregations, 10 Scans, 11 Server. It is one process, in which orders and scans
// take turns: the activation of a million codes holds scans up for seconds. A larger one keeps 1 to 5, tiles,
// links and transactions.
//   node backend.mjs --data scan.db --fingerprint-key fingerprint.key --lines lines.toml --authority HOST
import * as crypto from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { unescape } from 'node:querystring';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// --- 1 Problems (RFC 9457) -----------------------------------------------------------------------------
const STATUS = { invalid: 422, unauthorised: 401, forbidden: 403, 'not-found': 404, internal: 500,
  'method-not-allowed': 405, 'too-large': 413, 'media-type': 415, 'too-many': 429 };
// Refusals that stay: what the network held up must not take effect after its sender has heard a refusal.
const FINAL = ['outside', 'blocked', 'count-differs', 'count-required', 'nesting', 'child-taken', 'child-elsewhere'];
/** A refusal. It quotes nothing that was sent: that may be a code. */
export class Problem extends Error {
  constructor(name, detail = '', members = {}, headers = {}) {
    const [type, title] = [`urn:mintmark:problem:${name}`, name.replaceAll('-', ' ')];
    Object.assign(super(name), { headers, body: { type, title, status: STATUS[name] ?? 409, detail, ...members } });
  }
}
const need = (condition, ...problem) => { if (!condition) { throw new Problem(...problem); } };

// --- 2 Codes -------------------------------------------------------------------------------------------
/** The canonical form of a scanned text; null if it cannot be a code. */
export function canonical(rule, text) {
  // Only ASCII letters: toUpperCase alone would turn ß into SS.
  let folded = text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
  if (rule === 'crockford32') { folded = folded.replace(/[ -]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1'); }
  return text.length <= 256 && /^[!-~]{1,64}$/.test(folded) ? folded : null;
}
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text, 'latin1').digest();
/** The first 16 bytes of HMAC-SHA-256 over the canonical code. */
export const fingerprint = (key, code) => hmac(key, code).subarray(0, 16);
/** The id of a fingerprint key. No code holds a space: the id helps nobody to guess one. */
export const keyIdOf = (key) => hmac(key, 'mintmark fingerprint key id').toString('hex', 0, 8);
/** The 32 bytes of a fingerprint key file, as `mintmark key export --backend` writes it. */
export function readFingerprintKey(path) {
  const { format, key } = JSON.parse(readFileSync(path, 'utf8'));
  if (format === 'mintmark-fingerprint-key/1' && /^[0-9a-f]{64}$/.test(key)) { return Buffer.from(key, 'hex'); }
  throw new Error(`${path} is no fingerprint key file`);
}

// --- 3 Signatures (RFC 9421, docs/signing.md) ----------------------------------------------------------
const COVERED = ['@method', '@authority', '@path', '@query'];
// The canonical form of RFC 9651, which signers write. No two alternatives begin alike: a header costs its length.
const PARAMETER = /;([a-z]+)=(?:"((?:[ !#-\[\]-~]|\\["\\])*)"|(0|-?[1-9][0-9]{0,14}))/g;
const INPUT = new RegExp(String.raw`^([a-z*][a-z0-9_.*-]*)=(\(("[a-z0-9@-]+"(?: "[a-z0-9@-]+")*)\)`
  + `((?:${PARAMETER.source.replace(/\((?!\?)/g, '(?:')})+))$`);
const SIGNATURE = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]+={0,2}):$/;
const SPKI = Buffer.from('302a300506032b6570032100', 'hex'); // of an Ed25519 key (RFC 8410): then its 32 bytes
/** Whether every member of a Content-Digest (RFC 9530) is right, for the body as it arrived. */
function isDigest(field, body) {
  const members = field.split(', ').map((member) => [member.slice(0, 7), member]);
  return new Map(members).size === members.length && members.every(([name, member]) => /^sha-(256|512)$/.test(name)
    && member === `${name}=:${crypto.createHash(name.replace('-', '')).update(body).digest('base64')}:`);
}

function isSigned({ algorithm, key }, base, signature) {
  if (algorithm === 'hmac-sha256') {
    const right = hmac(key, base);
    return right.length === signature.length && crypto.timingSafeEqual(right, signature);
  }
  const spki = { key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' };
  return crypto.verify(null, Buffer.from(base, 'latin1'), crypto.createPublicKey(spki), signature);
}
/**
 * {keyId, nonce} of a good signature, or null. The nonce must be new to you: see `isFresh`. now: Unix time.
 * keys: a Map from key id to {algorithm, key}. hosts: a Set of your names in the lines' URLs, with the port if
 * there is one: what is signed for your test system must not pass here. request: @method, @authority (the Host
 * header), @path and @query (with its "?").
 */
export function verified(keys, hosts, now, request, headers, body) {
  const fields = [headers['signature-input'] ?? '', headers.signature ?? ''];
  if (fields.some((field) => field.length > 4_096)) { return null; }
  const [input, sent] = [INPUT.exec(fields[0]), SIGNATURE.exec(fields[1])];
  if (!input || input[1] !== sent?.[1]) { return null; }
  const signature = Buffer.from(sent[2], 'base64');
  const parameters = [...input[4].matchAll(PARAMETER)].map(([, name, quoted, digits]) => (
    [name, digits === undefined ? quoted.replace(/\\(.)/g, '$1') : Number(digits)]));
  const { created, expires, keyid, nonce, tag, alg } = Object.fromEntries(parameters);
  // Whoever changes the body can change a digest that is not covered. Nothing else is covered: behind a proxy,
  // you could not tell what @target-uri or @scheme was.
  const digest = body.length || headers['content-digest'] !== undefined ? ['content-digest'] : [];
  const [wanted, covered] = [[...COVERED, ...digest], input[3].slice(1, -1).split('" "')];
  const formed = wanted.length === covered.length && wanted.every((name) => covered.includes(name))
    && parameters.length === (alg === undefined ? 5 : 6) // each once, and no others
    && [created, expires].every(Number.isInteger) && [keyid, nonce, tag].every(like(/^/));
  const [line, authority] = [keys.get(keyid), request['@authority'].toLowerCase()];
  // RFC 9421, section 3.2: an algorithm that is named must be the key's.
  if (!formed || !line || ![undefined, line.algorithm].includes(alg)) { return null; }
  if (tag !== 'mintmark' || nonce.length < 16 || nonce.length > 128 || !hosts.has(authority)
    || now < created - 60 || now > Math.min(expires, created + 300)
    || (digest.length && !isDigest(headers['content-digest'] ?? '', body))) { return null; }
  // RFC 9421, section 2.5: a line for each covered component, then the parameters.
  const values = { ...headers, ...request, '@authority': authority };
  const base = covered.map((name) => `"${name}": ${values[name]}\n`).join('');
  const good = isSigned(line, `${base}"@signature-params": ${input[2]}`, signature);
  return good && signature.toString('base64') === sent[2] ? { keyId: keyid, nonce } : null;
}

// --- 4 Forms: what is taken, strictly ------------------------------------------------------------------
const [ACTIONS, PACKING] = [['activate', 'revoke', 'freeze', 'unfreeze', 'void', 'unvoid', 'assign'],
  ['associate', 'dissociate']];
const LAYERS = Object.entries({ native: ['product', 'lot', 'line', 'produced_at'], property: ['dealer', 'region'],
  activity: ['campaign', 'max_scans', 'role', 'effective_at', 'expires_at'] });
const layerOf = (key) => LAYERS.find(([, keys]) => keys.includes(key))?.[0]
  ?? /^(native|property|activity)\.[a-z][a-z0-9_]{0,40}$/.exec(key)?.[1];
const like = (pattern) => (value) => typeof value === 'string' && pattern.test(value);
const text = (most) => (value) => typeof value === 'string' && value.isWellFormed() && [...value].length <= most;
const from = (least, most) => (value) => Number.isInteger(value) && value >= least && value <= most;
const one = (...words) => (value) => words.includes(value);
const orNull = (is) => [(value) => value === null || is(value), null];
const [isName, isSerial] = [like(/^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/), from(1, 999_999_999_999)];
const isRole = one('item', 'inner', 'outer', 'carton', 'pallet', 'batch', 'guide');
const isTime = (value) => typeof value === 'string' && instant(value) !== null;
const isPairs = (value) => Array.isArray(value) && from(1, 1_000)(value.length) && value.every((pair) => (
  Array.isArray(pair) && pair.length === 2 && pair.every(isSerial) && pair[0] <= pair[1]));
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCodes = (value) => isObject(value) && Object.keys(value).length === 2 && isName(value.batch)
  && isPairs(value.serials);
const isPatch = (value) => isObject(value) && Object.keys(value).length <= 64
  && Object.entries(value).every(([key, item]) => layerOf(key) && (item === null || (key === 'max_scans'
    ? from(1, 1_000_000)(item) : text(1_024)(item) && Buffer.byteLength(item) <= 1_024)
    && (key !== 'role' || isRole(item))));
// field: [what it must be, what it is if left out]; without the second, it must be there.
const BATCH = { home: [isName], symbols: [like(/^[!-~]{2,94}$/)], length: [from(1, 64)], scheme: [isName],
  canonical: [one('crockford32', 'upper')], quantity: [isSerial], fingerprint_key_id: [isName],
  role: [isRole, 'item'], pair_of: orNull(isName) };
const BOTH = { reason: orNull(text(500)), dry_run: [one(true, false), false],
  audit_head: orNull(like(/^[0-9a-f]{64}$/)) };
const ORDER = { ...BOTH, batch: [isName], action: [one(...ACTIONS)], serials: [isPairs], attributes: [isPatch, {}],
  skip: [(value) => ['[]', '["void"]'].includes(JSON.stringify(value)), []], count: orNull(from(0, 999_999_999_999)),
  from: orNull(one('inactive', 'active', 'frozen', 'void')), effective_at: orNull(isTime), expires_at: orNull(isTime) };
const AGGREGATION = { ...BOTH, action: [one(...PACKING)], parents: orNull(isCodes), each: orNull(from(1, 1_000_000)),
  children: [(value) => Array.isArray(value) && from(1, 20)(value.length) && value.every(isCodes)] };
const SCAN = { code: [text(128)], scan_id: orNull(isName) };
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const TIME = new RegExp(String.raw`^((?!0000)\d{4}-\d\d-\d\d)(T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)`
  + String.raw`(?:\.(\d{1,6}))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$`);
/** The microseconds (a BigInt) of an RFC 3339 time with an offset; null for any other text. */
export function instant(value) {
  const [, day, time, fraction = '', offset] = TIME.exec(value) ?? [];
  const midnight = new Date(`${day}T00:00:00Z`); // the 30th of February would become the 2nd of March
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== day) { return null; }
  return BigInt(Date.parse(day + time + offset)) * 1_000n + BigInt(fraction.padEnd(6, '0'));
}
/** The JSON object of a request: these fields and no others, those left out filled in. */
function form({ headers, body }, fields) {
  need(/^application\/json *(?:;|$)/i.test(headers['content-type']), 'invalid', 'send application/json');
  const strict = (_, value, { source }) => ( // 3.0 and 3e0 are no integers here
    typeof value === 'number' && !/^-?\d{1,15}$/.test(source) ? NaN : value);
  let data = null;
  try { data = JSON.parse(UTF_8.decode(body), strict); } catch { /* then it is no object */ }
  const known = isObject(data) && Object.keys(data).every((key) => Object.hasOwn(fields, key));
  need(known, 'invalid', 'the body is no JSON object, or has a key that is not known');
  return Object.fromEntries(Object.entries(fields).map(([key, [is, otherwise]]) => {
    const value = Object.hasOwn(data, key) ? data[key] : otherwise;
    need(is(value), 'invalid', `${key} is not what it should be`);
    return [key, value];
  }));
}
const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
/** Add [first, last, state?] to a list of them, joining what touches and has the same state. */
function add(pieces, [first, last, ...state]) {
  const before = pieces.at(-1);
  if (before?.[1] === first - 1 && before[2] === state[0]) { before[1] = last; return; }
  pieces.push([first, last, ...state]);
}
/** Pairs in any order, ascending and joined where they touch. */
function joined(pairs) {
  const serials = [];
  for (const pair of pairs.sort((a, b) => a[0] - b[0])) {
    need(pair[0] > (serials.at(-1)?.[1] ?? 0), 'invalid', 'two ranges overlap');
    add(serials, pair);
  }
  return serials;
}
const sizeOf = (pairs) => pairs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
/** An order, checked. Two of the same `identity` have the same content. */
function orderOf(request) {
  const { dry_run, audit_head, ...content } = form(request, ORDER);
  const [serials, attributes, same] = [joined(content.serials), { ...content.attributes }, { ...content.attributes }];
  for (const key of ['effective_at', 'expires_at']) {
    const value = content[key];
    const alone = !Object.hasOwn(attributes, key) || (attributes[key] ?? value) === null;
    need(alone, 'invalid', `${key} is a field of its own; among the attributes only null`);
    if (value !== null) { [attributes[key], same[key]] = [value, `${instant(value)}`]; }
  }
  const identity = JSON.stringify({ ...content, effective_at: 0, expires_at: 0, serials, attributes: sorted(same) });
  return { ...content, serials, attributes, dry_run, audit_head, identity };
}
/** An aggregation, checked in the same way; `counts`: how many parents and children it names. */
function aggregationOf(request) {
  const { dry_run, audit_head, ...content } = form(request, AGGREGATION);
  const named = [...content.children, ...(content.parents ? [content.parents] : [])];
  const all = named.map(({ batch, serials }) => ({ batch, serials: joined(serials) }));
  const parents = all[content.children.length] ?? null;
  const children = all.slice(0, content.children.length).sort((a, b) => (a.batch < b.batch ? -1 : 1));
  const counts = [parents?.serials ?? [], children.flatMap((part) => part.serials)].map(sizeOf);
  const fits = content.each === null ? counts[0] <= 1
    : children.length === 1 && Math.ceil(counts[1] / content.each) === counts[0];
  need(fits && counts[0] <= 1_000_000 && named.flatMap((part) => part.serials).length <= 1_000
    && new Set(children.map((part) => part.batch)).size === children.length
    && (parents || content.action === 'dissociate'), 'invalid', 'the children do not fill the parents');
  const fields = { ...content, parents, children };
  return { ...fields, all, counts, dry_run, audit_head, identity: JSON.stringify(fields) };
}

// --- 5 Lines: their keys, and what each may do ---------------------------------------------------------
const SCOPES = new Map([['actions', one(...ACTIONS, ...PACKING)], ['layers', one('native', 'property', 'activity')],
  ['batches', like(/^[^[]+$/)]]); // of patterns, only * and ?
/** lines.toml as a Map from key id. Of TOML it reads the form that mintmark writes, and no more. */
export function parseLines(toml, folder) {
  const tables = [];
  for (const row of toml.split('\n').map((part) => part.trim())) {
    const [, key, value] = /^([a-z_]+) *= *("[^"#]*"|\[[^#]*\]|true|false) *(?:#.*)?$/.exec(row) ?? [];
    if (/^\[\[line\]\] *(?:#.*)?$/.test(row)) { tables.push({}); continue; }
    const fits = key ? tables.length && !Object.hasOwn(tables.at(-1), key) : /^(?:#.*)?$/.test(row);
    if (!fits) { throw new Error('lines.toml holds tables [[line]] of key = value, each key once'); }
    if (key) { tables.at(-1)[key] = JSON.parse(value); } // that much of TOML is JSON
  }
  const lines = new Map(tables.map((table) => [table.key_id, lineOf(table, folder)]));
  if (lines.size < tables.length) { throw new Error('lines.toml: a key_id stands there twice'); }
  return lines;
}
// The file is small, and read each time: a key that was taken out is refused at once.
const readLines = (path) => parseLines(readFileSync(path, 'utf8'), dirname(path));
function lineOf({ name, key_id, algorithm, public_key, secret_file, ...scopes }, folder) {
  const right = [name, key_id].every(like(/./)) && Object.entries(scopes).every(([scope, value]) => (
    scope === 'upload' ? typeof value === 'boolean' : Array.isArray(value) && value.every(SCOPES.get(scope))));
  const secret = () => Buffer.from(readFileSync(join(folder, secret_file), 'latin1').split(/\r?\n/)[0], 'latin1');
  const isPublic = algorithm === 'ed25519' && secret_file === undefined && like(/^[0-9a-f]{64}$/)(public_key);
  const isShared = algorithm === 'hmac-sha256' && public_key === undefined;
  const key = isPublic ? Buffer.from(public_key, 'hex') : isShared ? secret() : '';
  if (!right || key.length < 32) { throw new Error(`lines.toml: look at the line ${name}`); }
  return { algorithm, key, ...scopes };
}
/** Refuse what a line may not do. A scope that is left out sets no limit. */
function permit({ batches = ['*'], actions, layers, upload: may = true }, batch, order, uploads = false) {
  const [signs, isOf] = [{ '*': '.*', '?': '.' }, (pattern) => new RegExp(`^${
    pattern.replace(/\W/g, (letter) => signs[letter] ?? `\\${letter}`)}$`).test(batch)];
  need(batches.some(isOf) && (may || !uploads) && (!order || !actions || actions.includes(order.action))
    && Object.keys(order?.attributes ?? {}).every((key) => layers?.includes(layerOf(key)) ?? true),
  'forbidden', 'this key may not do that: see its scope in lines.toml');
}

// --- 6 Books -------------------------------------------------------------------------------------------
// A batch is tiled by ranges: a state costs a row per range, not per code. `back`: where unfreeze leads to.
// Fingerprints are pending until an activation makes them live: then they belong to one code, and scans find
// them. `early`: the code was scanned while it was not active.
const SCHEMA = `PRAGMA cache_size = -65536; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; -- safe in a power cut
TABLE batches (number INTEGER PRIMARY KEY, name TEXT UNIQUE, rule, length, info);
TABLE tiles (batch INTEGER, first INTEGER, last, state, back, attributes, PRIMARY KEY (batch, first)) WITHOUT ROWID;
TABLE prints (batch INTEGER, serial INTEGER, print BLOB, live, uploaded, PRIMARY KEY (batch, serial)) WITHOUT ROWID;
UNIQUE INDEX live ON prints (print) WHERE live; INDEX pending ON prints (uploaded) WHERE NOT live;
TABLE orders (id TEXT PRIMARY KEY, batches, identity, answer);
TABLE aggregations (id TEXT PRIMARY KEY, batches, identity, answer);
TABLE links (batch TEXT, first INTEGER, last, parent_batch, parent, PRIMARY KEY (batch, first)) WITHOUT ROWID;
TABLE planned (batch TEXT, first INTEGER, last, parent_batch, parent, PRIMARY KEY (batch, first)) WITHOUT ROWID;
TABLE heads (home TEXT PRIMARY KEY, head, "order", at);
TABLE counters (batch INTEGER, serial INTEGER, scans, first_scan, early, PRIMARY KEY (batch, serial)) WITHOUT ROWID;
TABLE answers (print BLOB, scan_id TEXT, at, answer, PRIMARY KEY (print, scan_id)); INDEX answered ON answers (at);
TABLE unknown (id INTEGER PRIMARY KEY AUTOINCREMENT, print BLOB UNIQUE, first, last, count);
TABLE nonces (key_id TEXT, nonce TEXT, until, PRIMARY KEY (key_id, nonce));`
  .replace(/(?<=^|; )(TABLE|(?:UNIQUE )?INDEX) /gm, 'CREATE $1 IF NOT EXISTS ');
const DAY = 86_400;
const SPAN = 'batch = :batch AND serial BETWEEN :first AND :last';
const TILES = `SELECT * FROM tiles WHERE batch = :batch AND first >= (SELECT max(first) FROM tiles
  WHERE batch = :batch AND first <= :first)`; // from the tile that holds serial :first on
const timeText = (at) => (at === null ? null : `${new Date(at * 1_000).toISOString().slice(0, 19)}Z`);
/** The books in a file. Whatever changes them is one transaction. */
export function openBooks(path, key) {
  const [db, prepared] = [new DatabaseSync(path, { timeout: 5_000 }), {}];
  db.exec(SCHEMA);
  const sql = (query) => { prepared[query] ??= db.prepare(query); return prepared[query]; };
  const transaction = (work, keep = true) => { // undone if `work` throws, or if it is not to be kept
    let end = 'ROLLBACK';
    db.exec('BEGIN IMMEDIATE'); // another process waits here, and not halfway through
    try {
      const result = work();
      end = keep ? 'COMMIT' : end;
      return result;
    } finally { if (db.isTransaction) { db.exec(end); } }
  };
  return { key, keyId: keyIdOf(key), sql, transaction, close: () => db.close() };
}
/** Whether the key never used this nonce. From now on it has, as long as the nonce could pass. */
export const isFresh = (books, { keyId, nonce }, now) => books.transaction(() => {
  books.sql('DELETE FROM nonces WHERE until < ?').run(now);
  const insert = books.sql('INSERT OR IGNORE INTO nonces VALUES (?, ?, ?)');
  return insert.run(keyId, nonce, now + 420).changes > 0; // five minutes, and one for either clock
});
function batchOf(books, name) {
  const { batch, info } = books.sql('SELECT number AS batch, info FROM batches WHERE name = ?').get(name) ?? {};
  need(batch, 'not-found', 'register the batch first');
  return { batch, info: JSON.parse(info) };
}
function register({ books, line, ...request }, name) {
  const [info, held] = [form(request, BATCH), { scheme: 'hmac-sha256-128', fingerprint_key_id: books.keyId }];
  permit(line, name);
  need(Object.entries(held).every(([key, value]) => info[key] === value), 'key-unknown', 'another key', held);
  return books.transaction(() => {
    const row = [name, info.canonical, info.length, JSON.stringify(info)];
    const made = books.sql('INSERT OR IGNORE INTO batches VALUES (NULL, ?, ?, ?, ?)').run(...row);
    const { batch, info: known } = batchOf(books, name);
    need(JSON.stringify(known) === row[3], 'batch-differs', 'a registered batch never changes');
    const tile = [batch, 1, info.quantity, 'inactive', null, '{}'];
    if (made.changes) { books.sql('INSERT INTO tiles VALUES (?, ?, ?, ?, ?, ?)').run(...tile); }
    return info;
  });
}

// --- 7 Fingerprints ------------------------------------------------------------------------------------
const SENT = `WITH RECURSIVE sent (serial, sent) AS (SELECT :first, substr(:data, 1, 16) UNION ALL
  SELECT serial + 1, substr(:data, (serial + 1 - :first) * 16 + 1, 16) FROM sent WHERE serial < :last)`;
const expire = (books, now) => books.sql('DELETE FROM prints WHERE NOT live AND uploaded < ?').run(now - 7 * DAY);
function upload({ books, line, headers, body: data, now }, name, serial) {
  need(headers['content-type'] === 'application/octet-stream', 'media-type', 'send application/octet-stream');
  const [first, last] = [whole(serial), whole(serial) + data.length / 16 - 1];
  need(first && data.length && data.length % 16 === 0, 'invalid', 'send 16 bytes a code, from serial 1 on');
  permit(line, name, null, true);
  books.transaction(() => {
    const { batch, info } = batchOf(books, name);
    need(last <= info.quantity, 'outside', `the batch holds serials 1 to ${info.quantity}`);
    expire(books, now);
    const differs = books.sql(`${SENT} SELECT 1 FROM sent JOIN prints USING (serial)
      WHERE batch = :batch AND print <> sent LIMIT 1`).get({ batch, first, last, data });
    need(!differs, 'fingerprints-differ', 'the fingerprint of a serial never changes');
    books.sql(`${SENT} INSERT INTO prints SELECT :batch, serial, sent, 0, :now FROM sent WHERE true
      ON CONFLICT DO UPDATE SET uploaded = :now WHERE NOT live`).run({ batch, first, last, data, now });
  });
}
/** Make the fingerprints of these pairs live. Gives the serials that were scanned before they were active. */
function activated(books, batch, pairs, now) {
  expire(books, now);
  for (const [first, last] of pairs) {
    books.sql(`UPDATE OR IGNORE prints SET live = 1 WHERE ${SPAN} AND NOT live`).run({ batch, first, last });
    const lacking = books.sql(`WITH RECURSIVE every (serial) AS (SELECT :first UNION ALL SELECT serial + 1
      FROM every WHERE serial < :last) SELECT every.serial, print FROM every LEFT JOIN prints
      ON batch = :batch AND prints.serial = every.serial WHERE live IS NOT 1 LIMIT 1`).get({ batch, first, last });
    const problem = lacking?.print ? 'fingerprints-taken' : 'fingerprints-missing';
    need(!lacking, problem, 'upload from here on; void what belongs to another code', { serial: lacking?.serial });
  }
  // A scan that was unknown was a scan of the code whose fingerprint is live by now.
  books.sql(`INSERT INTO counters SELECT batch, serial, 0, NULL, 1 FROM unknown CROSS JOIN prints USING (print)
    WHERE live AND batch = ? ON CONFLICT DO UPDATE SET early = 1`).run(batch);
  books.sql('DELETE FROM unknown WHERE EXISTS (SELECT 1 FROM prints WHERE live AND print = unknown.print)').run();
  const early = books.sql(`SELECT serial FROM counters WHERE ${SPAN} AND early ORDER BY serial LIMIT 1000`);
  return pairs.flatMap(([first, last]) => early.all({ batch, first, last })).slice(0, 1_000).map((row) => row.serial);
}

// --- 8 Orders, and reading back ------------------------------------------------------------------------
// action → state → state afterwards. What does not stand here is in the way.
const STEPS = { activate: { inactive: 'active' }, revoke: { active: 'inactive' }, unfreeze: { frozen: 'back' },
  freeze: { inactive: 'frozen', active: 'frozen' }, void: { inactive: 'void', active: 'void', frozen: 'void' },
  unvoid: { void: 'inactive' }, assign: { inactive: 'inactive', active: 'active', frozen: 'frozen' } };
/** The answer of `work`, or the refusal that is kept, once under an id. Throws the refusals that are not kept. */
function once({ books, line, now }, table, wanted, names, work) {
  for (const name of names) { permit(line, name, wanted); }
  return books.transaction(() => {
    const kept = books.sql(`SELECT identity, answer FROM ${table} WHERE id = ?`).get(wanted.id);
    need(!kept || kept.identity === wanted.identity, 'order-differs', 'use a new id for every order');
    if (kept) { return JSON.parse(kept.answer); }
    const batches = names.map((name) => batchOf(books, name));
    let answer;
    try { answer = work(batches); } catch (error) {
      if (!FINAL.includes(error.message)) { throw error; }
      answer = error.body; // thrown before the first change
    }
    const row = [wanted.id, JSON.stringify(names), wanted.identity, JSON.stringify(answer)];
    books.sql(`INSERT INTO ${table} VALUES (?, ?, ?, ?)`).run(...row);
    const [home, ...others] = new Set(batches.map(({ info }) => info.home));
    const head = books.sql('REPLACE INTO heads VALUES (?, ?, ?, ?)');
    if (wanted.audit_head && !others.length) { head.run(home, wanted.audit_head, wanted.id, now); }
    return answer;
  }, !wanted.dry_run);
}
function putOrder({ books, line, now, ...request }, id) {
  const order = { id, ...orderOf(request) };
  return once({ books, line, now }, 'orders', order, [order.batch], ([{ batch, info }]) => (
    applied(books, batch, info.quantity, order, now)));
}

function applied(books, batch, quantity, order, now) {
  const { id, batch: name, action, dry_run, attributes: { effective_at: begins, expires_at: ends } } = order;
  need(!begins || !ends || instant(begins) < instant(ends), 'invalid', 'it expires before it begins');
  need(order.serials.at(-1)[1] <= quantity, 'outside', `the batch holds serials 1 to ${quantity}`);
  const work = { done: [], skipped: [], blocked: [], counting: true };
  const [old, fresh] = rewritten(books, batch, order, work);
  const blocked = work.blocked.slice(0, 100).map(([first, last, state]) => ({ serials: [first, last], state }));
  need(!blocked.length, work.counting ? 'count-required' : 'blocked', 'read the ranges back, and order anew',
    { blocked, blocked_total: work.blocked.length });
  const [count, passed] = [work.done, work.skipped].map(sizeOf);
  need([null, count].includes(order.count), 'count-differs', 'count again', { count: order.count, would_touch: count });
  books.sql('DELETE FROM tiles WHERE batch = ? AND first BETWEEN ? AND ?').run(batch, old[0].first, old.at(-1).first);
  const insert = books.sql('INSERT INTO tiles VALUES (:batch, :first, :last, :state, :back, :attributes)');
  for (const tile of fresh) { insert.run(tile); }
  return { order: id, batch: name, action, dry_run, applied: work.done.slice(0, 1_000), applied_count: count,
    skipped: work.skipped.slice(0, 1_000), skipped_count: passed,
    truncated: Math.max(work.done.length, work.skipped.length) > 1_000,
    scanned_before: action === 'activate' ? activated(books, batch, work.done, now) : [] };
}
/** The tiles of the order's serials, and their neighbours: as they are, and as they will be. */
function rewritten(books, batch, { serials, ...order }, work) {
  const span = { batch, first: Math.max(serials[0][0] - 1, 1), last: serials.at(-1)[1] + 1 };
  const [old, fresh] = [books.sql(`${TILES} AND first <= :last ORDER BY first`).all(span), []];
  let at = 0;
  for (const tile of old) {
    for (let first = tile.first; first <= tile.last;) {
      while (serials[at]?.[1] < first) { at += 1; }
      const [begin, end] = serials[at] ?? [Infinity, Infinity];
      const last = Math.min(tile.last, begin <= first ? end : begin - 1);
      const after = begin <= first ? stepped(tile, [first, last], order, work) : tile;
      const same = ['state', 'back', 'attributes'].every((key) => fresh.at(-1)?.[key] === after[key]);
      if (same) { fresh.at(-1).last = last; } else { fresh.push({ ...after, first, last }); }
      first = last + 1;
    }
  }
  return [old, fresh];
}
/** A tile after the order. What becomes of this piece of it is noted in `work`. */
function stepped(tile, piece, { action, skip, from: wanted, count, attributes: patch }, work) {
  if (tile.state === 'void' && skip.length && action !== 'unvoid') { add(work.skipped, piece); return tile; }
  const state = STEPS[action][tile.state];
  const values = Object.entries({ ...JSON.parse(tile.attributes), ...patch }).filter((entry) => entry[1] !== null);
  const stuck = !state || ![null, tile.state].includes(wanted) || values.length > 64;
  // What may be in a shopper's hands is voided only by an order that counts.
  const uncounted = action === 'void' && count === null && [tile.state, tile.back].includes('active');
  work.counting &&= !stuck;
  add(stuck || uncounted ? work.blocked : work.done, stuck || uncounted ? [...piece, tile.state] : piece);
  const back = { freeze: tile.state, assign: tile.back }[action] ?? null;
  const attributes = JSON.stringify(sorted(Object.fromEntries(values)));
  return { ...tile, state: state === 'back' ? tile.back : state, attributes, back };
}
const keptIn = (table) => ({ books, line }, id) => {
  const kept = books.sql(`SELECT batches, answer FROM ${table} WHERE id = ?`).get(id);
  need(kept, 'not-found', 'nothing was applied here under this id');
  for (const name of JSON.parse(kept.batches)) { permit(line, name); }
  return JSON.parse(kept.answer);
};
function headOf({ books }, home) {
  const row = books.sql('SELECT * FROM heads WHERE home = ?').get(home);
  return row ? { ...row, at: timeText(row.at) } : { home, head: null, order: null, at: null };
}

function pageOf({ books, line, query }, name) {
  const [after, digests] = [whole(query.get('after') ?? 0), query.get('digests') ?? 'false'];
  need(['true', 'false'].includes(digests), 'invalid', 'digests is true or false');
  permit(line, name);
  const { batch, info } = batchOf(books, name);
  const most = digests === 'true' ? Math.min(after + 1_048_576, info.quantity) : info.quantity;
  const ranges = [];
  let room = 500_000; // characters: callers read no answer of any size
  for (const tile of books.sql(`${TILES} ORDER BY first`).iterate({ batch, first: after + 1 })) {
    const [first, last, before] = [Math.max(tile.first, after + 1), Math.min(tile.last, most), ranges.at(-1)];
    const same = before?.state === tile.state && before.attributes === tile.attributes;
    if (first > last || (!same && (ranges.length === 1_000 || room < 0))) { break; }
    if (same) { before.last = last; } else { ranges.push({ ...tile, first, last }); }
    room -= tile.attributes.length;
  }
  const reached = ranges.at(-1)?.last ?? info.quantity;
  const facts = ({ first, last, state, attributes }) => {
    const [span, hash] = [{ batch, first, last }, crypto.createHash('sha256')];
    const scans = books.sql(`SELECT count(*) AS scanned FROM counters WHERE ${SPAN} AND scans > 0`).get(span);
    const prints = books.sql(`SELECT print FROM prints WHERE ${SPAN} AND live ORDER BY serial`);
    let held = 0;
    for (const { print } of digests === 'true' ? prints.iterate(span) : []) { hash.update(print); held += 1; }
    const digest = digests === 'true' && { held, digest: hash.digest('hex') };
    return { serials: [first, last], state, attributes: JSON.parse(attributes), ...scans, ...digest };
  };
  return { ...info, ranges: ranges.map(facts), next: reached < info.quantity ? reached : null };
}

// --- 9 Aggregations: what lies in what -----------------------------------------------------------------
// A link is a row per run of serials in one parent. The links that hold any of the serials :first to :last:
const LINKS = `SELECT * FROM links WHERE batch = :batch AND first <= :last AND last >= :first AND first >= coalesce(
  (SELECT max(first) FROM links WHERE batch = :batch AND first <= :first), 0) ORDER BY first`;
const linksIn = (books, { batch, first, last }) => books.sql(LINKS).all({ batch, first, last });
/** The links that it makes, or undoes: children in order, `each` to a parent. Without parents, their parent is null. */
function* dealt({ parents, children, each }) {
  const numbers = every(parents?.serials ?? []);
  let [room, parent] = [0, null];
  for (const [batch, [start, end]] of children.flatMap((part) => part.serials.map((pair) => [part.batch, pair]))) {
    for (let [first, last] = [start]; first <= end; first = last + 1) {
      if (room === 0) { [room, parent] = [each ?? Infinity, numbers.next().value ?? null]; }
      last = Math.min(end, first + room - 1);
      room -= last - first + 1;
      yield { batch, first, last, parent_batch: parents?.batch ?? null, parent };
    }
  }
}
function* every(pairs) {
  for (const [first, last] of pairs) { for (let serial = first; serial <= last; serial += 1) { yield serial; } }
}
function putAggregation({ books, line, now, ...request }, id) {
  const wanted = { id, ...aggregationOf(request) };
  const names = [...new Set(wanted.all.map((part) => part.batch))].sort();
  return once({ books, line, now }, 'aggregations', wanted, names, (batches) => {
    const [{ action, counts: [parents_count, children_count], dry_run }, links] = [wanted, [...dealt(wanted)]];
    const known = new Map(batches.map(({ batch, info }, at) => [names[at], { batch, ...info }]));
    need(wanted.all.every(({ batch, serials }) => serials.at(-1)[1] <= known.get(batch).quantity), 'outside');
    if (action === 'associate') { refuseVoid(books, wanted, names, known); refuseCircles(books, links); }
    refuseMisplaced(books, action, links);
    for (const link of links) { (action === 'associate' ? linked : unlinked)(books, link); }
    return { aggregation: id, action, parents_count, children_count, dry_run };
  });
}
function refuseVoid(books, { all }, names, known) {
  const blocked = names.flatMap((name) => {
    const pieces = [];
    for (const [first, last] of all.filter((part) => part.batch === name).flatMap((part) => part.serials).sort(
      (a, b) => a[0] - b[0])) {
      const span = { batch: known.get(name).batch, first, last };
      for (const tile of books.sql(`${TILES} AND first <= :last AND state = 'void' ORDER BY first`).all(span)) {
        const begin = Math.max(tile.first, first, (pieces.at(-1)?.[1] ?? 0) + 1); // parents may be children as well
        const end = Math.min(tile.last, last);
        if (begin <= end) { add(pieces, [begin, end]); }
      }
    }
    return pieces.map((serials) => ({ batch: name, serials, state: 'void' }));
  });
  const shown = { blocked: blocked.slice(0, 100), blocked_total: blocked.length };
  need(!blocked.length, 'blocked', 'void codes are packed into nothing, and nothing into them', shown);
}
/** Refuse if a parent would lie within itself, by the links that are there and those to come together. */
function refuseCircles(books, links) {
  const insert = books.sql('INSERT INTO planned VALUES (:batch, :first, :last, :parent_batch, :parent)');
  for (const link of links) { insert.run(link); }
  const up = (table) => `SELECT up.root, up.below, one.parent_batch, one.parent FROM up JOIN ${table} AS one
    ON one.batch = up.batch AND up.serial BETWEEN one.first AND one.last`;
  const circle = books.sql(`WITH RECURSIVE up (root, below, batch, serial) AS (SELECT DISTINCT parent_batch, parent,
    parent_batch, parent FROM planned UNION ${up('links')} UNION ${up('planned')})
    SELECT 1 FROM up JOIN planned AS one ON one.batch = up.batch AND up.serial BETWEEN one.first AND one.last
    AND one.parent_batch = up.root AND one.parent = up.below LIMIT 1`).get();
  books.sql('DELETE FROM planned').run();
  need(!circle, 'nesting', 'a parent would lie within itself');
}
/** Refuse children that have a parent, if they are to get one; and children that are not where they are to leave. */
function refuseMisplaced(books, action, links) {
  const wrong = [];
  for (const link of links) {
    let next = link.first; // pieces of the link, with the parent that they have, or null
    const note = (first, last, parent) => {
      const same = parent && (link.parent === null
        || (parent.batch === link.parent_batch && parent.serial === link.parent));
      const said = JSON.stringify({ batch: link.batch, parent });
      if (first <= last && (action === 'associate' ? parent : !same)) { add(wrong, [first, last, said]); }
      next = last + 1;
    };
    for (const { first, last, parent_batch, parent } of linksIn(books, link)) {
      if (first > next) { note(next, first - 1, null); }
      note(Math.max(first, link.first), Math.min(last, link.last), { batch: parent_batch, serial: parent });
    }
    note(next, link.last, null);
  }
  const list = wrong.slice(0, 100).map(([first, last, said]) => ({ serials: [first, last], ...JSON.parse(said) }));
  const [name, key] = action === 'associate' ? ['child-taken', 'taken'] : ['child-elsewhere', 'elsewhere'];
  need(!wrong.length, name, 'read the parents back', { [key]: list, [`${key}_total`]: wrong.length });
}
const dropLink = (books, { batch, first }) => (
  books.sql('DELETE FROM links WHERE batch = ? AND first = ?').run(batch, first));
const makeLink = (books, link) => { // what is empty is none
  const insert = books.sql('INSERT INTO links VALUES (:batch, :first, :last, :parent_batch, :parent)');
  if (link.first <= link.last) { insert.run(link); }
};
function linked(books, link) {
  const around = linksIn(books, { ...link, first: link.first - 1, last: link.last + 1 })
    .filter((one) => one.parent_batch === link.parent_batch && one.parent === link.parent);
  for (const one of around) { dropLink(books, one); }
  const [first, last] = [around.map((one) => one.first), around.map((one) => one.last)];
  makeLink(books, { ...link, first: Math.min(link.first, ...first), last: Math.max(link.last, ...last) });
}
function unlinked(books, link) {
  for (const one of linksIn(books, link)) {
    dropLink(books, one);
    makeLink(books, { ...one, last: Math.min(one.last, link.first - 1) });
    makeLink(books, { ...one, first: Math.max(one.first, link.last + 1) });
  }
}
function parentsOf({ books, line, query }, batch) {
  const after = whole(query.get('after') ?? 0);
  permit(line, batch);
  const { info } = batchOf(books, batch);
  const rows = books.sql(`${LINKS} LIMIT 10001`).all({ batch, first: after + 1, last: info.quantity });
  const links = rows.slice(0, 10_000).map(({ first, last, parent_batch, parent }) => (
    { serials: [Math.max(first, after + 1), last], parent: { batch: parent_batch, serial: parent } }));
  return { batch, links, next: rows.length > 10_000 ? links.at(-1).serials[1] : null };
}

// --- 10 Scans ------------------------------------------------------------------------------------------
const PUBLIC = ['product', 'lot', 'produced_at', 'campaign', 'effective_at', 'expires_at'];
/** Decide and count in one transaction: of a hundred phones at once, exactly one is the first. */
export function scan(books, { code, scan_id }, now) {
  return books.transaction(() => {
    const rules = books.sql(`SELECT DISTINCT rule || ' ' || length AS rule FROM batches`).all().map((row) => row.rule);
    const folded = ['crockford32', 'upper'].map((rule) => [rule, canonical(rule, code)]).filter((pair) => pair[1]);
    const fitting = folded.filter(([rule, found]) => rules.includes(`${rule} ${found.length}`));
    // What fits no batch may be of one that is not registered yet: it is noted as well.
    const codes = new Set((fitting.length ? fitting : folded).map((pair) => pair[1]));
    const prints = [...codes].map((found) => fingerprint(books.key, found));
    const known = books.sql('SELECT * FROM prints JOIN batches ON number = batch WHERE print = ? AND live');
    const row = prints.map((print) => known.get(print)).find((found) => found);
    if (row) { return scanned(books, row, scan_id, now); }
    for (const print of prints) {
      const { id } = books.sql(`INSERT INTO unknown VALUES (NULL, :print, :now, :now, 1) ON CONFLICT
        DO UPDATE SET count = count + 1, last = :now RETURNING id`).get({ print, now });
      books.sql('DELETE FROM unknown WHERE id <= ? OR last < ?').run(id - 100_000, now - 90 * DAY);
    }
    const nothing = { scans: 0, first_scan: null, batch: null, serial: null, role: null, attributes: {}, pairs: [] };
    return { result: 'unknown', ...nothing };
  });
}
function scanned(books, { print, batch, serial, name, info }, scanId, now) {
  books.sql('DELETE FROM answers WHERE at <= ?').run(now - DAY);
  const kept = books.sql('SELECT answer FROM answers WHERE print = ? AND scan_id = ?').get(print, scanId);
  if (kept) { return JSON.parse(kept.answer); }
  const { state, attributes: values } = books.sql(`${TILES} ORDER BY first LIMIT 1`).get({ batch, first: serial });
  const { effective_at: begins, expires_at: ends, max_scans: most = 1, role } = JSON.parse(values);
  let { scans = 0, first_scan = null } = books.sql('SELECT * FROM counters WHERE batch = ? AND serial = ?')
    .get(batch, serial) ?? {};
  const isPast = (time) => BigInt(now) * 1_000_000n >= instant(time);
  const timely = begins && !isPast(begins) ? 'not_yet' : ends && isPast(ends) ? 'expired' : null;
  const result = (state !== 'active' && state) || timely || (scans < most ? 'genuine' : 'repeat');
  const counts = result === 'genuine' || result === 'repeat';
  if (counts) { [scans, first_scan] = [scans + 1, first_scan ?? now]; }
  books.sql(`INSERT INTO counters VALUES (:batch, :serial, :scans, :first_scan, :early) ON CONFLICT
    DO UPDATE SET scans = :scans, first_scan = :first_scan, early = max(early, :early)`)
    .run({ batch, serial, scans, first_scan, early: Number(!counts && result !== 'expired') });
  const shown = Object.entries(JSON.parse(values)).filter(([key]) => PUBLIC.includes(key));
  const answer = { result, scans, first_scan: timeText(first_scan), batch: name, serial,
    role: role ?? JSON.parse(info).role, attributes: Object.fromEntries(shown), pairs: pairsOf(books, name, serial) };
  const row = [print, scanId, now, JSON.stringify(answer)];
  if (counts && scanId !== null) { books.sql('INSERT INTO answers VALUES (?, ?, ?, ?)').run(...row); }
  return answer;
}
/** The other codes on the same item, of the batches that are registered. */
function pairsOf(books, name, serial) {
  const { batch: number, info: { pair_of: partner } } = batchOf(books, name);
  return books.sql(`SELECT name, number, info FROM batches WHERE number <> :number AND (name = :partner
    OR info ->> 'pair_of' IN (:name, :partner)) ORDER BY name`).all({ number, name, partner }).flatMap((row) => {
    const { quantity, role: own } = JSON.parse(row.info);
    const tile = books.sql(`${TILES} ORDER BY first LIMIT 1`).get({ batch: row.number, first: serial });
    const role = JSON.parse(tile.attributes).role ?? own;
    return serial <= quantity ? [{ batch: row.name, serial, role }] : [];
  });
}
function unknownScans({ books, query, now }) {
  const rows = books.sql('SELECT * FROM unknown WHERE id > ? AND last >= ? ORDER BY id LIMIT 1001')
    .all(whole(query.get('after') ?? 0), now - 90 * DAY);
  const unknown = rows.slice(0, 1_000).map(({ print, first, last, count }) => ({
    fingerprint: Buffer.from(print).toString('hex'), first: timeText(first), last: timeText(last), count }));
  return { unknown, next: rows.length > 1_000 ? rows[999].id : null };
}
/** Scan, as far as the address may: unknown codes are guesses. It has 20 of them, and one more in 30 seconds. */
function limited({ books, now, guesses, address }, asked) {
  const { left: before, at } = guesses.get(address) ?? { left: 20, at: now };
  const left = address === null ? 20 : Math.min(20, before + (now - at) / 30); // null: this machine
  const wait = Math.ceil((1 - left) * 30);
  need(wait <= 0, 'too-many', 'scan again later', { retry_after: wait }, { 'Retry-After': wait });
  const answer = scan(books, asked, now);
  if (guesses.size > 100_000) { guesses.clear(); }
  guesses.set(address, { left: left - (answer.result === 'unknown'), at: now });
  return answer;
}

// --- 11 Server -----------------------------------------------------------------------------------------
const whole = (digits) => { need(/^\d{1,12}$/.test(digits), 'invalid', 'no such number'); return Number(digits); };
const health = ({ books }) => ({ api: 'v1', scheme: 'hmac-sha256-128', fingerprint_key_id: books.keyId });
// Opening the page counts nothing, for messengers and browsers load what nobody looks at. The button scans.
const page = (words) => `<!doctype html><html lang="zh"><meta charset="utf-8"><title>查询 Check</title><h1>${words}</h1>
<meta name="viewport" content="width=device-width"><form method="post"><button>查询 Check</button>
<input type="hidden" name="scan_id" value="${crypto.randomUUID()}"></form>`;
function checked(request, code) {
  const id = new URLSearchParams(`${request.body}`).get('scan_id');
  const { result } = limited(request, { code: unescape(code), scan_id: isName(id) ? id : null });
  return page({ genuine: '正品 Genuine', repeat: '此码已被查询过 Checked before' }[result] ?? '请联系品牌客服 Ask the brand');
}
// Method and address → what is done there. * is an id.
const ROUTES = Object.entries({ 'GET /v1/health': health, 'HEAD /v1/health': health,
  'PUT /v1/batches/*': register, 'GET /v1/batches/*': pageOf, 'PUT /v1/batches/*/fingerprints/*': upload,
  'PUT /v1/orders/*': putOrder, 'GET /v1/orders/*': keptIn('orders'), 'GET /v1/homes/*/head': headOf,
  'PUT /v1/aggregations/*': putAggregation, 'GET /v1/aggregations/*': keptIn('aggregations'),
  'GET /v1/batches/*/parents': parentsOf,
  'GET /v1/unknown-scans': unknownScans, 'POST /v1/scans': (request) => limited(request, form(request, SCAN)),
  'GET /*': () => page(''), 'HEAD /*': () => page(''), 'POST /*': checked,
}).map(([route, act]) => [route.split(' ')[0], new RegExp(`^${route.split(' ')[1].replaceAll('*', '([^/]+)')}$`), act]);

async function bodyOf(request) {
  const most = /^\/v1\/(?:batches|orders|aggregations)\//.test(request.url) ? 1_048_576 : 4_096;
  let [chunks, size] = [[], 0];
  for await (const chunk of request) { // to its end, for who still sends hears no refusal
    size += chunk.length;
    if (size <= most) { chunks.push(chunk); }
  }
  need(size <= most, 'too-large', `at most ${most} bytes`);
  return Buffer.concat(chunks);
}
/** Who sends this: a line by its signature; or this machine, if there are no lines. */
function senderOf({ books, lines, hosts, headers, body, now, isHere }, request) {
  if (lines === null && isHere && /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(headers.host)) { return {}; }
  let keys = new Map();
  try { keys = readLines(lines); } catch { /* while the file is malformed, nobody is let in */ }
  const good = verified(keys, hosts, now, request, headers, body);
  if (good && isFresh(books, good, now)) { return keys.get(good.keyId); }
  const covered = [...COVERED, ...(body.length ? ['content-digest'] : [])].map((name) => `"${name}"`).join(' ');
  throw new Problem('unauthorised', 'sign afresh, for this name', { server_time: timeText(now) }, {
    'Accept-Signature': `mintmark=(${covered});created;expires;nonce="${crypto.randomUUID()}";tag="mintmark"` });
}
/** What a request is answered: an object, a page, or nothing. Throws `Problem`. */
async function answered(request, options) {
  const [body, now, { method, headers }] = [await bodyOf(request), Math.floor(Date.now() / 1_000), request];
  const [, path, search] = /^([^?]*)\??(.*)$/.exec(request.url);
  const found = ROUTES.filter(([, pattern]) => pattern.test(path));
  need(found.length, 'not-found', 'there is no such address');
  const [, pattern, act] = found.find((route) => route[0] === method) ?? [];
  need(act, 'method-not-allowed', '', {}, { Allow: found.map((route) => route[0]).sort().join(', ') });
  const [ids, peer, via] = [pattern.exec(path).slice(1), request.socket.remoteAddress, headers['x-forwarded-for']];
  const isHere = /^(?:::ffff:)?127\.|^::1$/.test(peer) && !via;
  const address = isHere ? null : (options.proxied && via?.split(',').at(-1).trim()) || peer;
  const context = { ...options, headers, body, now, isHere, address, query: new URLSearchParams(search) };
  if (path.startsWith('/v1/') && !['/v1/health', '/v1/scans'].includes(path)) { // anybody may call these
    const signed = { '@method': method, '@authority': headers.host ?? '', '@path': path, '@query': `?${search}` };
    context.line = senderOf(context, signed);
    need(ids.every(isName), 'invalid', 'an id is malformed');
  }
  return act(context, ...ids);
}
/** A server, not listening yet. proxied: whether your own proxy writes X-Forwarded-For. */
export function serverOf({ books, lines, hosts, proxied = false }) {
  const options = { books, lines, hosts, proxied, guesses: new Map() };
  return createServer({ requestTimeout: 60_000 }, async (request, response) => {
    let [answer, headers] = [];
    try { answer = await answered(request, options); } catch (error) {
      const known = error instanceof Problem; // the text of any other stays unsaid: a code may stand in it
      if (!known) { console.error('a request failed:', error.code ?? error.name); }
      ({ body: answer, headers } = known ? error : new Problem('internal', 'try again later'));
    }
    const kind = { string: 'text/html; charset=utf-8', object: `application/${answer?.type ? 'problem+' : ''}json` };
    response.writeHead(answer?.status ?? (answer ? 200 : 204), { 'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer', 'Content-Security-Policy': "default-src 'none'; form-action 'self'",
      'X-Content-Type-Options': 'nosniff', ...(answer && { 'Content-Type': kind[typeof answer] }), ...headers });
    response.end(typeof answer === 'object' ? JSON.stringify(answer) : answer);
  });
}

function main() {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }];
  const { values } = parseArgs({ options: { data: text, 'fingerprint-key': text, lines: text, unsigned: flag,
    authority: { ...text, multiple: true, default: [] }, proxied: flag, host: { ...text, default: '127.0.0.1' },
    port: { ...text, default: '8765' } } });
  const { lines = null, host, port, proxied } = values;
  if (!lines === !values.unsigned) { throw new Error('give --lines FILE, or --unsigned'); }
  if (lines) { readLines(lines); } // what is malformed stops the start, and not the first order
  const books = openBooks(values.data, readFingerprintKey(values['fingerprint-key']));
  const hosts = new Set(values.authority.map((name) => name.toLowerCase()));
  const server = serverOf({ books, lines, hosts, proxied }).listen(Number(port), host, () => {
    if (!hosts.size) { hosts.add(`${host}:${server.address().port}`); }
    console.log(`listening on http://${host}:${server.address().port}`);
  });
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) { main(); }
