// SPDX-License-Identifier: Apache-2.0
// Signing keys whose private halves the test has: put into the store of an installation that has not started yet, as an
// older version left them. With them a test signs what the program would never sign.
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import path from 'node:path';
import type { Gatehouse } from './gatehouse.js';

export type Algorithm = 'EdDSA' | 'ES256' | 'RS256';

export interface KnownKey {
  kid: string;
  algorithm: Algorithm;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export const base64url = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');

function thumbprint(publicKey: KeyObject): string {
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>;
  const members = ['crv', 'e', 'kty', 'n', 'x', 'y'].filter((name) => name in jwk);
  return createHash('sha256').update(JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]])))).digest('base64url');
}

export function makeKey(algorithm: Algorithm): KnownKey {
  const { privateKey, publicKey } =
    algorithm === 'EdDSA' ? generateKeyPairSync('ed25519')
    : algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid: thumbprint(publicKey), algorithm, privateKey, publicKey };
}

export function signature(key: KnownKey, text: string): Buffer {
  if (key.algorithm === 'EdDSA') return sign(null, Buffer.from(text), key.privateKey);
  if (key.algorithm === 'ES256') return sign('sha256', Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return sign('sha256', Buffer.from(text), key.privateKey);
}

// The two texts as they are, rightly signed.
export function signTexts(key: KnownKey, header: string, claims: string): string {
  const text = `${base64url(header)}.${base64url(claims)}`;
  return `${text}.${base64url(signature(key, text))}`;
}

// Before the start. The first key is the one that signs, the others are published for as long as tokens live.
export function installKeys(gatehouse: Gatehouse, keys: KnownKey[]): void {
  gatehouse.command(['user', 'list']); // makes the tables
  const now = Date.now();
  const rows = keys.map((key, i) => {
    const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' });
    return `('${key.kid}', '${key.algorithm}', '${pem}', ${now - i}, ${now - i})`;
  });
  const statement = `INSERT INTO signing_keys (kid, algorithm, private_pem, created_at, activates_at) VALUES ${rows.join(', ')}`;
  if (gatehouse.stores) {
    gatehouse.stores.sql(`USE ${gatehouse.stores.name}; ${statement}`);
    return;
  }
  const script = 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as store: store.execute(sys.stdin.read())';
  execFileSync('python3', ['-c', script, path.join(gatehouse.data, 'auth.db')], { input: statement });
}
