// Whether epcis2.js takes an EPCIS document, and the hash that it makes of each event.
const { readFileSync } = require('node:fs');
const { EPCISDocument, eventToHashedId, validateAgainstSchema } = require('epcis2.js');

const text = readFileSync(process.argv[2], 'utf8');
const data = JSON.parse(text);
const judged = validateAgainstSchema(data, 'EPCISDocument');
const read = new EPCISDocument(data);
const context = Object.assign({}, ...data['@context'].filter((part) => typeof part === 'object'));
const events = data.epcisBody.eventList;
console.log(JSON.stringify({
  success: judged.success,
  errors: judged.errors,
  valid: read.isValid(),
  kinds: read.eventList.map((event) => event.constructor.name),
  hashes: events.map((event) => eventToHashedId(event, context)),
}));
