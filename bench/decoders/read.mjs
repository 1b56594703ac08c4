// The decoders of `run.sh` that Node reaches: node read.mjs FOLDER NAME...
// Prints what read.py prints: a line of JSON per decoder. Default options, unless said here.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const [folder, ...names] = process.argv.slice(2);
const index = JSON.parse(readFileSync(`${folder}/index.json`, "utf8"));
const version = (name) =>
  JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;

/** Grey pixels as RGBA, as browsers give them. */
function rgba(grey) {
  const pixels = new Uint8ClampedArray(grey.length * 4);
  grey.forEach((value, at) => pixels.set([value, value, value, 255], at * 4));
  return pixels;
}

const DECODERS = {
  jsqr: async () => {
    const jsQR = require("jsqr");
    return (grey, side) => [jsQR(rgba(grey), side, side)?.data];
  },
  qr: async () => {
    const { default: decode } = await import(`${process.cwd()}/node_modules/qr/decode.js`);
    return (grey, side) => [decode({ width: side, height: side, data: rgba(grey) })];
  },
  "@zxing/library": async () => {
    const zxing = require("@zxing/library");
    const reader = new zxing.MultiFormatReader();
    reader.setHints(new Map([[zxing.DecodeHintType.TRY_HARDER, true]]));
    return (grey, side) => {
      const source = new zxing.RGBLuminanceSource(new Uint8ClampedArray(grey), side, side);
      const bitmap = new zxing.BinaryBitmap(new zxing.HybridBinarizer(source));
      return [reader.decodeWithState(bitmap).getText()];
    };
  },
  "zxing-wasm": async () => {
    const { prepareZXingModule, readBarcodes } = require("zxing-wasm/reader");
    const wasm = readFileSync("node_modules/zxing-wasm/dist/reader/zxing_reader.wasm");
    prepareZXingModule({ overrides: { wasmBinary: wasm } });
    return async (grey, side) => {
      const picture = { width: side, height: side, data: rgba(grey) };
      return (await readBarcodes(picture, { formats: ["QRCode"] })).map((found) => found.text);
    };
  },
  "@undecaf/zbar-wasm": async () => {
    const zbar = require("@undecaf/zbar-wasm");
    return async (grey, side) => {
      const buffer = grey.buffer.slice(grey.byteOffset, grey.byteOffset + grey.length);
      const found = await zbar.scanGrayBuffer(buffer, side, side);
      return found.map((symbol) => symbol.decode());
    };
  },
  "node-quirc": async () => {
    const quirc = require("node-quirc");
    return async (grey, side) => {
      const found = await quirc.decode({ data: new Uint8ClampedArray(grey), width: side, height: side });
      return found.filter((code) => !code.err).map((code) => code.data.toString("utf8"));
    };
  },
  "@nuintun/qrcode": async () => {
    const { Detector, Decoder, binarize, grayscale } = require("@nuintun/qrcode");
    return (grey, side) => {
      const luminances = grayscale({ data: rgba(grey), width: side, height: side });
      const found = new Detector().detect(binarize(luminances, side, side));
      const texts = [];
      for (let step = found.next(); !step.done; ) {
        let good = false;
        try {
          texts.push(new Decoder().decode(step.value.matrix).content);
          good = true;
        } catch {
          // Not a symbol: the next pattern is tried.
        }
        step = found.next(good);
      }
      return texts;
    };
  },
  "qrcode-reader": async () => {
    const Reader = require("qrcode-reader");
    return (grey, side) =>
      new Promise((resolve) => {
        const reader = new Reader();
        reader.callback = (error, value) => resolve(error ? [] : [value.result]);
        reader.decode({ width: side, height: side, data: rgba(grey) });
      });
  },
  "rxing-wasm": async () => {
    const rxing = await import(`${process.cwd()}/node_modules/rxing-wasm/node-esm.js`);
    return (grey, side) => [rxing.decode_barcode(grey, side, side, true, false).text()];
  },
};

for (const name of names) {
  const read = await DECODERS[name]();
  const counts = [];
  for (const { file, side } of index.conditions) {
    const all = new Uint8Array(readFileSync(`${folder}/${file}`));
    let count = 0;
    for (const [at, text] of index.texts.entries()) {
      const grey = all.slice(at * side * side, (at + 1) * side * side);
      try {
        count += (await read(grey, side)).includes(text);
      } catch {
        // Decoders throw where there is nothing that they can read.
      }
    }
    counts.push(count);
  }
  console.log(JSON.stringify({ decoder: `${name} ${version(name)}`, read: counts }));
}
