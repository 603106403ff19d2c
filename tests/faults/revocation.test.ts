// SPDX-License-Identifier: Apache-2.0
// A session that was ended is over at every gateway at once; and what happens when a gateway cannot know.
import { createServer, type Server } from 'node:http';
import { Agent, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';

const rounds = Number(process.env.GATEHOUSE_TEST_REVOCATION_ROUNDS ?? 30);
const clients = 50;

// Sends GET /files with the token to gateways in turn, from many clients at once.
class Clients {
  token = '';
  acceptedAt = 0; // when the last accepted request of the token was sent
  refusedInARow: number[];
  requests = 0;
  private running = true;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: clients });
  private readonly loops: Promise<void>[];

  constructor(private readonly urls: string[]) {
    this.refusedInARow = urls.map(() => 0);
    this.loops = Array.from({ length: clients }, (_, i) => this.loop(i));
  }

  use(token: string): void {
    this.token = token;
    this.acceptedAt = 0;
    this.refusedInARow = this.urls.map(() => 0);
  }

  private async loop(i: number): Promise<void> {
    for (let n = i; this.running; n++) {
      const token = this.token;
      if (token === '') {
        await sleep(5);
        continue;
      }
      const gateway = n % this.urls.length;
      const sent = performance.now();
      const status = await this.ask(this.urls[gateway], token);
      this.requests++;
      if (token !== this.token) continue;
      if (status === 200) {
        this.acceptedAt = Math.max(this.acceptedAt, sent);
        this.refusedInARow[gateway] = 0;
      } else if (status === 401) this.refusedInARow[gateway]++;
      else throw new Error(`a request was answered ${status}`);
    }
  }

  private ask(url: string, token: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${url}/files?limit=1`, { agent: this.agent, headers: { authorization: `Bearer ${token}` } }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode!));
      });
      request.on('error', reject);
      request.end();
    });
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
    this.agent.destroy();
  }
}

const percentile = (sorted: number[], share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];

describe.each([1, 2])('with three gateways and %i auth', (authCount) => {
  const gatehouse = new Gatehouse({ distributed: true, replicas: { gateway: 3, auth: authCount }, config: 'gateway: {access_log: false}\nauth: {hash_threads: 2}\n' });
  beforeAll(async () => {
    await gatehouse.start();
    gatehouse.addUser('ada');
  }, 60_000);
  afterAll(async () => {
    await gatehouse.stop();
  });

  test('an ended session is refused everywhere within a moment', { timeout: 600_000 }, async () => {
    const everyone = new Clients(gatehouse.urls);
    const delays: number[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        const token = await gatehouse.token('ada');
        everyone.use(token);
        while (everyone.acceptedAt === 0) await sleep(5); // in use, and remembered as good
        await sleep(30);
        const answer = await gatehouse.request('POST', '/logout', { token, gateway: round % 3 });
        const ended = performance.now();
        expect(answer.status).toBe(204);
        const limit = Date.now() + 10_000;
        while (everyone.refusedInARow.some((count) => count < 20)) {
          expect(Date.now(), `round ${round}: refused in a row ${everyone.refusedInARow}`).toBeLessThan(limit);
          await sleep(5);
        }
        delays.push(Math.max(0, everyone.acceptedAt - ended));
      }
    } finally {
      await everyone.stop();
    }
    delays.sort((a, b) => a - b);
    const figure = (share: number) => percentile(delays, share).toFixed(1);
    console.log(
      `${rounds} sessions ended, 3 gateways, ${authCount} auth, ${clients} clients, ${everyone.requests} requests: ` +
        `last accepted after the answer of /logout: p50 ${figure(0.5)} ms, p99 ${figure(0.99)} ms, max ${figure(1)} ms`,
    );
    expect(percentile(delays, 0.99)).toBeLessThan(authCount === 1 ? 500 : 1500); // the goals are 100 and 500 on a quiet machine
  });

  test('a gateway that starts again refuses what was revoked before, from its first answer on', { timeout: 60_000 }, async () => {
    const token = await gatehouse.token('ada');
    expect((await gatehouse.request('POST', '/logout', { token })).status).toBe(204);
    const gateway = gatehouse.of('gateway')[2];
    await gateway.end('SIGKILL');
    await gateway.start();
    const seen = new Set<number>();
    for (let i = 0; i < 100; i++) {
      seen.add(await gatehouse.request('GET', '/files', { token, gateway: 2 }).then((answer) => answer.status, () => 0));
      await sleep(5);
    }
    await gateway.ready();
    seen.add((await gatehouse.request('GET', '/files', { token, gateway: 2 })).status);
    expect(seen).toContain(401);
    expect(seen).not.toContain(200);
  });
});

describe('while auth does not answer', () => {
  let service: Server;
  let gatehouse: Gatehouse;
  let token = '';
  beforeAll(async () => {
    service = createServer((_, answer) => answer.end('served')).listen(0, '127.0.0.1');
    await new Promise((resolve) => service.once('listening', resolve));
    const upstream = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    const routes = ['allow', 'ask', 'deny'].map((policy) => `    - {path: /${policy}, upstreams: ["${upstream}"], revocation_stale: ${policy}}\n`);
    gatehouse = new Gatehouse({ distributed: true, config: `gateway:\n  revocation_max_age: 6s\n  routes:\n${routes.join('')}` });
    await gatehouse.start();
    gatehouse.addUser('ada');
    token = await gatehouse.token('ada');
  }, 60_000);
  afterAll(async () => {
    await gatehouse?.stop();
    service?.close();
  });

  const ask = async (path: string) => {
    const answer = await gatehouse.request('GET', path, { token });
    const text = await answer.text();
    return answer.status === 200 ? text : `${answer.status} ${JSON.parse(text).code}`;
  };
  const lag = async () => {
    const metrics = await (await fetch(`${gatehouse.opsUrl}/metrics`)).text();
    return Number(/^gatehouse_revocation_lag_seconds (\S+)$/m.exec(metrics)![1]);
  };
  const allServe = async () => {
    for (const path of ['/allow', '/ask', '/deny']) expect(await ask(path)).toBe('served');
  };
  const policiesApply = async () => {
    await expect.poll(() => ask('/deny'), { timeout: 20_000, interval: 200 }).toBe('503 revocations_stale');
    expect(await lag()).toBeGreaterThan(6);
    expect(await ask('/allow')).toBe('served');
    expect(await ask('/ask')).toBe('503 revocations_stale');
  };

  test('because it hangs, each route does what it is told to, and it recovers', { timeout: 90_000 }, async () => {
    await allServe();
    expect(await lag()).toBeLessThan(6);
    const { pid } = gatehouse.of('auth')[0];
    process.kill(pid, 'SIGSTOP');
    try {
      await policiesApply();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await expect.poll(() => ask('/deny'), { timeout: 20_000, interval: 200 }).toBe('served');
    await allServe();
  });

  test('because it is gone, likewise; what it revoked before is still refused', { timeout: 90_000 }, async () => {
    const over = await gatehouse.token('ada');
    expect((await gatehouse.request('POST', '/logout', { token: over })).status).toBe(204);
    await expect.poll(async () => (await gatehouse.request('GET', '/allow', { token: over })).status).toBe(401);
    await gatehouse.of('auth')[0].end();
    await policiesApply();
    expect((await gatehouse.request('GET', '/allow', { token: over })).status).toBe(401);
    await (await gatehouse.of('auth')[0].start()).ready();
    await expect.poll(() => ask('/deny'), { timeout: 20_000, interval: 200 }).toBe('served');
    await allServe();
    expect((await gatehouse.request('GET', '/ask', { token: over })).status).toBe(401);
  });
});
