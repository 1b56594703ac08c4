// Every vector that comes on stdin, read by read_sealed.mjs; what came of each goes to stdout.

import fs from 'node:fs';
import {
  checkFingerprints,
  readCustodianKey,
  readCustodianPublic,
  readDataKey,
  readFrames,
  readHeader,
  readRecord,
  Refused
} from './read_sealed.mjs';

const unhex = (text) => Buffer.from(text, 'hex');
const keys = (hex) => Object.fromEntries(Object.entries(hex).map(([id, key]) => [id, unhex(key)]));
const from = (data) => (offset, bytes) => data.subarray(offset, offset + bytes);

/** What `read` returns, or where it was refused. */
function outcome(read) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { refused: error.stage, frame: error.frame };
  }
}

function custodian(vector) {
  const data = Buffer.from(vector.file, 'latin1');
  if (vector.public) return outcome(() => readCustodianPublic(data));
  let asked = false;
  const found = outcome(() => {
    const key = readCustodianKey(data, () => {
      asked = true;
      return unhex(vector.passphrase);
    });
    const [ed25519, x25519] = [key.ed25519, key.x25519].map((raw) => raw.toString('hex'));
    return { key_id: key.keyId, ed25519, x25519 };
  });
  return { ...found, asked };
}

function sealed(vector) {
  const binary = (suffix) => unhex(vector.files[suffix]);
  const text = (suffix) => Buffer.from(vector.files[suffix], 'latin1');
  const stations = keys(vector.station_keys);
  const wrappers = { ...stations, ...keys(vector.wrap_keys ?? {}) };
  const data = binary('.sealed');
  const owner = { keyId: vector.custodian, x25519: unhex(vector.custodian_key) };
  const header = () => readHeader(from(data), data.length, vector.batch, stations);
  const frames = () => {
    const read = header();
    const dataKey = readDataKey(text('.wraps.json'), read, wrappers, owner);
    return [...readFrames(from(data), read, dataKey)];
  };
  const vouched = () => {
    const [read, codes] = [header(), frames()];
    const record = readRecord(text('.mint.json'), read, stations);
    codes.forEach((some, frame) =>
      checkFingerprints(
        from(binary('.fingerprints')),
        record,
        read,
        frame,
        some,
        unhex(vector.fingerprint_key)
      )
    );
    return true;
  };
  const codes = outcome(() => ({ codes: frames().flat() }));
  return { ...codes, vouched: outcome(vouched) === true };
}

const vectors = JSON.parse(fs.readFileSync(0, 'utf8'));
const results = Object.entries(vectors).map(([name, vector]) => [
  name,
  'files' in vector ? sealed(vector) : custodian(vector)
]);
process.stdout.write(JSON.stringify(Object.fromEntries(results)));
