// SPDX-License-Identifier: Apache-2.0
// Services of several endpoints behind the gateway: who is asked, what happens when one fails, and connections that become
// WebSocket or stay open for events.
import http from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';
import { openWebSocket, Service } from '../support/service.js';

let gatehouse: Gatehouse;
const services = ['a', 'b', 'c'].map((name) => new Service(name));
const [a, b, c] = services;
let token = '';

beforeAll(async () => {
  await Promise.all(services.map((service) => service.start()));
  const all = services.map((service) => `{url: "${service.url}"}`).join(', ');
  const two = `{url: "${a.url}"}, {url: "${b.url}"}`;
  gatehouse = new Gatehouse({ config: `
io: {threads: 1}
gateway:
  upstreams:
    - {name: weighted, endpoints: [{url: "${a.url}", weight: 3}, {url: "${b.url}"}]}
    - {name: least, balance: least_requests, endpoints: [${all}]}
    - {name: sticky, balance: hash_user, endpoints: [${all}]}
    - name: ejecting
      endpoints: [${two}]
      ejection: {failures: 3, time: 500ms, slow_start: 2s}
    - name: storm
      endpoints: [${two}]
      ejection: {failures: 1000}
      retry: {refusals: true}
    - {name: narrow, endpoints: [{url: "${c.url}"}], connections_max: 2}
    - name: checked
      endpoints: [${two}]
      health: {path: /health, interval: 100ms, timeout: 100ms}
      ejection: {failures: 1000, slow_start: 0s}
    - {name: hurried, endpoints: [{url: "${c.url}"}], timeouts: {first_byte: 300ms, total: 800ms}}
    - {name: killed, endpoints: [${all}]}
  routes:
${['weighted', 'least', 'ejecting', 'storm', 'narrow', 'checked', 'hurried', 'killed'].map((name) => `    - {path: /${name}, upstream: ${name}, authentication: none}`).join('\n')}
    - {path: /sticky, upstream: sticky, authentication: optional}
    - {path: /chat, upstream: weighted, upgrade: [websocket]}
    - {path: /plain, upstream: weighted}
    - {path: /feed, upstream: weighted}
` });
  await gatehouse.start();
  gatehouse.addUser('ada');
  token = await gatehouse.token('ada');
});
afterAll(async () => {
  await gatehouse.stop();
  await Promise.all(services.map((service) => service.stop()));
});
beforeEach(() => {
  for (const service of services) {
    service.requests = 0;
    service.answer = (request, answer) => { request.resume(); request.on('end', () => answer.end(service.name)); };
  }
});

const ask = async (target: string, options: Parameters<Gatehouse['request']>[2] = {}): Promise<[number, string]> => {
  const answer = await gatehouse.request('GET', target, options);
  return [answer.status, await answer.text()];
};
const counts = (): number[] => services.map((service) => service.requests);
async function until(what: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await what())) {
    if (Date.now() > end) throw new Error('it did not happen');
    await sleep(20);
  }
}
async function metric(line: string): Promise<number> {
  const text = await (await fetch(`${gatehouse.opsUrl}/metrics`)).text();
  const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
  return found === undefined ? NaN : Number(found.split(' ').pop());
}

describe('who is asked', () => {
  test('weights are kept', async () => {
    for (let i = 0; i < 40; i++) expect((await ask('/weighted/x'))[0]).toBe(200);
    expect(counts()).toEqual([30, 10, 0]);
  });

  test('the least busy one is, while another is slow', async () => {
    const held: http.ServerResponse[] = [];
    a.answer = (_, answer) => held.push(answer);
    const slow: Promise<unknown>[] = [];
    await until(async () => { slow.push(ask('/least/x')); await sleep(10); return held.length >= 5; });
    a.requests = 0;
    for (let i = 0; i < 60; i++) await Promise.race([ask('/least/x'), sleep(200)]);
    expect(a.requests).toBeLessThan(12);
    for (const answer of held) answer.end();
    a.answer = (_, answer) => answer.end();
    await Promise.all(slow);
  });

  test('a user stays where it was, and moves only when that one goes', async () => {
    const users = await Promise.all(Array.from({ length: 3 }, async (_, i) => { gatehouse.addUser(`user${i}`); return await gatehouse.token(`user${i}`); }));
    const home = async (user: string): Promise<string> => (await ask('/sticky/x', { token: user }))[1];
    const homes = await Promise.all(users.map(home));
    for (let i = 0; i < 20; i++) expect(await Promise.all(users.map(home))).toEqual(homes);
    const gone = services.find((service) => service.name === homes[0])!;
    await gone.kill();
    for (let i = 0; i < 5; i++) {
      const now = await Promise.all(users.map(home));
      for (const [k, before] of homes.entries()) {
        if (before === gone.name) expect(now[k]).not.toBe(before);
        else expect(now[k]).toBe(before);
      }
    }
    await gone.start();
  });
});

