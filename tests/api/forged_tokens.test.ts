// SPDX-License-Identifier: Apache-2.0
// Forged tokens against every role that verifies: the gateway, auth and files, each at its own address where they are
// processes of their own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { forgedTokens, goodToken, type Materials } from '../support/forged_tokens.js';
import { Gatehouse } from '../support/gatehouse.js';
import { installKeys, makeKey, signTexts } from '../support/known_keys.js';

let gatehouse: Gatehouse;
let echo: Echo;
let materials: Materials;
let places: [string, string][]; // who verifies, and where

beforeAll(async () => {
  echo = await startEchoService();
  gatehouse = new Gatehouse({ config: `
auth: {access_token_ttl: 1h}
gateway: {routes: [{path: /api, upstreams: ["${echo.url}"]}]}
` });
  const keys = { eddsa: makeKey('EdDSA'), es256: makeKey('ES256'), rs256: makeKey('RS256') };
  installKeys(gatehouse, [keys.eddsa, keys.es256, keys.rs256]);
  gatehouse.addUser('ada');
  await gatehouse.start();
  const token = await gatehouse.token('ada');
  materials = { ...keys, claims: JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()) };
  places = [
    ['gateway', `${gatehouse.url}/api/x`],
    ['auth', `${gatehouse.urlsOf('auth')[0]}/validate`],
    ['auth, its own accounts', `${gatehouse.urlsOf('auth')[0]}/profile`],
    ['files', `${gatehouse.urlsOf('files')[0]}/files`],
  ];
});
afterAll(async () => {
  await gatehouse.stop();
  await echo.stop();
});

const ask = (url: string, token: string) => fetch(url, { headers: { authorization: `Bearer ${token}` } });

test('the keys are the ones that sign, and what they sign rightly is accepted everywhere', async () => {
  const { eddsa, es256, rs256, claims } = materials;
  const tokens = [eddsa, es256, rs256].map((key) =>
    signTexts(key, JSON.stringify({ alg: key.algorithm, kid: key.kid, typ: 'at+jwt' }), JSON.stringify(claims)));
  for (const [place, url] of places)
    for (const token of [...tokens, goodToken(materials)])
      expect((await ask(url, token)).status, place).toBe(200);
});

describe('a forged token is refused by every role with one and the same answer', () => {
  test('each of the table', async () => {
    const forgeries = forgedTokens(materials);
    expect(forgeries.length).toBeGreaterThan(100);
    expect(new Set(forgeries.map(([name]) => name)).size).toBe(forgeries.length);
    const before = echo.requests;
    const wrong: string[] = [];
    for (const [name, token] of forgeries) {
      const reasons = new Set<string>();
      for (const [place, url] of places) {
        const answer = await ask(url, token);
        const body = await answer.text();
        const problem = answer.headers.get('content-type') === 'application/problem+json' ? JSON.parse(body) : {};
        const challenge = answer.headers.get('www-authenticate') ?? '';
        if (answer.status !== 401 || problem.status !== 401 || problem.code !== 'invalid_token' || !problem.instance
            || challenge !== `Bearer realm="gatehouse", error="invalid_token", error_description="${problem.detail}"`)
          wrong.push(`${name}: ${place}: ${answer.status} ${challenge} ${body}`);
        reasons.add(problem.detail);
      }
      if (reasons.size !== 1) wrong.push(`${name}: told as ${[...reasons].join(' / ')}`);
    }
    expect(wrong).toEqual([]);
    expect(echo.requests, 'nothing reaches the service behind').toBe(before);
  });

  test('also one that is larger than a field may be, and the roles go on', async () => {
    const [, body, tail] = goodToken(materials).split('.');
    const token = `${Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: 'x'.repeat(1 << 20), typ: 'at+jwt' })).toString('base64url')}.${body}.${tail}`;
    for (const [place, url] of places) {
      // Answered before it was read whole: a client that still writes may see the connection end instead.
      const status = await ask(url, token).then((answer) => answer.status, () => 431);
      expect(status, place).toBe(431);
      expect((await ask(url, goodToken(materials))).status, place).toBe(200);
    }
  });
});
