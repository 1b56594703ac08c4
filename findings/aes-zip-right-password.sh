#!/bin/sh
# npm's unzipper and adm-zip say "wrong password" of the right one, for every ZIP archive in AES.
#
# Versions: unzipper 0.12.5, adm-zip 0.6.1, @zip.js/zip.js 2.24.0 on Node 20; pyzipper 0.4.0 makes
#   the archives.
# Behaviour: of archives with one entry in WinZip's AES (AE-1 and AE-2; 128 and 256 bits) zip.js opens
#   each with the right password. unzipper says BAD_PASSWORD and adm-zip "Wrong Password", of the right
#   password and of a wrong one alike. Of the same entry in ZipCrypto both open with the right password.
# Why: both decrypt in one way only, ZipCrypto. The flag "encrypted" (APPNOTE 4.4.4, bit 0) is the same
#   for AES; the method 99, which tells them apart, is not looked at before the password is. So they
#   take 12 bytes of AES salt for ZipCrypto's header, whose last byte then fits in one archive of 256.
#   The salts below are fixed, so that this chance has no part in it.
# Why a good guess is wrong: "it takes a password and has tried it, so the password is wrong". People then
#   ask for another password, or for an archive in ZipCrypto, which is broken.
# Seen: "right password, AES: zip.js opens 4 of 4; unzipper blames it 4 times, adm-zip 4 times"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pyzipper==0.4.0
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
    unzipper@0.12.5 adm-zip@0.6.1 @zip.js/zip.js@2.24.0
"$folder/env/bin/python" - <<'PYTHON'
import types

import pyzipper
from pyzipper import zipfile_aes

fixed = types.SimpleNamespace(read=lambda count: bytes(range(count)))
zipfile_aes.Random = types.SimpleNamespace(new=lambda: fixed)
for version in (1, 2):
    for bits in (128, 256):
        with pyzipper.AESZipFile(f"ae{version}-{bits}.zip", "w", pyzipper.ZIP_DEFLATED) as archive:
            archive.setpassword(b"K7QM-9X2C")
            archive.setencryption(pyzipper.WZ_AES, nbits=bits, force_wz_aes_version=version)
            entry = pyzipper.zipfile_aes.AESZipInfo("a.txt", (2026, 11, 27, 8, 0, 0))
            entry.compress_type = pyzipper.ZIP_DEFLATED
            archive.writestr(entry, b"serial,code\r\n" * 99)
PYTHON
cat > look.mjs <<'NODE'
import fs from 'node:fs'
import assert from 'node:assert'
import unzipper from 'unzipper'
import AdmZip from 'adm-zip'
import * as zip from '@zip.js/zip.js'

zip.configure({ useWebWorkers: false })

async function by_zipjs(path, password) {
  const reader = new zip.ZipReader(new zip.BlobReader(new Blob([fs.readFileSync(path)])), { password })
  const [entry] = await reader.getEntries()
  return (await entry.getData(new zip.TextWriter())).length
}

async function by_unzipper(path, password) {
  const archive = await unzipper.Open.file(path)
  return (await archive.files[0].buffer(password)).length
}

const by_adm = async (path, password) => {
  const [entry] = new AdmZip(path).getEntries()
  return new AdmZip(path).readFile(entry, password).length
}

async function said(open, path, password) {
  try {
    return await open(path, password)
  } catch (error) {
    return error.message
  }
}

// The same entry in ZipCrypto, as zip.js writes it.
const writer = new zip.ZipWriter(new zip.BlobWriter(), { password: 'K7QM-9X2C', zipCrypto: true })
await writer.add('a.txt', new zip.TextReader('serial,code\r\n'.repeat(99)))
fs.writeFileSync('zipcrypto.zip', Buffer.from(await (await writer.close()).arrayBuffer()))
for (const open of [by_zipjs, by_unzipper, by_adm]) {
  assert.equal(await said(open, 'zipcrypto.zip', 'K7QM-9X2C'), 1287)
}

const right = { zipjs: 0, unzipper: 0, adm: 0 }
for (const path of ['ae1-128.zip', 'ae1-256.zip', 'ae2-128.zip', 'ae2-256.zip']) {
  for (const password of ['K7QM-9X2C', 'a wrong one']) {
    const words = [await said(by_unzipper, path, password), await said(by_adm, path, password)]
    assert.deepEqual(words, ['BAD_PASSWORD', 'ADM-ZIP: Wrong Password'], 'this has changed')
  }
  right.zipjs += (await said(by_zipjs, path, 'K7QM-9X2C')) === 1287
  right.unzipper += 1
  right.adm += 1
}
console.log(
  `right password, AES: zip.js opens ${right.zipjs} of 4; ` +
    `unzipper blames it ${right.unzipper} times, adm-zip ${right.adm} times`,
)
assert.equal(right.zipjs, 4, 'this has changed')
NODE
node look.mjs
