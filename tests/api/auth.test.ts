// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { basic, Gatehouse, password } from '../support/gatehouse.js';
import { runScenarios } from './scenario.js';

const gatehouse = new Gatehouse();
const tokens: Record<string, string> = {};

beforeAll(async () => {
  await gatehouse.start();
  gatehouse.addUser('ada');
  gatehouse.addUser('root', 'admin');
  gatehouse.addUser('gone');
  gatehouse.command(['user', 'disable', 'gone']);
  for (const name of ['ada', 'root']) tokens[name] = await gatehouse.token(name);
});
afterAll(() => gatehouse.stop());

const json = { 'content-type': 'application/json' };

describe('login', () => {
  runScenarios(gatehouse, tokens, [
    { name: 'JSON gives tokens and the user', method: 'POST', target: '/login', headers: json,
      body: JSON.stringify({ username: 'ada', password }), status: 200,
      contains: ['"access_token":', '"refresh_token":', '"token_type":"Bearer"', '"username":"ada"', '"expires_in":600'],
      answerHeaders: { 'content-type': /^application\/json/, 'cache-control': /no-store/ } },
    { name: 'the e-mail address names the user too', method: 'POST', target: '/login', headers: json,
      body: JSON.stringify({ username: 'ADA@example.com', password }), status: 200, contains: ['"username":"ada"'] },
    { name: 'Basic that accepts JSON gets JSON', method: 'POST', target: '/login',
      headers: { authorization: basic('ada', password), accept: 'application/json' }, status: 200, contains: ['"access_token":'] },
    { name: 'Basic gets the bare token', method: 'POST', target: '/login', headers: { authorization: basic('ada', password) },
      status: 200, lacks: ['{'], answerHeaders: { 'content-type': /^text\/plain/ } },
    { name: 'a wrong password', method: 'POST', target: '/login', headers: json,
      body: JSON.stringify({ username: 'ada', password: 'wrong wrong wrong' }), status: 401, code: 'wrong_credentials' },
    { name: 'an unknown user', method: 'POST', target: '/login', headers: json,
      body: JSON.stringify({ username: 'nobody', password }), status: 401, code: 'wrong_credentials' },
    { name: 'a disabled user', method: 'POST', target: '/login', headers: json,
      body: JSON.stringify({ username: 'gone', password }), status: 401, code: 'wrong_credentials' },
    { name: 'no JSON', method: 'POST', target: '/login', headers: json, body: '{"username":', status: 400, code: 'invalid_json' },
    { name: 'the same key twice', method: 'POST', target: '/login', headers: json,
      body: '{"username":"ada","username":"root","password":"x"}', status: 400, code: 'invalid_json' },
    { name: 'a missing field is named', method: 'POST', target: '/login', headers: json, body: '{"username":"ada"}',
      status: 422, code: 'invalid_fields', contains: ['/password'] },
    { name: 'another content type', method: 'POST', target: '/login', headers: { 'content-type': 'text/xml' }, body: '<a/>',
      status: 415, code: 'unsupported_media_type' },
    { name: 'a body that is far too large', method: 'POST', target: '/login', headers: json, body: 'x'.repeat(70_000),
      status: 413, code: 'body_too_large' },
    { name: 'another method', method: 'PUT', target: '/login', status: 405, code: 'method_not_allowed',
      answerHeaders: { allow: 'POST' } },
  ]);
});

describe('bearer', () => {
  runScenarios(gatehouse, tokens, [
    { name: 'profile of the caller', method: 'GET', target: '/profile', as: 'ada', status: 200,
      contains: ['"username":"ada"', '"email":"ada@example.com"'], lacks: ['password', 'argon2'] },
    { name: 'profile without a token', method: 'GET', target: '/profile', status: 401, code: 'unauthenticated',
      answerHeaders: { 'www-authenticate': 'Bearer realm="gatehouse"' } },
    { name: 'validate tells who it is', method: 'GET', target: '/validate', as: 'ada', status: 200,
      contains: ['"username":"ada"'], answerHeaders: { 'x-user-name': 'ada', 'x-user-roles': 'user' } },
    { name: 'validate takes POST', method: 'POST', target: '/validate', as: 'root', status: 200, contains: ['"admin":true'] },
    { name: 'validate without a token', method: 'GET', target: '/validate', status: 401, code: 'unauthenticated' },
    { name: 'a malformed field', method: 'GET', target: '/profile', headers: { authorization: 'Bearer a b' }, status: 400,
      code: 'invalid_request' },
    { name: 'users are for admins', method: 'GET', target: '/admin/users', as: 'ada', status: 403, code: 'insufficient_scope',
      answerHeaders: { 'www-authenticate': /insufficient_scope/ } },
    { name: 'an admin sees users', method: 'GET', target: '/admin/users', as: 'root', status: 200,
      contains: ['"username":"ada"', '"items":'], lacks: ['argon2'] },
    { name: 'internal paths do not exist outside', method: 'GET', target: '/internal/users/1', as: 'root', status: 404, code: 'not_found' },
    { name: 'unknown paths', method: 'GET', target: '/nothing', status: 404, code: 'not_found' },
    { name: 'the keys are public', method: 'GET', target: '/.well-known/jwks.json', status: 200,
      contains: ['"kty":"OKP"', '"crv":"Ed25519"', '"alg":"EdDSA"'], lacks: ['"d":'] },
  ]);
});

describe('sessions', () => {
  const login = async () =>
    (await (await gatehouse.request('POST', '/login', { headers: json, body: JSON.stringify({ username: 'ada', password }) })).json()) as any;
  const refresh = async (token: string) =>
    await gatehouse.request('POST', '/refresh', { headers: json, body: JSON.stringify({ refresh_token: token }) });

  test('a refresh token is good for new tokens', async () => {
    const first = await login();
    const answer = await refresh(first.refresh_token);
    expect(answer.status).toBe(200);
    const second = (await answer.json()) as any;
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect((await gatehouse.request('GET', '/profile', { token: second.access_token })).status).toBe(200);
  });

  test('after logout the session cannot be refreshed', async () => {
    const session = await login();
    const out = await gatehouse.request('POST', '/logout', { token: session.access_token });
    expect(out.status).toBeLessThan(300);
    const answer = await refresh(session.refresh_token);
    expect(answer.status).toBe(401);
    expect(((await answer.json()) as any).code).toBe('invalid_refresh_token');
  });
});

describe('first start', () => {
  test('the printed link makes the first administrator, once', async () => {
    const fresh = new Gatehouse();
    await fresh.start();
    try {
      const link = /http:\/\/localhost:\d+\/console\/setup#(\S+)/.exec(fresh.output);
      expect(link, fresh.output).not.toBeNull();
      const setup = async (token: string) =>
        await fresh.request('POST', '/setup', { headers: json,
          body: JSON.stringify({ token, username: 'admin', email: 'admin@example.com', password }) });
      expect((await setup('wrong')).status).toBeGreaterThanOrEqual(400);
      expect((await setup(link![1])).status).toBe(201);
      expect((await setup(link![1])).status).toBeGreaterThanOrEqual(400);
      const profile = await fresh.json('GET', '/profile', await fresh.token('admin'));
      expect(profile.roles).toContain('admin');
      await fresh.end();
      await fresh.start();
      expect(fresh.output).not.toContain('/console/setup#');
    } finally {
      await fresh.stop();
    }
  });
});