describe('when endpoints fail', () => {
  test('one that fails in a row is left out, told in the metrics, and comes back slowly', async () => {
    const labels = `{upstream="ejecting",endpoint="127.0.0.1:${a.port}"}`;
    a.answer = (_, answer) => { answer.statusCode = 503; answer.end('no'); };
    let refused = 0;
    for (let i = 0; i < 20; i++) refused += (await ask('/ejecting/x'))[0] === 503 ? 1 : 0;
    expect(refused).toBe(3);
    expect(await metric(`gatehouse_upstream_endpoint_healthy${labels}`)).toBe(0);
    expect(await metric(`gatehouse_upstream_ejections_total${labels}`)).toBe(1);
    a.answer = (_, answer) => answer.end('a');
    a.requests = 0;
    await until(async () => { await ask('/ejecting/x'); return a.requests > 0; });
    expect(await metric(`gatehouse_upstream_endpoint_healthy${labels}`)).toBe(1);
    a.requests = b.requests = 0;
    for (let i = 0; i < 60; i++) await ask('/ejecting/x');
    expect(a.requests, 'not half of them yet').toBeLessThan(25);
    await sleep(2000);
    a.requests = b.requests = 0;
    for (let i = 0; i < 40; i++) await ask('/ejecting/x');
    expect(a.requests).toBe(20);
  });

  test('retries stay within their budget when everything fails', async () => {
    for (const service of [a, b]) service.answer = (_, answer) => { answer.statusCode = 503; answer.end(); };
    const began = Date.now();
    await Promise.all(Array.from({ length: 10 }, async () => { for (let i = 0; i < 40; i++) expect((await ask('/storm/x'))[0]).toBe(503); }));
    const seconds = (Date.now() - began) / 1000;
    expect(a.requests + b.requests).toBeLessThanOrEqual(400 * 1.2 + 3 * (seconds + 1) + 1);
    expect(a.requests + b.requests).toBeGreaterThan(440);
  });

  test('what is too much for a service is refused at once, with a time to try again', async () => {
    const held: http.ServerResponse[] = [];
    c.answer = (_, answer) => held.push(answer);
    const slow = [ask('/narrow/x'), ask('/narrow/x')];
    await until(() => held.length === 2);
    const refused = await gatehouse.request('GET', '/narrow/x');
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(((await refused.json()) as any).code).toBe('unavailable');
    for (const answer of held) answer.end('late');
    expect(await Promise.all(slow)).toEqual([[200, 'late'], [200, 'late']]);
  });

  test('a service that is late is answered for', async () => {
    c.answer = () => {};
    expect((await ask('/hurried/x'))[0]).toBe(504);
    c.answer = (_, answer) => { const timer = setInterval(() => answer.write('drip'), 50); answer.on('close', () => clearInterval(timer)); };
    const began = Date.now();
    await expect(gatehouse.request('GET', '/hurried/x').then((answer) => answer.text())).rejects.toThrow();
    expect(Date.now() - began).toBeLessThan(3000);
  });

  test('checks take an unhealthy endpoint out, and in again', async () => {
    const labels = `{upstream="checked",endpoint="127.0.0.1:${a.port}"}`;
    const healthy = (status: number) => { a.answer = (_, answer) => { answer.statusCode = status; answer.end('a'); }; };
    healthy(500);
    await until(async () => (await metric(`gatehouse_upstream_endpoint_healthy${labels}`)) === 0);
    for (let i = 0; i < 10; i++) expect(await ask('/checked/x')).toEqual([200, 'b']);
    healthy(200);
    await until(async () => (await metric(`gatehouse_upstream_endpoint_healthy${labels}`)) === 1);
    const answers = new Set<string>();
    for (let i = 0; i < 4; i++) answers.add((await ask('/checked/x'))[1]);
    expect(answers).toEqual(new Set(['a', 'b']));
  });

  test('one that is killed and started again under load costs no request that may be sent twice', async () => {
    for (const service of services) service.answer = (request, answer) => { request.resume(); request.on('end', () => setTimeout(() => answer.end(service.name), 2)); };
    let stop = false;
    let kills: number[] = [];
    const failures: { method: string; began: number; ended: number; status: number }[] = [];
    let done = 0;
    const load = Array.from({ length: 16 }, async (_, i) => {
      const method = i % 4 === 0 ? 'POST' : 'GET';
      while (!stop) {
        const began = Date.now();
        const answer = await gatehouse.request(method, '/killed/x', method === 'POST' ? { body: 'x' } : {});
        await answer.arrayBuffer();
        done++;
        if (answer.status !== 200) failures.push({ method, began, ended: Date.now(), status: answer.status });
      }
    });
    for (let round = 0; round < 4; round++) {
      await sleep(400);
      kills.push(Date.now());
      await services[round % 3].kill();
      await sleep(400);
      await services[round % 3].start();
    }
    await sleep(300);
    stop = true;
    await Promise.all(load);
    expect(done).toBeGreaterThan(500);
    expect(failures.filter(({ method }) => method === 'GET')).toEqual([]);
    for (const failure of failures) expect(kills.some((at) => failure.began <= at + 5 && failure.ended >= at), JSON.stringify({ failure, kills })).toBe(true);
    expect(failures.length).toBeLessThanOrEqual(4 * 4);
  }, 30_000);
});

