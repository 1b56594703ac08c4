// A complete scan backend in one file, to copy from: the other side of docs/activation-api.md. Node 22.13 or
// newer, no packages, its books in SQLite: 1 Problems, 2 Codes, 3 Signatures, 4 Forms, 5 Windows, 6 Keys,
// 7 Books, 8 Fingerprints, 9 Orders, 10 Aggregations, 11 Scans, 12 Who watches, 13 Scan-ins, 14 Server. It is
// one process, in which orders and scans take turns: the activation of a million codes holds scans up for
// seconds. A larger one keeps 1 to 6, tiles, links and transactions.
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
// Who scans → the attribute that limits the scans of each code. The order is that of the answers.
const PARTIES = { consumer: 'max_scans', guide: 'guide_scans', dealer: 'dealer_scans', store: 'store_scans' };
const [, ...SIGNING] = Object.keys(PARTIES);
const LAYERS = Object.entries({ native: ['product', 'lot', 'line', 'produced_at'],
  property: ['dealer', 'region', 'scanned_in'],
  activity: ['campaign', ...Object.values(PARTIES), 'role', 'gate', 'effective_at', 'expires_at'] });
const isWindowKey = (key) => /^window\.[a-z0-9][a-z0-9_-]{0,31}$/.test(key);
const layerOf = (key) => (isWindowKey(key) ? 'activity' : LAYERS.find(([, keys]) => keys.includes(key))?.[0]
  ?? /^(native|property|activity)\.[a-z][a-z0-9_]{0,40}$/.exec(key)?.[1]);
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
const isText = (value) => text(1_024)(value) && Buffer.byteLength(value) <= 1_024;
const KINDS = new Map([...Object.values(PARTIES).map((key) => [key, from(1, 1_000_000)]), ['role', isRole],
  ['gate', one('scan_in')], ['scanned_in', isTime]]);
const isPatch = (value, isInWindow = false) => isObject(value) && Object.keys(value).length <= 64
  && Object.entries(value).every(([key, item]) => layerOf(key) && !(isInWindow && isWindowKey(key)) && (item === null
    || (isWindowKey(key) ? isWindow(item) : (KINDS.get(key) ?? isText)(item))));
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
const isRegion = like(/^([A-Z]{2}(-[A-Z0-9]{1,3})?|[0-9]{2}|[0-9]{4}|[0-9]{6})$/);
const SCAN = { code: [text(128)], scan_id: orNull(isName), as: orNull(one(...SIGNING)), region: orNull(isRegion) };
const upTo = (most, is) => [(value) => Array.isArray(value) && value.length <= most && value.every(is), []];
const SCAN_IN = { dealer: orNull((value) => isText(value) && value !== ''), codes: upTo(1_000, text(128)),
  ranges: upTo(1_000, isCodes), contents: [one(true, false), true] };
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
  const attributes = Object.fromEntries(Object.entries(content.attributes).map(([key, value]) => (
    [key, isWindowKey(key) && value ? inFull(value) : value])));
  const [serials, same] = [joined(content.serials), { ...attributes }];
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

/** A scan-in, checked, for this dealer. Its `identity` is a keyed hash: these books hold no code. */
function scanInOf(request, line, key) {
  const { dealer: named, codes, ranges, contents } = form(request, SCAN_IN);
  const parts = ranges.map(({ batch, serials }) => ({ batch, serials: joined(serials) }))
    .sort((a, b) => (a.batch < b.batch ? -1 : 1));
  const size = codes.length + ranges.flatMap(({ serials }) => serials).length;
  need(from(1, 1_000)(size) && new Set(parts.map(({ batch }) => batch)).size === parts.length
    && (named !== null || line.attributes), 'invalid', 'name codes or ranges, and whose they are');
  const dealer = line.attributes ? line.attributes.dealer : named;
  const may = (line.actions?.includes('scan_in') ?? true) && (line.layers?.includes('property') ?? true);
  need(may && dealer && [null, dealer].includes(named), 'forbidden', 'this key opens nothing for that dealer');
  const content = Buffer.from(JSON.stringify([dealer, codes, parts, contents])).toString('latin1');
  return { dealer, codes, parts, contents, identity: hmac(key, content).toString('hex') };
}

// --- 5 Windows: what a code is worth at a moment -------------------------------------------------------
// Of a key whose gate is closed, only these are left of the layer activity: they count scans.
const AT_THE_GATE = [...Object.values(PARTIES), 'role', 'gate', 'effective_at', 'expires_at'];
const NOT_HELD = ['role', 'effective_at', 'expires_at', 'scanned_in'];
const isDaily = (value) => Array.isArray(value) && value.length === 2
  && value.every(like(/^([01]\d|2[0-3]):[0-5]\d(Z|[+-](0\d|1[0-4]):[0-5]\d)$/))
  && value[0].slice(5) === value[1].slice(5) && value[0] !== value[1];
