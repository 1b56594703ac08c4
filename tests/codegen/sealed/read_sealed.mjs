// From a custodian's key file, its passphrase and the files of a batch to the codes.
//
// Written from docs/formats/keys.md and docs/formats/sealed-batch.md alone, with Node's own crypto:
//
//   node read_sealed.mjs LEDGER VAULT BATCH KEY-FILE [FINGERPRINT-KEY] < passphrase
//
// One code per line on stdout, in the order of serials.

import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/** What the pages say is refused. `stage` is form, tag, keys or sealed; `frame` the frame to blame. */
export class Refused extends Error {
  constructor(stage, what, frame = null) {
    super(what);
    this.stage = stage;
    this.frame = frame;
  }
}

const need = (condition, stage, what) => {
  if (!condition) throw new Refused(stage, what);
};
const ascii = (text) => Buffer.from(text, 'latin1');
const sha256 = (...parts) => crypto.createHash('sha256').update(Buffer.concat(parts)).digest();
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isHex = (value, bytes) =>
  typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value);
const isWhole = (value, from, to) => Number.isInteger(value) && value >= from && value <= to;
const hasMembers = (value, names) =>
  isObject(value) && Object.keys(value).sort().join() === [...names].sort().join();

// --- keys.md: conventions -----------------------------------------------------------------

function plain(value, level = 1) {
  if (!isObject(value)) return typeof value === 'string' ? `"${value}"` : String(value);
  const lines = Object.keys(value)
    .sort()
    .map((name) => `${' '.repeat(level)}"${name}": ${plain(value[name], level + 1)}`);
  return `{\n${lines.join(',\n')}\n${' '.repeat(level - 1)}}`;
}
const plainForm = (document) => ascii(plain(document) + '\n');

function keyDocument(data, format, names) {
  need(data.length <= 16384, 'form', 'too long');
  let document;
  try {
    document = JSON.parse(data.toString('latin1'));
  } catch {
    throw new Refused('form', 'no JSON');
  }
  need(hasMembers(document, ['format', ...names]), 'form', 'members');
  need(document.format === format, 'form', 'format');
  return document;
}

const keyId = (...keys) =>
  sha256(ascii('mintmark key id\0'), ...keys)
    .subarray(0, 8)
    .toString('hex');

// Raw keys in the shells that Node wants (RFC 8410): PKCS#8 and SubjectPublicKeyInfo.
const OID = { ed25519: '2b6570', x25519: '2b656e' };
const privateKey = (kind, raw) =>
  crypto.createPrivateKey({
    key: Buffer.concat([Buffer.from(`302e02010030050603${OID[kind]}04220420`, 'hex'), raw]),
    format: 'der',
    type: 'pkcs8'
  });
const publicKey = (kind, raw) =>
  crypto.createPublicKey({
    key: Buffer.concat([Buffer.from(`302a30050603${OID[kind]}032100`, 'hex'), raw]),
    format: 'der',
    type: 'spki'
  });
const publicOf = (key) =>
  crypto.createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);

function openGcm(key, nonce, sealed, associated) {
  const cipher = crypto.createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  cipher.setAuthTag(sealed.subarray(-16));
  cipher.setAAD(associated);
  const opened = cipher.update(sealed.subarray(0, -16));
  cipher.final(); // throws unless the tag holds
  return opened;
}

// --- keys.md: the custodian's key ---------------------------------------------------------

const PUBLIC = ['key_id', 'sign_public', 'seal_public'];

