// SPDX-License-Identifier: Apache-2.0
// Tokens of another organization's issuer, accepted at configured routes and nowhere else.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { makeKey, signTexts, type KnownKey } from '../support/known_keys.js';

// An OpenID Connect provider, as far as a verifier sees of it.
class Provider {
  url = '';
  keys: KnownKey[] = [makeKey('RS256')];
  keyRequests = 0;
  issuer: string | undefined; // instead of its own, in the discovery document
  private readonly server: http.Server | https.Server;

  constructor(private readonly tls?: { key: Buffer; cert: Buffer }) {
    const answer = (request: http.IncomingMessage, response: http.ServerResponse) => this.answer(request, response);
    this.server = tls ? https.createServer(tls, answer) : http.createServer(answer);
  }

  private answer(request: http.IncomingMessage, answer: http.ServerResponse) {
    answer.setHeader('content-type', 'application/json');
    if (request.url === '/realms/corp/.well-known/openid-configuration')
      return answer.end(JSON.stringify({ issuer: this.issuer ?? this.url, jwks_uri: `${this.url}/keys` }));
    if (request.url === '/realms/corp/keys') {
      this.keyRequests++;
      return answer.end(JSON.stringify({ keys: this.keys.map((key) => ({ ...key.publicKey.export({ format: 'jwk' }), kid: key.kid, alg: key.algorithm, use: 'sig' })) }));
    }
    answer.statusCode = 404;
    answer.end();
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `${this.tls ? 'https' : 'http'}://127.0.0.1:${(this.server.address() as AddressInfo).port}/realms/corp`;
    return this;
  }
  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  token(claims: Record<string, unknown> = {}, key = this.keys[0], header: Record<string, unknown> = {}): string {
    const now = Math.floor(Date.now() / 1000);
    return signTexts(key, JSON.stringify({ alg: key.algorithm, kid: key.kid, typ: 'JWT', ...header }),
      JSON.stringify({ iss: this.url, sub: '4711', aud: 'gatehouse', iat: now, exp: now + 300, preferred_username: 'ada', groups: ['staff'], ...claims }));
  }
}

let gatehouse: Gatehouse;
let echo: Echo;
let provider: Provider;
let other: Provider;
let liar: Provider;
let secure: Provider; // over TLS, its certificate known to the configuration
let stranger: Provider; // over TLS, its certificate known to nobody
let own: string;

// Certificates that vouch for themselves.
function certificate(directory: string, name: string): { file: string; tls: { key: Buffer; cert: Buffer } } {
  const file = path.join(directory, `${name}.crt`);
  const key = path.join(directory, `${name}.key`);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', file], { stdio: 'pipe' });
  return { file, tls: { key: readFileSync(key), cert: readFileSync(file) } };
}

beforeAll(async () => {
  echo = await startEchoService();
  [provider, other, liar] = await Promise.all([new Provider().start(), new Provider().start(), new Provider().start()]);
  other.keys = provider.keys.map((key) => ({ ...makeKey('RS256'), kid: key.kid })); // the same kid, another key
  liar.issuer = provider.url;
  const directory = scratchDirectory();
  const known = certificate(directory, 'known');
  secure = await new Provider(known.tls).start();
  stranger = await new Provider(certificate(directory, 'stranger').tls).start();
  const more = 'audience: gatehouse, username_claim: preferred_username, roles_claim: groups, roles: ["staff=employee"], permissions: ["employee=orders:read"]';
  gatehouse = new Gatehouse({ config: `
gateway:
  issuers:
    - {name: corp, issuer: "${provider.url}", ${more}}
    - {name: other, issuer: "${other.url}", jwks_url: "${other.url}/keys", ${more}}
    - {name: liar, issuer: "${liar.url}", ${more}}
    - {name: secure, issuer: "${secure.url}", ca: "${known.file}", ${more}}
    - {name: stranger, issuer: "${stranger.url}", ca: "${known.file}", ${more}}
  routes:
    - {path: /api, upstreams: ["${echo.url}"]}
    - {path: /orders, upstreams: ["${echo.url}"], permission: "orders:read"}
    - {path: /reports, upstreams: ["${echo.url}"], permission: "reports:read"}
` });
  await gatehouse.start();
  gatehouse.addUser('ada');
  own = await gatehouse.token('ada');
});
afterAll(async () => {
  await gatehouse.stop();
  await Promise.all([provider.stop(), other.stop(), liar.stop(), secure.stop(), stranger.stop(), echo.stop()]);
});

