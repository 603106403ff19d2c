// SPDX-License-Identifier: Apache-2.0
// A gateway with more requests in progress than it may have, because a service is slow.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { basic, Gatehouse, password } from '../support/gatehouse.js';

// Answers nothing until it is told to.
class SlowService {
  url = '';
  private waiting: http.ServerResponse[] = [];
  private readonly server = http.createServer((_, answer) => this.waiting.push(answer));

  get count(): number {
    return this.waiting.length;
  }
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  answer(): void {
    for (const answer of this.waiting.splice(0)) answer.end('late');
  }
  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const slow = new SlowService();
let gatehouse: Gatehouse;
let token: string;

beforeAll(async () => {
  await slow.start();
  gatehouse = new Gatehouse({ distributed: false, config: `
io: {threads: 1}
gateway:
  overload: {requests_max: 10, lag_max: 0s}
  routes:
    - {path: /slow, upstreams: ["${slow.url}"]}
` });
  await gatehouse.start();
  gatehouse.addUser('ada');
  token = await gatehouse.token('ada');
});
afterAll(async () => {
  slow.stop();
  await gatehouse.stop();
});

const login = () => gatehouse.request('POST', '/login', { headers: { authorization: basic('ada', password) } });
const anonymous = () => gatehouse.request('GET', '/.well-known/jwks.json');
const read = () => gatehouse.request('GET', '/profile', { token });
const write = () => gatehouse.request('POST', '/logout', { headers: { 'content-type': 'application/json' }, body: '{}' });

async function turnedAway(): Promise<string[]> {
  const names: string[] = [];
  for (const [name, send] of Object.entries({ login, anonymous, read, write })) {
    const answer = await send();
    const text = await answer.text();
    if (answer.status !== 503) continue;
    expect(JSON.parse(text).code).toBe('overloaded');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    names.push(name);
  }
  return names;
}

test('work is turned away in the order of what it costs to try again, and served again afterwards', async () => {
  const late: Promise<number>[] = [];
  const fill = async (count: number) => {
    while (late.length < count) {
      late.push(gatehouse.request('POST', '/slow', { token, body: 'x' }).then((answer) => answer.status));
      await expect.poll(() => slow.count).toBe(late.length);
    }
  };
  await fill(6);
  expect(await turnedAway()).toEqual([]);
  await fill(7);
  expect(await turnedAway()).toEqual(['login']);
  await fill(8);
  expect(await turnedAway()).toEqual(['login', 'anonymous']);
  await fill(9);
  expect(await turnedAway()).toEqual(['login', 'anonymous', 'read']);
  await fill(10);
  expect(await turnedAway()).toEqual(['login', 'anonymous', 'read', 'write']);

  for (const probe of ['/livez', '/readyz', '/startupz', '/metrics']) expect((await fetch(gatehouse.opsUrl + probe)).status).toBe(200);
  expect(await (await fetch(`${gatehouse.opsUrl}/metrics`)).text()).toMatch(/^gatehouse_gateway_shed_total\{reason="requests"\} 10$/m);

  slow.answer();
  expect(await Promise.all(late)).toEqual(Array(10).fill(200));
  expect(await turnedAway()).toEqual([]);
}, 60_000);
