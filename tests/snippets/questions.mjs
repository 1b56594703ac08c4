// Answers the questions of test_snippets.py with the snippet for Node: argv[2] is its folder.
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const backend = await import(pathToFileURL(join(process.argv[2], 'backend.mjs')));
const hex = (text) => Buffer.from(text, 'hex');
const keys = new Map();

const answers = {
  key: (id, algorithm, key) => { keys.set(id, { algorithm, key: hex(key) }); return 'known'; },
  canonical: (rule, text) => backend.canonical(rule, hex(text).toString('utf8')) ?? '-',
  fingerprint: (key, code) => backend.fingerprint(hex(key), code).toString('hex'),
  nonce: (file, keyId, nonce, now) => {
    const books = backend.openBooks(file, Buffer.alloc(32));
    const fresh = backend.isFresh(books, { keyId, nonce }, Number(now));
    books.close();
    return fresh ? 'fresh' : 'used';
  },
  verify: (hosts, now, method, authority, path, query, digest, input, signature, body) => {
    const request = {
      '@method': method, '@authority': authority, '@path': path, '@query': `?${query}`,
    };
    const headers = { 'signature-input': input, signature };
    if (digest) { headers['content-digest'] = digest; }
    const found = backend.verified(keys, new Set(hosts.split(' ')), Number(now), request, headers,
      hex(body));
    return found ? `good ${found.keyId}` : 'bad';
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [kind, ...fields] = line.split('\t');
  console.log(answers[kind](...fields));
}