const isHeld = (value) => isPatch(value, true) && !Object.keys(value).some((key) => NOT_HELD.includes(key));
const WINDOW = { from: orNull(isTime), until: orNull(isTime), daily: orNull(isDaily), attributes: [isHeld] };
/** A window with all its keys, so that the same content is the same text. */
const inFull = ({ from: begins = null, until: ends = null, daily = null, attributes }) => (
  { from: begins, until: ends, daily, attributes: sorted(attributes) });
function isWindow(value) {
  const known = isObject(value) && Object.keys(value).every((key) => Object.hasOwn(WINDOW, key))
    && Object.entries(WINDOW).every(([key, [is, otherwise]]) => is(Object.hasOwn(value, key) ? value[key] : otherwise));
  if (!known) { return false; }
  const [{ from: begins, until: ends, daily }, size] = [inFull(value), Object.keys(value.attributes).length];
  // Its bytes are counted with a space after each colon and comma.
  const bytes = Buffer.byteLength(JSON.stringify(inFull(value))) + 6 + 2 * size + (daily ? 1 : 0);
  return size > 0 && (begins ?? ends ?? daily) !== null && !(begins && ends && instant(begins) >= instant(ends))
    && bytes <= 4_096;
}
const minuteOf = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
/** Whether a window holds; now: Unix time. */
function holds({ from: begins, until: ends, daily }, now) {
  const at = BigInt(now) * 1_000_000n;
  if ((begins && at < instant(begins)) || (ends && at >= instant(ends))) { return false; }
  if (!daily) { return true; }
  const offset = daily[0][5] === 'Z' ? 0 : minuteOf(daily[0].slice(6)) * (daily[0][5] === '-' ? -1 : 1);
  const [first, last, minute] = [...daily.map(minuteOf), (Math.floor(now / 60) + offset + 1_440) % 1_440];
  return first < last ? first <= minute && minute < last : minute >= first || minute < last;
}
/** What a code with these attributes is worth now: its windows that hold laid over them, then the gate. */
export function worth(attributes, now) {
  const holding = Object.entries(attributes).filter(([key, value]) => isWindowKey(key) && holds(value, now))
    .map(([key, { from: begins, attributes: held }]) => ({ key, at: begins ? instant(begins) : -(10n ** 18n), held }))
    .sort((a, b) => (a.at < b.at || (a.at === b.at && a.key < b.key) ? -1 : 1));
  const laid = Object.assign({ ...attributes }, ...holding.map(({ held }) => held));
  const isShut = laid.gate === 'scan_in' && !laid.scanned_in;
  return Object.fromEntries(Object.entries(laid).filter(([key, value]) => value !== null && !isWindowKey(key)
    && !(isShut && layerOf(key) === 'activity' && !AT_THE_GATE.includes(key))));
}

