// SPDX-License-Identifier: Apache-2.0
// examples/orders as it stands in the repository, behind the real program: who gets how far, and what its pages say about it.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gatehouse, password, root } from '../support/gatehouse.js';
import { freePort, sleep } from '../support/process.js';

const example = path.join(root, 'examples/orders');

class Service {
  output = '';
  private constructor(private readonly child: ChildProcess, readonly url: string) {
    child.stdout!.on('data', (data) => (this.output += data));
    child.stderr!.on('data', (data) => (this.output += data));
  }

  static async start(port: number, env: Record<string, string> = {}): Promise<Service> {
    const child = spawn(process.execPath, ['service.mjs'], { cwd: example, env: { ...process.env, ...env, PORT: String(port) }, stdio: ['ignore', 'pipe', 'pipe'] });
    const service = new Service(child, `http://127.0.0.1:${port}`);
    for (const end = Date.now() + 20_000; !service.output.includes('orders on '); await sleep(20))
      if (child.exitCode !== null || Date.now() > end) throw new Error(`the example does not start:\n${service.output}`);
    return service;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode !== null) return;
    this.child.kill('SIGTERM');
    await ended;
  }
}

const order = (item: string) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify({ item, quantity: 2 }) });

describe.each(['by header fields', 'by tokens'])('callers %s', (how) => {
  let gatehouse: Gatehouse;
  let service: Service;
  const tokens: Record<string, string> = {};

  beforeAll(async () => {
    const port = await freePort();
    const config = readFileSync(path.join(example, 'gatehouse.yaml'), 'utf8');
    expect(config).toContain('http://127.0.0.1:9000');
    gatehouse = await new Gatehouse({ config: config.replace('127.0.0.1:9000', `127.0.0.1:${port}`) }).start();
    service = await Service.start(port, how === 'by tokens' ? { GATEHOUSE_URL: gatehouse.url } : {});
    // The roles of the page.
    for (const [, ...args] of readFileSync(path.join(root, 'docs/your-own-service.md'), 'utf8').matchAll(/gatehouse (role) (add) (\S+) --permission (\S+)/g))
      gatehouse.command([args[0], args[1], args[2], '--permission', args[3]]);
    gatehouse.addUser('ada', 'buyer');
    gatehouse.addUser('kim', 'order-clerk');
    gatehouse.addUser('bob');
    for (const name of ['ada', 'kim', 'bob']) tokens[name] = await gatehouse.token(name);
  });
  afterAll(async () => {
    await gatehouse?.stop();
    await service?.stop();
  });

  test('nobody is anybody without a token', async () => {
    const before = service.output;
    for (const options of [{}, { token: 'e30.e30.e30' }, { headers: { 'x-user-id': '1', 'x-user-name': 'ada', 'x-user-roles': 'buyer' } }]) {
      const answer = await gatehouse.request('GET', '/orders', options);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
    expect(service.output).toBe(before);
  });

  test('who has the permissions orders, and sees these orders', async () => {
    expect(await gatehouse.json('GET', '/orders', tokens.ada)).toEqual({ user: 'ada', roles: ['buyer'], items: [] });
    const answer = await gatehouse.request('POST', '/orders', { token: tokens.ada, ...order('tea') });
    expect(answer.status).toBe(201);
    const made: any = await answer.json();
    expect(made).toMatchObject({ item: 'tea', quantity: 2, ordered_by: 'ada' });
    expect(await gatehouse.json('GET', '/orders', tokens.ada)).toEqual({ user: 'ada', roles: ['buyer'], items: [made] });
    expect((await gatehouse.json('GET', '/orders', tokens.kim)).items).toEqual([]);
    expect(service.output).toContain(`${answer.headers.get('x-request-id')} POST /orders 201`);
  });

  test('who may only read does not order, and who has no permission does nothing', async () => {
    const before = service.output.match(/POST/g)?.length;
    expect((await gatehouse.request('GET', '/orders', { token: tokens.kim })).status).toBe(200);
    for (const [name, method] of [['kim', 'POST'], ['bob', 'GET'], ['bob', 'POST']]) {
      const answer = await gatehouse.request(method, '/orders', { token: tokens[name], ...(method === 'POST' ? order('tea') : {}) });
      expect(answer.status, `${name} ${method}`).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'insufficient_scope' });
    }
    expect((await gatehouse.request('DELETE', '/orders', { token: tokens.ada })).status).toBe(405);
    expect(service.output.match(/POST/g)?.length).toBe(before);
  });

  test('what is no order is told', async () => {
    for (const [body, detail] of [['tea', /not JSON/], ['null', /item/], ['{"item":"tea"}', /quantity/], ['{"item":"","quantity":1}', /item/]] as const) {
      const answer = await gatehouse.request('POST', '/orders', { token: tokens.ada, headers: { 'content-type': 'application/json' }, body });
      expect(answer.status).toBe(400);
      expect(((await answer.json()) as any).detail).toMatch(detail);
    }
  });

  test('who orders too fast waits, and others do not', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await gatehouse.request('POST', '/orders', { token: tokens.ada, ...order('more tea') })).status);
    expect(statuses).toContain(429);
    const refused = await gatehouse.request('POST', '/orders', { token: tokens.ada, ...order('tea') });
    if (refused.status === 429) expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await gatehouse.request('GET', '/orders', { token: tokens.ada })).status).toBe(200);
  });

  test('somebody who reaches the service itself', async () => {
    const fields = { 'x-user-id': '1', 'x-user-name': 'mallory', 'x-user-roles': 'buyer' };
    const direct = async (headers: Record<string, string>, method = 'GET') => (await fetch(`${service.url}/orders`, { method, headers })).status;
    expect(await direct({})).toBe(401);
    if (how === 'by header fields') {
      expect(await direct(fields)).toBe(200); // why it listens where only the gateway is
      return;
    }
    const [head, body, signature] = tokens.ada.split('.');
    const forged = (claims: object) => Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), ...claims })).toString('base64url');
    expect(await direct(fields)).toBe(401);
    expect(await direct({ authorization: `Bearer ${head}.${forged({ username: 'root' })}.${signature}` })).toBe(401);
    expect(await direct({ authorization: `Bearer ${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${body}.${signature}` })).toBe(401);
    expect(await direct({ authorization: 'Bearer x' })).toBe(401);
    expect(await direct({ ...fields, authorization: `Bearer ${tokens.bob}` })).toBe(403);
    expect(await direct({ authorization: `Bearer ${tokens.kim}` }, 'POST')).toBe(403);
    expect(await direct({ authorization: `Bearer ${tokens.ada}` })).toBe(200);
  });

  test('a new key of Gatehouse is learned', async () => {
    gatehouse.command(['key', 'rotate', '--now']);
    // The gateway refuses the first token by a key that it has not fetched yet; the service asks at most every ten seconds.
    for (const end = Date.now() + 20_000; ; await sleep(250)) {
      const answer = await fetch(`${gatehouse.url}/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'ada', password }) });
      const { access_token: token } = (await answer.json()) as any;
      const status = (await gatehouse.request('GET', '/orders', { token })).status;
      if (status === 200) break;
      expect(status).toBe(401);
      expect(Date.now(), service.output).toBeLessThan(end);
    }
  });
});