/** `passphrase()` gives its bytes; it is called for a well-formed file only. */
export function readCustodianKey(data, passphrase) {
  const document = keyDocument(data, 'mintmark-custodian-key/1', [
    ...PUBLIC,
    'kdf',
    'nonce',
    'ciphertext'
  ]);
  const { kdf } = document;
  need(hasMembers(kdf, ['name', 'memory', 'iterations', 'lanes', 'salt']), 'form', 'kdf');
  need(kdf.name === 'argon2id', 'form', 'kdf.name');
  need(isWhole(kdf.iterations, 1, 16) && isWhole(kdf.lanes, 1, 16), 'form', 'iterations, lanes');
  need(isWhole(kdf.memory, Math.max(64, 8 * kdf.lanes), 1048576), 'form', 'memory');
  const sizes = [
    [kdf.salt, 16],
    [document.nonce, 12],
    [document.ciphertext, 80],
    [document.key_id, 8],
    [document.sign_public, 32],
    [document.seal_public, 32]
  ];
  need(
    sizes.every(([value, bytes]) => isHex(value, bytes)),
    'form',
    'hex'
  );
  const { ciphertext, ...rest } = document;
  const key = crypto.argon2Sync('argon2id', {
    message: passphrase(),
    nonce: Buffer.from(kdf.salt, 'hex'),
    parallelism: kdf.lanes,
    tagLength: 32,
    memory: kdf.memory,
    passes: kdf.iterations
  });
  let opened;
  try {
    opened = openGcm(
      key,
      Buffer.from(rest.nonce, 'hex'),
      Buffer.from(ciphertext, 'hex'),
      plainForm(rest)
    );
  } catch {
    throw new Refused('tag', 'wrong passphrase, or a damaged file');
  }
  const [ed25519, x25519] = [opened.subarray(0, 32), opened.subarray(32)];
  const sign = publicOf(privateKey('ed25519', ed25519));
  const seal = publicOf(privateKey('x25519', x25519));
  const own = [keyId(sign, seal), sign.toString('hex'), seal.toString('hex')];
  need(
    PUBLIC.every((name, at) => document[name] === own[at]),
    'keys',
    'another key'
  );
  return { keyId: own[0], ed25519, x25519 };
}

export function readCustodianPublic(data) {
  const { format, ...document } = keyDocument(data, 'mintmark-custodian-public/1', PUBLIC);
  need(isHex(document.sign_public, 32) && isHex(document.seal_public, 32), 'form', 'hex');
  const keys = [document.sign_public, document.seal_public].map((text) => Buffer.from(text, 'hex'));
  need(document.key_id === keyId(...keys), 'form', 'key id');
  return document;
}

export function readFingerprintKey(data) {
  const { check, ...rest } = keyDocument(data, 'mintmark-fingerprint-key/1', ['key', 'check']);
  need(check === sha256(plainForm(rest)).subarray(0, 8).toString('hex'), 'form', 'checksum');
  need(isHex(rest.key, 32), 'form', 'hex');
  return Buffer.from(rest.key, 'hex');
}

/** The first line of a file or of stdin. */
export function firstLine(data) {
  const end = data.indexOf(0x0a);
  let line = end < 0 ? data : data.subarray(0, end);
  if (line.subarray(0, 3).equals(Buffer.from('efbbbf', 'hex'))) line = line.subarray(3);
  while (line.at(-1) === 0x0d) line = line.subarray(0, -1);
  return line;
}

/** keys.md, whose public keys to trust: {stations, custodians}, key id → Ed25519 public key. */
export function publicKeys(ledger) {
  const found = { stations: {}, custodians: {} };
  const database = new DatabaseSync(ledger, { readOnly: true });
  for (const row of database.prepare('SELECT * FROM keys').all()) {
    const keys = [row.sign_public, row.seal_public]
      .filter((text) => text !== null)
      .map((text) => Buffer.from(text, 'hex'));
    need(row.key_id === keyId(...keys), 'keys', 'a key id of the ledger');
    if (row.kind !== 'line') found[`${row.kind}s`][row.key_id] = keys[0];
  }
  database.close();
  return found;
}