// --- 6 Keys: of lines and platforms, and what each may do ----------------------------------------------
const SCOPES = { actions: one(...ACTIONS, ...PACKING, 'scan_in'), layers: one('native', 'property', 'activity'),
  batches: like(/^[^[]+$/) }; // of patterns, only * and ?
const OF_PLATFORMS = { actions: one('scan_in'), batches: SCOPES.batches, parties: one(...SIGNING) };
/** lines.toml as a Map from key id. Of TOML it reads the form that mintmark writes, and no more. */
export function parseLines(toml, folder) {
  const tables = [];
  for (const row of toml.split('\n').map((part) => part.trim())) {
    const [, key, value] = /^([a-z_]+) *= *("[^"#]*"|\[[^#]*\]|\{[^#]*\}|true|false) *(?:#.*)?$/.exec(row) ?? [];
    const [, kind] = /^\[\[(line|platform)\]\] *(?:#.*)?$/.exec(row) ?? [];
    if (kind) { tables.push({ kind }); continue; }
    const fits = key ? tables.length && !Object.hasOwn(tables.at(-1), key) : /^(?:#.*)?$/.test(row);
    if (!fits) { throw new Error('lines.toml holds tables [[line]] and [[platform]] of key = value, each key once'); }
    // That much of TOML is JSON, but for the keys of {dealer = "D7"}.
    if (key) { tables.at(-1)[key] = JSON.parse(value.replace(/([{,]) *("[a-z0-9_.]+"|[a-z_]+) *=/g,
      (_, sign, name) => `${sign}"${name.replaceAll('"', '')}":`)); }
  }
  const lines = new Map(tables.map((table) => [table.key_id, lineOf(table, folder)]));
  if (lines.size < tables.length) { throw new Error('lines.toml: a key_id stands there twice'); }
  return lines;
}
// The file is small, and read each time: a key that was taken out is refused at once.
const readLines = (path) => parseLines(readFileSync(path, 'utf8'), dirname(path));
function lineOf({ kind, name, key_id, algorithm, public_key, secret_file, attributes, ...scopes }, folder) {
  const lists = kind === 'line' ? SCOPES : OF_PLATFORMS;
  const right = [name, key_id].every(like(/./)) && Object.entries(scopes).every(([scope, value]) => (
    scope === 'upload' && kind === 'line' ? typeof value === 'boolean'
      : Object.hasOwn(lists, scope) && Array.isArray(value) && value.every(lists[scope])))
    && (attributes === undefined || (isPatch(attributes) && Object.entries(attributes).every(([key, value]) => (
      value !== null && !isWindowKey(key) && !['effective_at', 'expires_at'].includes(key)))));
  const secret = () => Buffer.from(readFileSync(join(folder, secret_file), 'latin1').split(/\r?\n/)[0], 'latin1');
  const isPublic = algorithm === 'ed25519' && secret_file === undefined && like(/^[0-9a-f]{64}$/)(public_key);
  const isShared = algorithm === 'hmac-sha256' && public_key === undefined;
  const key = isPublic ? Buffer.from(public_key, 'hex') : isShared ? secret() : '';
  if (!right || key.length < 32) { throw new Error(`lines.toml: look at the ${kind} ${name}`); }
  return { algorithm, key, ...(kind === 'platform' && { isPlatform: true, actions: [] }), ...scopes,
    ...(attributes && { attributes }) };
}
const SCOPE = ['forbidden', 'this key may not do that: see its scope in lines.toml'];
/** Refuse what a key may not do. A scope that is left out sets no limit. */
function permit({ batches = ['*'], actions, layers, upload: may = true, isPlatform, attributes: bound }, batch,
  order, uploads = false) {
  const [signs, isOf] = [{ '*': '.*', '?': '.' }, (pattern) => new RegExp(`^${
    pattern.replace(/\W/g, (letter) => signs[letter] ?? `\\${letter}`)}$`).test(batch)];
  const [patch, isScanIn] = [order?.attributes ?? {}, order?.action === 'scan_in'];
  const keys = Object.entries(patch).flatMap(([key, value]) => [key, ...Object.keys(value?.attributes ?? {})]);
  need(batches.some(isOf) && (may || !uploads) && (!order || !actions || actions.includes(order.action))
    && (!isPlatform || isScanIn) && keys.every((key) => layers?.includes(layerOf(key)) ?? true)
    && (!bound || Object.entries(patch).every(([key, value]) => bound[key] === value)), ...SCOPE);
}
const onlyLines = ({ isPlatform }) => need(!isPlatform, ...SCOPE);

// --- 7 Books -------------------------------------------------------------------------------------------
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
INDEX inside ON links (parent_batch, parent);
TABLE planned (batch TEXT, first INTEGER, last, parent_batch, parent, PRIMARY KEY (batch, first)) WITHOUT ROWID;
TABLE heads (home TEXT PRIMARY KEY, head, "order", at);
TABLE counters (batch INTEGER, serial INTEGER, party TEXT, scans, first_scan, last_scan, early,
  PRIMARY KEY (batch, serial, party)) WITHOUT ROWID;
TABLE answers (print BLOB, scan_id TEXT, party TEXT, at, answer, PRIMARY KEY (print, scan_id, party));
INDEX answered ON answers (at);
TABLE unknown (id INTEGER PRIMARY KEY AUTOINCREMENT, print BLOB UNIQUE, first, last, count);
TABLE refused (id INTEGER PRIMARY KEY AUTOINCREMENT, batch, serial, state, first, last, count,
  UNIQUE (batch, serial, state));
TABLE regions (batch INTEGER, serial INTEGER, region TEXT, scans, first, last, PRIMARY KEY (batch, serial, region))
  WITHOUT ROWID;
TABLE scan_ins (id TEXT PRIMARY KEY, batches, identity, answer);
TABLE opened (number INTEGER PRIMARY KEY, id, dealer, at, codes);
TABLE nonces (key_id TEXT, nonce TEXT, until, PRIMARY KEY (key_id, nonce));`
  .replace(/(?<=^|; )(TABLE|(?:UNIQUE )?INDEX) /gm, 'CREATE $1 IF NOT EXISTS ');
const [DAY, ROWS] = [86_400, 100_000];
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

// --- 8 Fingerprints ------------------------------------------------------------------------------------
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
  books.sql(`INSERT INTO counters SELECT batch, serial, 'consumer', 0, NULL, NULL, 1 FROM unknown
    CROSS JOIN prints USING (print) WHERE live AND batch = ? ON CONFLICT DO UPDATE SET early = 1`).run(batch);
  books.sql('DELETE FROM unknown WHERE EXISTS (SELECT 1 FROM prints WHERE live AND print = unknown.print)').run();
  const early = books.sql(`SELECT DISTINCT serial FROM counters WHERE ${SPAN} AND early ORDER BY
    serial LIMIT 1000`);
  return pairs.flatMap(([first, last]) => early.all({ batch, first, last })).slice(0, 1_000).map((row) => row.serial);
}

// --- 9 Orders, and reading back ------------------------------------------------------------------------
// action → state → state afterwards. What does not stand here is in the way.
const STEPS = { activate: { inactive: 'active' }, revoke: { active: 'inactive' }, unfreeze: { frozen: 'back' },
  freeze: { inactive: 'frozen', active: 'frozen' }, void: { inactive: 'void', active: 'void', frozen: 'void' },
  unvoid: { void: 'inactive' }, assign: { inactive: 'inactive', active: 'active', frozen: 'frozen' } };
STEPS.scan_in = STEPS.assign;
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
  retile(books, batch, old, fresh);
  return { order: id, batch: name, action, dry_run, applied: work.done.slice(0, 1_000), applied_count: count,
    skipped: work.skipped.slice(0, 1_000), skipped_count: passed,
    truncated: Math.max(work.done.length, work.skipped.length) > 1_000,
    scanned_before: action === 'activate' ? activated(books, batch, work.done, now) : [] };
}
function retile(books, batch, old, fresh) {
  books.sql('DELETE FROM tiles WHERE batch = ? AND first BETWEEN ? AND ?').run(batch, old[0].first, old.at(-1).first);
  const insert = books.sql('INSERT INTO tiles VALUES (:batch, :first, :last, :state, :back, :attributes)');
  for (const tile of fresh) { insert.run(tile); }
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
function stepped(tile, piece, { action, skip, from: wanted = null, count, attributes: patch }, work) {
  const before = JSON.parse(tile.attributes);
  const isOurs = action === 'scan_in' && before.scanned_in && before.dealer === patch.dealer;
  const isPassed = isOurs || (tile.state === 'void' && skip.length && action !== 'unvoid');
  if (isPassed) { add(work.skipped, piece); return tile; }
  const [state, after] = [STEPS[action][tile.state], { ...before, ...patch }];
  const values = Object.entries(after).filter((entry) => entry[1] !== null);
  const stuck = !state || ![null, tile.state].includes(wanted) || values.length > 64
    || values.filter(([key]) => isWindowKey(key)).length > 8;
  // What may be in a shopper's hands is voided only by an order that counts.
  const uncounted = action === 'void' && count === null && [tile.state, tile.back].includes('active');
  work.counting &&= !stuck;
  add(stuck || uncounted ? work.blocked : work.done, stuck || uncounted ? [...piece, tile.state] : piece);
  const back = { freeze: tile.state, assign: tile.back, scan_in: tile.back }[action] ?? null;
  const attributes = JSON.stringify(sorted(Object.fromEntries(values)));
  return { ...tile, state: state === 'back' ? tile.back : state, attributes, back };
}
const keptIn = (table) => ({ books, line }, id) => {
  const kept = books.sql(`SELECT batches, answer FROM ${table} WHERE id = ?`).get(id);
  need(kept, 'not-found', 'nothing was applied here under this id');
  for (const name of JSON.parse(kept.batches)) { permit(line, name); }
  return JSON.parse(kept.answer);
};
function headOf({ books, line }, home) {
  onlyLines(line);
  const row = books.sql('SELECT * FROM heads WHERE home = ?').get(home);
  return row ? { ...row, at: timeText(row.at) } : { home, head: null, order: null, at: null };
}

/** The ranges of a batch after a serial: tiles that touch, of one state and the same attributes, joined. */
function* rangesOf(books, batch, after, most) {
  let range = null;
  for (const tile of books.sql(`${TILES} ORDER BY first`).iterate({ batch, first: after + 1 })) {
    const [first, last] = [Math.max(tile.first, after + 1), Math.min(tile.last, most)];
    if (first > last) { break; }
    if (range?.state === tile.state && range.attributes === tile.attributes) { range.last = last; continue; }
    if (range) { yield range; }
    range = { ...tile, first, last };
  }
  if (range) { yield range; }
}
function pageOf({ books, line, query }, name) {
  const [after, digests, since] = [whole(query.get('after') ?? 0), query.get('digests') ?? 'false', query.get('since')];
  need(['true', 'false'].includes(digests), 'invalid', 'digests is true or false');
  need(since === null || isTime(since), 'invalid', 'since is a time');
  permit(line, name);
  const { batch, info } = batchOf(books, name);
  const most = digests === 'true' ? Math.min(after + 1_048_576, info.quantity) : info.quantity;
  const ranges = [];
  let room = 500_000; // characters: callers read no answer of any size
  for (const range of rangesOf(books, batch, after, most)) {
    if (ranges.length === 1_000 || room < 0) { break; }
    ranges.push(range);
    room -= range.attributes.length;
  }
  const reached = ranges.at(-1)?.last ?? info.quantity;
  const least = since === null ? null : Math.ceil(Number(instant(since)) / 1e6);
  const scans = books.sql(`SELECT count(*) AS scanned, sum(first_scan >= :since) AS scanned_since FROM counters
    WHERE ${SPAN} AND party = 'consumer' AND scans > 0`);
  const facts = ({ first, last, state, attributes }) => {
    const [span, hash] = [{ batch, first, last }, crypto.createHash('sha256')];
    const { scanned, scanned_since } = scans.get({ ...span, since: least });
    const prints = books.sql(`SELECT print FROM prints WHERE ${SPAN} AND live ORDER BY serial`);
    let held = 0;
    for (const { print } of digests === 'true' ? prints.iterate(span) : []) { hash.update(print); held += 1; }
    const digest = digests === 'true' && { held, digest: hash.digest('hex') };
    return { serials: [first, last], state, attributes: JSON.parse(attributes), scanned,
      scanned_since: since === null ? null : scanned_since ?? 0, ...digest };
  };
  return { ...info, ranges: ranges.map(facts), next: reached < info.quantity ? reached : null };
}

// --- 10 Aggregations: what lies in what ----------------------------------------------------------------
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

// --- 11 Scans ------------------------------------------------------------------------------------------
const PUBLIC = ['product', 'lot', 'produced_at', 'campaign', 'effective_at', 'expires_at'];
/** The code of a text, or what its fingerprint may be. */
function lookedUp(books, code) {
  const rules = books.sql(`SELECT DISTINCT rule || ' ' || length AS rule FROM batches`).all().map((row) => row.rule);
  const folded = ['crockford32', 'upper'].map((rule) => [rule, canonical(rule, code)]).filter((pair) => pair[1]);
  const fitting = folded.filter(([rule, found]) => rules.includes(`${rule} ${found.length}`));
  // What fits no batch may be of one that is not registered yet: it is noted as well.
  const codes = new Set((fitting.length ? fitting : folded).map((pair) => pair[1]));
  const prints = [...codes].map((found) => fingerprint(books.key, found));
  const known = books.sql('SELECT * FROM prints JOIN batches ON number = batch WHERE print = ? AND live');
  return { prints, row: prints.map((print) => known.get(print)).find((found) => found) };
}
/** Decide and count in one transaction: of a hundred phones at once, exactly one is the first. */
export function scan(books, { code, scan_id, as = null, region = null }, now) {
  return books.transaction(() => {
    const [{ prints, row }, party] = [lookedUp(books, code), as ?? 'consumer'];
    if (row) { return scanned(books, row, { party, scanId: scan_id, region }, now); }
    for (const print of prints) { note(books, 'unknown', [print], now); }
    const nothing = { scans: 0, first_scan: null, parties: {}, batch: null, serial: null, role: null, gate: null };
    return { result: 'unknown', as: party, ...nothing, attributes: {}, pairs: [] };
  });
}
/** Note a scan in a table of them, where its key has one row. The newest rows stay, each for 90 days. */
function note(books, table, key, now) {
  const { id } = books.sql(`INSERT INTO ${table} VALUES (NULL, ${key.map(() => '?').join(', ')}, ?, ?, 1)
    ON CONFLICT DO UPDATE SET count = count + 1, last = excluded.last RETURNING id`).get(...key, now, now);
  books.sql(`DELETE FROM ${table} WHERE id <= ? OR last < ?`).run(id - ROWS, now - 90 * DAY);
}
function scanned(books, { print, batch, serial, name, info }, { party, scanId, region }, now) {
  books.sql('DELETE FROM answers WHERE at <= ?').run(now - DAY);
  const kept = books.sql('SELECT answer FROM answers WHERE print = ? AND scan_id = ? AND party = ?')
    .get(print, scanId, party);
  if (kept) { return JSON.parse(kept.answer); }
  const tile = books.sql(`${TILES} ORDER BY first LIMIT 1`).get({ batch, first: serial });
  const [{ state }, stored] = [tile, JSON.parse(tile.attributes)];
  const { effective_at: begins, expires_at: ends } = stored; // no window changes them
  const values = worth(stored, now);
  const { [PARTIES[party]]: most = 1, role, gate, scanned_in: opened } = values;
  const counters = books.sql('SELECT * FROM counters WHERE batch = ? AND serial = ?').all(batch, serial);
  let { scans = 0, first_scan = null, last_scan = null } = counters.find((row) => row.party === party) ?? {};
  const isPast = (time) => BigInt(now) * 1_000_000n >= instant(time);
  const timely = begins && !isPast(begins) ? 'not_yet' : ends && isPast(ends) ? 'expired' : null;
  const result = (state !== 'active' && state) || timely || (scans < most ? 'genuine' : 'repeat');
  const counts = result === 'genuine' || result === 'repeat';
  if (counts) { [scans, first_scan, last_scan] = [scans + 1, first_scan ?? now, now]; }
  else { note(books, 'refused', [batch, serial, result], now); }
  books.sql(`INSERT INTO counters VALUES (:batch, :serial, :party, :scans, :first_scan, :last_scan, :early) ON CONFLICT
    DO UPDATE SET scans = :scans, first_scan = :first_scan, last_scan = :last_scan, early = max(early, :early)`)
    .run({ batch, serial, party, scans, first_scan, last_scan, early: Number(!counts && result !== 'expired') });
  if (region !== null) { noteRegion(books, { batch, serial, region, now }); }
  const all = { ...Object.fromEntries(counters.map((row) => [row.party, row.scans])), [party]: scans };
  const answer = { result, as: party, scans, first_scan: timeText(first_scan),
    parties: Object.fromEntries(Object.keys(PARTIES).filter((key) => all[key]).map((key) => [key, all[key]])),
    batch: name, serial, role: role ?? JSON.parse(info).role, gate: gate ? (opened ? 'open' : 'closed') : null,
    attributes: values, pairs: pairsOf(books, name, serial) };
  const row = [print, scanId, party, now, JSON.stringify(answer)];
  if (counts && scanId !== null) { books.sql('INSERT INTO answers VALUES (?, ?, ?, ?, ?)').run(...row); }
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
/** Scan, as far as the address may: unknown codes are guesses. It has 20 of them, and one more in 30 seconds. */
function limited({ books, now, guesses, address }, asked) {
  const { left: before, at } = guesses.get(address) ?? { left: 20, at: now };
  const left = address === null ? 20 : Math.min(20, before + (now - at) / 30); // null: this machine
  const wait = Math.ceil((1 - left) * 30);
  need(wait <= 0, 'too-many', 'scan again later', { retry_after: wait }, { 'Retry-After': wait });
  const answer = scan(books, asked, now);
  if (guesses.size > 100_000) { guesses.clear(); }
  guesses.set(address, { left: left - (answer.result === 'unknown'), at: now });
  const shown = Object.entries(answer.attributes).filter(([key]) => PUBLIC.includes(key));
  return { ...answer, attributes: Object.fromEntries(shown) };
}
/** A scan: a consumer's by whoever asks, anybody else's by a platform. Who signs is told all attributes. */
function scanFor(context) {
  const { books, headers, now, sign } = context;
  const signer = headers['signature-input'] === undefined ? null : sign();
  const asked = form(context, SCAN);
  const line = signer ?? (asked.as === null ? null : sign());
  if (line === null) { return limited(context, asked); }
  const { isHere, isPlatform, parties = SIGNING } = line;
  need(isHere || (isPlatform && [null, ...parties].includes(asked.as)), ...SCOPE);
  return scan(books, asked, now);
}

// --- 12 Who watches ------------------------------------------------------------------------------------
/** Rows of a table of noted scans, as each is told. */
function noted({ books, query, now }, table, told) {
  const rows = books.sql(`SELECT * FROM ${table} WHERE id > ? AND last >= ? ORDER BY id LIMIT 1001`)
    .all(whole(query.get('after') ?? 0), now - 90 * DAY);
  const times = ({ first, last, count }) => ({ first: timeText(first), last: timeText(last), count });
  const list = rows.slice(0, 1_000).map((row) => ({ ...told(row), ...times(row) }));
  return { [table]: list, next: rows.length > 1_000 ? rows[999].id : null };
}
function unknownScans(context) {
  const page = noted(context, 'unknown', ({ print }) => ({ fingerprint: Buffer.from(print).toString('hex') }));
  onlyLines(context.line);
  return page;
}
function refusedScans(context) {
  const name = context.books.sql('SELECT name FROM batches WHERE number = ?');
  return noted(context, 'refused', ({ batch, serial, state }) => ({ batch: name.get(batch).name, serial, state }));
}
/** Codes that consumers scanned more than `over` times. */
function repeats({ books, query }) {
  const over = whole(query.get('over') ?? 1);
  const [, name, serial] = /^(.*):(\d{1,12})$/.exec(query.get('after') ?? '0:0') ?? [];
  need(isSerial(over) && isName(name), 'invalid', 'after is BATCH:SERIAL');
  const rows = books.sql(`SELECT name AS batch, serial, scans, first_scan, last_scan FROM counters JOIN batches
    ON number = batch WHERE party = 'consumer' AND scans > ? AND (name, serial) > (?, ?) ORDER BY name, serial
    LIMIT 1001`).all(over, name, Number(serial));
  const list = rows.slice(0, 1_000).map((row) => (
    { ...row, first_scan: timeText(row.first_scan), last_scan: timeText(row.last_scan) }));
  return { repeats: list, next: rows.length > 1_000 ? `${rows[999].batch}:${rows[999].serial}` : null };
}
/** Of a code, the first 64 regions are kept, and of each what it takes to count. */
const noteRegion = (books, told) => books.sql(`INSERT INTO regions SELECT :batch, :serial, :region, 1, :now, :now
  WHERE (SELECT count(*) FROM regions WHERE batch = :batch AND serial = :serial AND region <> :region) < 64
  ON CONFLICT DO UPDATE SET scans = scans + 1, last = :now`).run(told);
function regionsOf({ books, line, query }, name) {
  const after = whole(query.get('after') ?? 0);
  permit(line, name);
  const { batch, info } = batchOf(books, name);
  const [counted, examples] = [books.sql(`SELECT region, count(*) AS codes, sum(scans) AS scans, min(first) AS first,
    max(last) AS last FROM regions WHERE ${SPAN} GROUP BY region ORDER BY codes DESC, region LIMIT 1000`),
  books.sql(`SELECT serial FROM regions WHERE ${SPAN} AND region = :region ORDER BY serial LIMIT 100`)];
  const rows = [];
  let next = null;
  for (const { first, last } of rangesOf(books, batch, after, info.quantity)) {
    const span = { batch, first, last };
    const more = counted.all(span).sort((a, b) => (a.region < b.region ? -1 : 1)).map(({ region, ...row }) => ({
      serials: [first, last], region, ...row, first: timeText(row.first), last: timeText(row.last),
      examples: examples.all({ ...span, region }).map(({ serial }) => serial) }));
    if (rows.length && rows.length + more.length > 2_000) { next = rows.at(-1).serials[1]; break; } // of 4 MiB
    rows.push(...more);
  }
  return { batch: name, regions: rows, next };
}

// --- 13 Scan-ins: a dealer takes goods in, and what waits for that is open -----------------------------
function putScanIn({ books, line, now, ...request }, id) {
  const wanted = { id, action: 'scan_in', ...scanInOf(request, line, books.key) };
  const names = wanted.parts.map((part) => part.batch);
  return once({ books, line, now }, 'scan_ins', wanted, names, (batches) => {
    const isWithin = ({ serials }, at) => serials.at(-1)[1] <= batches[at].info.quantity;
    need(wanted.parts.every(isWithin), 'outside', 'a batch holds no such serial');
    return opened(books, line, wanted, now);
  });
}
function opened(books, line, { id, dealer, codes, parts, contents }, now) {
  const [at, rows] = [timeText(now), codes.map((code) => lookedUp(books, code).row)];
  const named = [...parts.flatMap(({ batch, serials }) => serials.map((pair) => [batch, ...pair])),
    ...rows.filter((row) => row).map(({ name, serial }) => [name, serial, serial])];
  const order = { action: 'scan_in', skip: ['void'], count: null, attributes: { dealer, scanned_in: at } };
  const changes = Object.entries(lyingIn(books, named, contents)).sort(([a], [b]) => (a < b ? -1 : 1)).map(
    ([name, serials]) => {
      permit(line, name, { action: 'scan_in' });
      const [{ batch }, work] = [batchOf(books, name), { done: [], skipped: [], blocked: [] }];
      return { name, batch, ...work, tiles: rewritten(books, batch, { serials, ...order }, work) };
    });
  const blocked = changes.flatMap(({ name, blocked: pieces }) => pieces.map(([first, last, state]) => (
    { batch: name, serials: [first, last], state })));
  need(!blocked.length, 'blocked', 'a code has no room for more attributes',
    { blocked: blocked.slice(0, 100), blocked_total: blocked.length });
  const list = changes.filter(({ done }) => done.length).map(({ name, done }) => ({ batch: name, serials: done }));
  const size = list.flatMap(({ serials }) => serials).length;
  need(size <= 100_000, 'invalid', 'more ranges than one scan-in opens');
  for (const { batch, tiles } of changes) { retile(books, batch, ...tiles); }
  // At least the time: books that are brought back from a backup use no number twice.
  const insert = books.sql('INSERT INTO opened SELECT max(coalesce(max(number), 0) + 1, ?), ?, ?, ?, ? FROM opened');
  if (size) { insert.run(now, id, dealer, at, JSON.stringify(list)); }
  let room = 1_000;
  const shown = list.map(({ batch, serials }) => {
    const some = serials.slice(0, room);
    room -= some.length;
    return { batch, serials: some };
  });
  return { scan_in: id, dealer, at, opened: shown.filter(({ serials }) => serials.length),
    opened_count: sizeOf(list.flatMap(({ serials }) => serials)), truncated: size > 1_000,
    unknown: rows.flatMap((row, place) => (row ? [] : [place])) };
}
/** Batch → serials, of these [batch, first, last] and of all that lies in them, if `contents` is true. */
function lyingIn(books, named, contents) {
  const rows = books.sql(`WITH RECURSIVE found (batch, first, last) AS (SELECT value ->> 0, value ->> 1, value ->> 2
    FROM json_each(:named) UNION SELECT links.batch, links.first, links.last FROM found JOIN links
    ON parent_batch = found.batch AND parent BETWEEN found.first AND found.last WHERE :contents)
    SELECT * FROM found ORDER BY first`).all({ named: JSON.stringify(named), contents: Number(contents) });
  const found = {};
  for (const { batch, first, last } of rows) {
    const pieces = found[batch] ??= [];
    const begin = Math.max(first, (pieces.at(-1)?.[1] ?? 0) + 1); // what was named may lie in what was named
    if (begin <= last) { add(pieces, [begin, last]); }
  }
  return found;
}
function scanIns({ books, line, query }) {
  const after = whole(query.get('after') ?? 0);
  onlyLines(line);
  const [list, more] = [[], books.sql('SELECT * FROM opened WHERE number > ? ORDER BY number LIMIT 1001').all(after)];
  let room = 10_000; // ranges; a scan-in is never cut
  for (const { number, id, dealer, at, codes } of more.slice(0, 1_000)) {
    const parts = JSON.parse(codes);
    room -= parts.flatMap(({ serials }) => serials).length;
    if (list.length && room < 0) { break; }
    list.push({ number, scan_in: id, dealer, at, codes: parts });
  }
  return { scan_ins: list, next: list.length < more.length ? list.at(-1).number : null };
}

// --- 14 Server -----------------------------------------------------------------------------------------
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
  'GET /v1/unknown-scans': unknownScans, 'GET /v1/refused-scans': refusedScans, 'GET /v1/repeats': repeats,
  'GET /v1/batches/*/regions': regionsOf, 'GET /v1/scan-ins': scanIns, 'PUT /v1/scan-ins/*': putScanIn,
  'POST /v1/scans': scanFor,
  'GET /*': () => page(''), 'HEAD /*': () => page(''), 'POST /*': checked,
}).map(([route, act]) => [route.split(' ')[0], new RegExp(`^${route.split(' ')[1].replaceAll('*', '([^/]+)')}$`), act]);

async function bodyOf(request) {
  const most = /^\/v1\/(?:batches|orders|aggregations|scan-ins)\//.test(request.url) ? 1_048_576 : 4_096;
  let [chunks, size] = [[], 0];
  for await (const chunk of request) { // to its end, for who still sends hears no refusal
    size += chunk.length;
    if (size <= most) { chunks.push(chunk); }
  }
  need(size <= most, 'too-large', `at most ${most} bytes`);
  return Buffer.concat(chunks);
}
/** Who sends this: a line or a platform by its signature; or this machine, if there are no lines. */
function senderOf({ books, lines, hosts, headers, body, now, isHere }, request) {
  if (lines === null && isHere && /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(headers.host)) { return { isHere }; }
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
  const signed = { '@method': method, '@authority': headers.host ?? '', '@path': path, '@query': `?${search}` };
  context.sign = () => senderOf(context, signed);
  if (path.startsWith('/v1/') && !['/v1/health', '/v1/scans'].includes(path)) { // anybody may call these
    context.line = context.sign();
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