describe('connections that stay open', () => {
  const bearer = (): Record<string, string> => ({ authorization: `Bearer ${token}` });

  test('WebSocket goes through with the identity, both ways', async () => {
    const socket = await openWebSocket(`${gatehouse.url}/chat`, bearer());
    expect(socket.status).toBe(101);
    expect(socket.headers['x-user']).toBe('ada');
    for (const text of ['hello', 'Grüße', 'x'.repeat(100)]) expect(await socket.echo(text)).toBe(text);
    socket.destroy();
    await until(() => services.every((service) => service.sockets.size === 0));
  });

  test('a handshake without a token, of another version or with a broken key is refused', async () => {
    expect((await openWebSocket(`${gatehouse.url}/chat`)).status).toBe(401);
    const old = await openWebSocket(`${gatehouse.url}/chat`, { ...bearer(), 'sec-websocket-version': '8' });
    expect(old.status).toBe(426);
    expect(old.headers['sec-websocket-version']).toBe('13');
    expect((await openWebSocket(`${gatehouse.url}/chat`, { ...bearer(), 'sec-websocket-key': 'short' })).status).toBe(400);
    expect(counts()).toEqual([0, 0, 0]);
  });

  test('where the route does not let it, the request is an ordinary one', async () => {
    let upgrade: unknown;
    for (const service of services) service.answer = (request, answer) => { upgrade = request.headers.upgrade; answer.end('plain'); };
    expect((await openWebSocket(`${gatehouse.url}/plain`, bearer())).status).toBe(200);
    expect(upgrade).toBeUndefined();
  });

  test('an idle WebSocket and an idle event stream end when their session does', async () => {
    for (const service of services) service.answer = (_, answer) => { answer.setHeader('content-type', 'text/event-stream'); answer.write('data: one\n\n'); };
    const own = await gatehouse.token('ada');
    const socket = await openWebSocket(`${gatehouse.url}/chat`, { authorization: `Bearer ${own}` });
    expect(await socket.echo('there')).toBe('there');
    const events = await gatehouse.request('GET', '/feed', { token: own });
    const reader = events.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('data: one\n\n');
    const began = Date.now();
    expect((await gatehouse.request('POST', '/logout', { token: own })).status).toBe(204);
    await Promise.all([socket.closed, expect(reader.read()).rejects.toThrow()]);
    expect(Date.now() - began).toBeLessThan(3000);
  });

  test('an event arrives before the next one is sent', async () => {
    let second: (() => void) | undefined;
    for (const service of services) service.answer = (_, answer) => { answer.setHeader('content-type', 'text/event-stream'); answer.write('data: one\n\n'); second = () => answer.end('data: two\n\n'); };
    const reader = (await gatehouse.request('GET', '/feed', { token })).body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('data: one\n\n');
    second!();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('data: two\n\n');
  });

  test('a client that goes away ends the exchange, though the service is silent', async () => {
    let closed = false;
    for (const service of services) service.answer = (request) => { request.socket.on('close', () => { closed = true; }); };
    const request = http.get(`${gatehouse.url}/feed`, { agent: false, headers: bearer() });
    request.on('error', () => {});
    await until(() => counts().some((count) => count > 0));
    request.destroy();
    await until(() => closed, 5);
  });
});
