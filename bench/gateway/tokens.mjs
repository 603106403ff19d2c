// SPDX-License-Identifier: Apache-2.0
// Issuers of this benchmark's own: their keys, tokens signed beforehand, and their key sets as Gatehouse fetches them.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { scratch } from '../support/program.mjs';

const kinds = {
  RS256: { pair: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), digest: 'sha256' },
  ES256: { pair: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), digest: 'sha256' },
  EdDSA: { pair: () => generateKeyPairSync('ed25519'), digest: null },
};
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Issuer {
  constructor(algorithm) {
    this.algorithm = algorithm;
    this.name = algorithm.toLowerCase();
    this.issuer = `https://${this.name}.bench.test`;
    this.pair = kinds[algorithm].pair();
    this.pem = path.join(scratch, `${this.name}.pem`);
    writeFileSync(this.pem, this.pair.publicKey.export({ type: 'spki', format: 'pem' }));
  }

  // One that Gatehouse would issue itself, but for the issuer.
  token() {
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: this.algorithm, kid: this.name, typ: 'at+jwt' })}.${part({ iss: this.issuer,
      sub: randomUUID(), aud: 'bench', jti: randomUUID(), sid: randomUUID(), iat: now, exp: now + 36000,
      username: 'ada', roles: ['user'], permissions: ['files:read', 'files:write'], admin: false })}`;
    const key = { key: this.pair.privateKey, dsaEncoding: 'ieee-p1363' };
    return `${text}.${sign(kinds[this.algorithm].digest, Buffer.from(text), key).toString('base64url')}`;
  }

  // A file with so many of them, one on each line.
  file(count) {
    const name = path.join(scratch, `${this.name}.tokens`);
    writeFileSync(name, `${Array.from({ length: count }, () => this.token()).join('\n')}\n`);
    return name;
  }

  jwks() {
    const key = { ...this.pair.publicKey.export({ format: 'jwk' }), kid: this.name, alg: this.algorithm, use: 'sig' };
    return JSON.stringify({ keys: [key] });
  }
}

// Serves the key sets of the issuers at /NAME; as long as this process runs.
export function serveKeySets(issuers, port) {
  const server = createServer((request, response) => {
    const issuer = issuers.find((one) => request.url === `/${one.name}`);
    response.writeHead(issuer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(issuer?.jwks() ?? '');
  });
  server.listen(port, '127.0.0.1');
  server.unref();
}