// --- sealed-batch.md: canonical JSON and signatures ---------------------------------------

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.keys(value)
    .sort()
    .map((name) => `"${name}":${canonical(value[name])}`)
    .join()}}`;
}

function canonicalDocument(data, limit, names) {
  need(data.length <= limit, 'sealed', 'too long');
  let document;
  try {
    document = JSON.parse(data.toString('latin1'));
  } catch {
    throw new Refused('sealed', 'no JSON');
  }
  need(hasMembers(document, names), 'sealed', 'members');
  need(ascii(canonical(document)).equals(data), 'sealed', 'not canonical');
  return document;
}

function checkSignature(keys, id, label, message, signature) {
  need(Object.hasOwn(keys, id), 'sealed', 'signed by a stranger');
  const holds = crypto.verify(
    null,
    Buffer.concat([ascii(`${label}\n`), message]),
    publicKey('ed25519', keys[id]),
    signature
  );
  need(holds, 'sealed', 'signature');
}

function signedDocument(data, limit, names, label, keys, signer) {
  const { signature, ...document } = canonicalDocument(data, limit, [...names, 'signature']);
  need(isHex(signature, 64), 'sealed', 'signature');
  const message = ascii(canonical(document));
  checkSignature(keys, document[signer], label, message, Buffer.from(signature, 'hex'));
  need(document.format === 1, 'sealed', 'format');
  return document;
}

// --- sealed-batch.md: the core header -----------------------------------------------------

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const NAMED = [CROCKFORD, '0123456789', '23456789CDFHJKMNPQRTVWX', '0123456789ABCDEF'];
const HEADER = [
  'format',
  'home',
  'batch',
  'symbols',
  'length',
  'canonical',
  'quantity',
  'frame_size',
  'scheme',
  'fingerprint_key_id',
  'role',
  'pair_of',
  'station_key_id',
  'created'
];
const ROLES = ['item', 'inner', 'outer', 'carton', 'pallet', 'batch', 'guide'];
const ID = (n) => new RegExp(`^[${CROCKFORD}]{4}-[${CROCKFORD}]{${n}}$`);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$/;

function checkHeader(header) {
  const bound = (condition, what) => need(condition, 'sealed', `core header: ${what}`);
  const matches = (pattern, value) => typeof value === 'string' && pattern.test(value);
  bound(header.format === 1 && header.scheme === 'hmac-sha256-128', 'format, scheme');
  bound(matches(ID(12), header.home) && matches(ID(8), header.batch), 'ids');
  bound(header.batch.slice(0, 4) === header.home.slice(0, 4), 'another home');
  bound(header.pair_of === null || matches(ID(8), header.pair_of), 'pair_of');
  bound(matches(/^[A-Z0-9._~-]{2,}$/, header.symbols), 'symbols');
  const symbols = [...header.symbols].sort();
  bound(new Set(symbols).size === symbols.length, 'symbols twice');
  const named = NAMED.find((known) => [...known].sort().join() === symbols.join());
  bound(named === undefined || named === header.symbols, 'order of symbols');
  bound(header.canonical === (named === CROCKFORD ? 'crockford32' : 'upper'), 'canonical');
  bound(isWhole(header.length, 1, 64), 'length');
  bound(isWhole(header.quantity, 1, 2 ** 32 - 1), 'quantity');
  bound(isWhole(header.frame_size, 1, 65536), 'frame_size');
  bound(ROLES.includes(header.role), 'role');
  bound(isHex(header.fingerprint_key_id, 8) && isHex(header.station_key_id, 8), 'key ids');
  bound(matches(TIME, header.created), 'created');
}

/** `read(offset, bytes)`: of the file, fewer at its end. */
export function readHeader(read, size, batch, stations) {
  const magic = ascii('mintmark sealed batch\n');
  const start = read(0, 26);
  need(start.length === 26 && start.subarray(0, 22).equals(magic), 'sealed', 'no sealed batch');
  const length = start.readUInt32BE(22);
  need(length <= 4096, 'sealed', 'core header too long');
  const rest = read(26, length + 64);
  need(rest.length === length + 64, 'sealed', 'cut');
  const core = rest.subarray(0, length);
  const header = canonicalDocument(core, 4096, HEADER);
  checkHeader(header);
  checkSignature(
    stations,
    header.station_key_id,
    'mintmark/core-header/1',
    core,
    rest.subarray(length)
  );
  need(header.batch === batch, 'sealed', 'another batch');
  const first = 26 + length + 64;
  const frames = Math.ceil(header.quantity / header.frame_size);
  need(size === first + frames * 28 + header.quantity * header.length, 'sealed', 'length');
  return { ...header, hash: sha256(core), first, frames };
}

// --- sealed-batch.md: wraps, by HPKE (RFC 9180) -------------------------------------------

const u16 = (n) => Buffer.from([n >> 8, n & 255]);
const hmac = (key, data) => crypto.createHmac('sha256', key).update(data).digest();
const extract = (suite, salt, label, material) =>
  hmac(salt, Buffer.concat([ascii('HPKE-v1'), suite, ascii(label), material]));
const expand = (suite, key, label, info, length) =>
  // at most 32 bytes: a single block
  hmac(
    key,
    Buffer.concat([u16(length), ascii('HPKE-v1'), suite, ascii(label), info, Buffer.from([1])])
  ).subarray(0, length);

function openHpke(raw, sealed, info) {
  const [enc, ciphertext] = [sealed.subarray(0, 32), sealed.subarray(32)];
  const own = privateKey('x25519', raw);
  const point = crypto.diffieHellman({ privateKey: own, publicKey: publicKey('x25519', enc) });
  const none = Buffer.alloc(0);
  const kem = Buffer.concat([ascii('KEM'), u16(0x0020)]);
  const suite = Buffer.concat([ascii('HPKE'), u16(0x0020), u16(0x0001), u16(0x0002)]);
  const shared = expand(
    kem,
    extract(kem, none, 'eae_prk', point),
    'shared_secret',
    Buffer.concat([enc, publicOf(own)]),
    32
  );
  const context = Buffer.concat([
    Buffer.from([0]),
    extract(suite, none, 'psk_id_hash', none),
    extract(suite, none, 'info_hash', info)
  ]);
  const secret = extract(suite, shared, 'secret', none);
  return openGcm(
    expand(suite, secret, 'key', context, 32),
    expand(suite, secret, 'base_nonce', context, 12),
    ciphertext,
    none
  );
}

const WRAPS = ['format', 'batch', 'core_sha256', 'wraps', 'wrapped_by'];

export function readDataKey(data, header, keys, custodian) {
  const wraps = signedDocument(data, 65536, WRAPS, 'mintmark/wraps/1', keys, 'wrapped_by');
  const hash = header.hash.toString('hex');
  need(wraps.batch === header.batch && wraps.core_sha256 === hash, 'sealed', 'another batch');
  need(isObject(wraps.wraps), 'sealed', 'wraps');
  const entries = Object.entries(wraps.wraps);
  need(entries.length >= 1 && entries.length <= 64, 'sealed', 'wraps');
  need(
    entries.every(([, value]) => isHex(value, 80)),
    'sealed',
    'wraps'
  );
  need(Object.hasOwn(wraps.wraps, custodian.keyId), 'sealed', 'not sealed to this custodian');
  const info = Buffer.concat([ascii('mintmark/data-key/1\n'), header.hash, ascii(custodian.keyId)]);
  try {
    return openHpke(custodian.x25519, Buffer.from(wraps.wraps[custodian.keyId], 'hex'), info);
  } catch {
    throw new Refused('sealed', 'this key does not open the batch');
  }
}

// --- sealed-batch.md: frames and fingerprints ---------------------------------------------

/** The codes of each frame, as texts, a frame at a time. */
export function* readFrames(read, header, dataKey) {
  for (let frame = 0; frame < header.frames; frame++) {
    const full = 28 + header.frame_size * header.length;
    const count = Math.min(header.frame_size, header.quantity - frame * header.frame_size);
    const sealed = read(header.first + frame * full, 28 + count * header.length);
    const associated = Buffer.alloc(37);
    header.hash.copy(associated);
    associated.writeUInt32BE(frame, 32);
    associated[36] = frame === header.frames - 1 ? 1 : 0;
    let opened;
    try {
      opened = openGcm(dataKey, sealed.subarray(0, 12), sealed.subarray(12), associated);
    } catch {
      throw new Refused('sealed', `frame ${frame}`, frame);
    }
    const text = opened.toString('latin1');
    yield Array.from({ length: count }, (_, at) =>
      text.slice(at * header.length, (at + 1) * header.length)
    );
  }
}

const RECORD = [
  'format',
  'batch',
  'core_sha256',
  'quantity',
  'redrawn',
  'prefix_bits',
  'sealed_sha256',
  'fingerprints_sha256',
  'run_sha256',
  'fingerprint_frames',
  'station_key_id'
];

export function readRecord(data, header, stations) {
  const record = signedDocument(
    data,
    8388608,
    RECORD,
    'mintmark/mint-record/1',
    stations,
    'station_key_id'
  );
  const own = [header.batch, header.hash.toString('hex'), header.quantity, header.station_key_id];
  const its = [record.batch, record.core_sha256, record.quantity, record.station_key_id];
  need(own.join() === its.join(), 'sealed', 'another batch');
  need(isWhole(record.redrawn, 0, Number.MAX_SAFE_INTEGER), 'sealed', 'redrawn');
  need(isWhole(record.prefix_bits, 1, 64), 'sealed', 'prefix_bits');
  const { fingerprint_frames: digests } = record;
  need(Array.isArray(digests) && digests.length === header.frames, 'sealed', 'frames');
  const names = ['sealed_sha256', 'fingerprints_sha256', 'run_sha256'];
  need(
    [...digests, ...names.map((name) => record[name])].every((text) => isHex(text, 32)),
    'sealed',
    'digests'
  );
  return record;
}

export const fingerprint = (key, code) => hmac(key, ascii(code)).subarray(0, 16);

/** The frame's fingerprints are those of its codes, and those that the mint record names. */
export function checkFingerprints(read, record, header, frame, codes, key) {
  const stored = read(frame * header.frame_size * 16, codes.length * 16);
  need(
    sha256(stored).toString('hex') === record.fingerprint_frames[frame],
    'sealed',
    `fingerprints of frame ${frame}`
  );
  need(
    Buffer.concat(codes.map((code) => fingerprint(key, code))).equals(stored),
    'sealed',
    `codes of frame ${frame}`
  );
}

// --- the program --------------------------------------------------------------------------

/** Reads at an offset: fewer bytes at the end of the file. */
function reader(file) {
  const descriptor = fs.openSync(file);
  return (offset, bytes) => {
    const buffer = Buffer.alloc(bytes);
    return buffer.subarray(0, fs.readSync(descriptor, buffer, 0, bytes, offset));
  };
}

function main([ledger, vault, batch, keyFile, fingerprintKey]) {
  const custodian = readCustodianKey(fs.readFileSync(keyFile), () => firstLine(fs.readFileSync(0)));
  const { stations, custodians } = publicKeys(ledger);
  const name = (suffix) => path.join(vault, batch + suffix);
  const sealed = reader(name('.sealed'));
  const header = readHeader(sealed, fs.statSync(name('.sealed')).size, batch, stations);
  const dataKey = readDataKey(
    fs.readFileSync(name('.wraps.json')),
    header,
    { ...stations, ...custodians },
    custodian
  );
  const key = fingerprintKey && readFingerprintKey(fs.readFileSync(fingerprintKey));
  const record = key && readRecord(fs.readFileSync(name('.mint.json')), header, stations);
  const stored = key && reader(name('.fingerprints'));
  let frame = 0;
  for (const codes of readFrames(sealed, header, dataKey)) {
    if (key) checkFingerprints(stored, record, header, frame, codes, key);
    frame++;
    process.stdout.write(codes.map((code) => `${code}\n`).join(''));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(`refused: ${error.message}`);
    process.exitCode = 5;
  }
}
