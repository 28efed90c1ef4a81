/*
 * Verifies a report with @auth0/cose, which shares no code with Cloister: header, certificate chain,
 * signature, and a few claims; then changes it and wants a refusal each time.
 *   node check_report.mjs FOLDER-WITH-NODE_MODULES REPORT CA NONCE-HEX
 */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import assert from 'node:assert/strict';

process.on('uncaughtException', (error) => {
  console.error(`interop: ${error.message}`);
  process.exit(1);
});

const [folder, reportFile, caFile, nonce] = process.argv.slice(2);
const require = createRequire(resolve(folder, 'package.json'));
const { Sign1 } = require('@auth0/cose');
const { Decoder } = require('cbor-x');

const PROFILE = 'tag:cloister.example,2026:report/1';
const cbor = new Decoder({ mapsAsObjects: false, useRecords: false, tagUint8Array: false });
const report = readFileSync(reportFile);
const ca = readFileSync(caFile, 'utf8');

async function accept(bytes) {
  const message = Sign1.decode(bytes);
  await message.verifyX509([ca]);
  return message;
}

async function refused(bytes) {
  try {
    await accept(bytes);
    return false;
  } catch {
    return true;
  }
}

function flipped(at, bit) {
  const copy = Buffer.from(report);
  copy[at] ^= 1 << bit;
  return copy;
}

/* One bit in every `step`th byte of this part; returns how many. */
async function assertFlipsRefused(name, part, step) {
  const start = report.indexOf(Buffer.from(part));
  assert.ok(start > 0, `${name} is not in the report`);
  for (let i = 0; i < part.length; i += step)
    assert.ok(await refused(flipped(start + i, (i / step) % 8)), `${name}: byte ${i} flipped, accepted`);
  return Math.ceil(part.length / step);
}

const message = await accept(report);
assert.ok([-35, -7].includes(message.protectedHeaders.get(1)), 'alg is not ES384 or ES256');
assert.equal(message.protectedHeaders.get(16), 263, 'typ');
assert.equal(message.unprotectedHeaders.size, 0, 'unprotected header');

const claims = cbor.decode(message.payload);
assert.equal(Buffer.from(claims.get(10)).toString('hex'), nonce, 'eat_nonce');
assert.equal(claims.get(265), PROFILE, 'eat_profile');
assert.match(Buffer.from(claims.get(259)).toString(), /^kvm-sw-/, 'hwmodel');
const module = claims.get(-70008);
const [[format, bytes]] = claims.get(266).get(module).get(273);
const component = cbor.decode(bytes);
assert.equal(format, 295, 'content format of the measured component');
assert.equal(component.get(2)[0], 7, 'digest algorithm');
assert.equal(component.get(2)[1].length, 48, 'digest');

const altered = await assertFlipsRefused('payload', message.payload, 7) +
                await assertFlipsRefused('signature', message.signature, 1);

console.log(`interop: @auth0/cose accepts the report about ${module} and refuses ${altered} altered ones`);