const status = async (target: string, token: string) => (await gatehouse.request('GET', target, { token })).status;
async function refusal(target: string, token: string): Promise<string> {
  const answer = await gatehouse.request('GET', target, { token });
  const problem = await answer.json() as any;
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  return `${answer.status} ${problem.code}: ${problem.detail}`;
}

test('tokens are accepted as soon as the keys are there', async () => {
  await expect.poll(() => status('/api/x', provider.token()), { timeout: 20_000 }).toBe(200);
  await expect.poll(() => status('/api/x', other.token()), { timeout: 20_000 }).toBe(200);
});

test('a service sees whose user it is, and no user of ours', async () => {
  const answer = await gatehouse.request('GET', '/api/x', { token: provider.token() });
  const fields = Object.fromEntries((await answer.json() as any).fields);
  expect(fields).toMatchObject({ 'x-user-id': 'corp:4711', 'x-user-name': 'corp:ada', 'x-user-roles': 'employee' });
});

test('its roles give the permissions that the configuration says', async () => {
  expect(await status('/orders/1', provider.token())).toBe(200);
  expect(await status('/reports/1', provider.token())).toBe(403);
  expect(await status('/orders/1', provider.token({ groups: [] }))).toBe(403);
  expect(await status('/orders/1', provider.token({ groups: [], permissions: ['*'], roles: ['admin'], admin: true }))).toBe(403);
});

test("Gatehouse's own endpoints know its own users only", async () => {
  for (const target of ['/files', '/profile', '/validate', '/admin/users'])
    expect(await refusal(target, provider.token({ groups: ['staff'] })), target).toBe('401 invalid_token: the token is from another issuer');
  for (const role of ['auth', 'files'] as const) {
    const answer = await fetch(`${gatehouse.urlsOf(role)[0]}/${role === 'auth' ? 'validate' : 'files'}`, { headers: { authorization: `Bearer ${provider.token()}` } });
    expect(answer.status, role).toBe(401);
  }
  expect(await status('/files', own)).toBe(200);
});

test('a token is verified with the keys of the issuer that it names', async () => {
  const ours = JSON.parse(Buffer.from(own.split('.')[1], 'base64url').toString());
  // Theirs says it is ours, one says it is the other, with the other's kid; and a stranger with a kid that is known.
  expect(await refusal('/api/x', provider.token({ ...ours }, provider.keys[0], { typ: 'at+jwt' }))).toMatch(/^401 invalid_token: .*unknown key/);
  expect(await refusal('/api/x', provider.token({ iss: other.url }))).toBe("401 invalid_token: the token's signature is wrong");
  expect(await refusal('/api/x', other.token({ iss: provider.url }))).toBe("401 invalid_token: the token's signature is wrong");
  expect(await refusal('/api/x', provider.token({ iss: 'https://nobody.example' }))).toMatch(/^401 invalid_token: /);
  expect(await refusal('/api/x', provider.token({ aud: 'account' }))).toBe('401 invalid_token: the token is for another audience');
  expect(await refusal('/api/x', provider.token({}, provider.keys[0], { alg: 'none' }))).toMatch(/^401 invalid_token: /);
});

test('an issuer whose discovery speaks for another one has no keys here', async () => {
  expect(liar.keyRequests).toBe(0);
  expect(await status('/api/x', liar.token())).toBe(503);
});

test('an issuer over TLS is trusted when its certificate is', async () => {
  await expect.poll(() => status('/api/x', secure.token()), { timeout: 20_000 }).toBe(200);
  expect(stranger.keyRequests).toBe(0);
  expect(await status('/api/x', stranger.token())).toBe(503);
});

test('a key that the issuer began to use is fetched when it is met', { timeout: 60_000 }, async () => {
  const fresh = makeKey('RS256');
  provider.keys = [fresh, ...provider.keys];
  await expect.poll(() => status('/api/x', provider.token()), { timeout: 30_000, interval: 200 }).toBe(200);
  expect(await status('/api/x', provider.token({}, provider.keys[1])), 'the one before').toBe(200);
});

test('keys that nobody has are not asked for again and again', async () => {
  const before = provider.keyRequests;
  for (let i = 0; i < 50; i++) expect(await status('/api/x', provider.token({}, makeKey('EdDSA')))).toBe(401);
  expect(provider.keyRequests - before).toBeLessThanOrEqual(2);
});
