// SPDX-License-Identifier: Apache-2.0
// Who the client is when a proxy stands in front of the gateway, and how many connections one client may hold.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { binary, Gatehouse } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';

let echo: Echo;
let behindProxy: Gatehouse;
let behindBalancer: Gatehouse;
let limited: Gatehouse;

const routes = () => `routes: [{path: /public, upstreams: ["${echo.url}"], authentication: none}]`;

beforeAll(async () => {
  echo = await startEchoService();
  behindProxy = new Gatehouse({ distributed: false, config: `gateway:\n  trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]\n  ${routes()}\n` });
  behindBalancer = new Gatehouse({ distributed: false, config: `gateway:\n  trusted_proxies: [127.0.0.1]\n  proxy_protocol: true\n  connections_per_address_max: 2\n  ${routes()}\n` });
  limited = new Gatehouse({ distributed: false, config: `gateway:\n  connections_per_address_max: 3\n  ${routes()}\n` });
  await Promise.all([behindProxy, behindBalancer, limited].map((it) => it.start()));
});
afterAll(async () => {
  await Promise.all([behindProxy, behindBalancer, limited].map((it) => it.stop()));
  await echo.stop();
});

const portOf = (gatehouse: Gatehouse) => Number(new URL(gatehouse.url).port);

// Sends the bytes and gives what comes until the end.
async function exchange(gatehouse: Gatehouse, ...pieces: (string | Buffer)[]): Promise<string> {
  return await new Promise((resolve) => {
    const socket = net.connect(portOf(gatehouse), '127.0.0.1');
    let text = '';
    socket.on('data', (piece) => (text += piece));
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
    for (const piece of pieces) socket.write(piece);
  });
}

const request = 'GET /public/x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n';

function proxyHeader(source: string, rest = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(source.split('.').map(Number)), Buffer.from([127, 0, 0, 1, 0x30, 0x39, 0x01, 0xbb]), rest]);
  return Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([0x21, 0x11, body.length >> 8, body.length & 0xff]), body]);
}

function fieldsOf(answer: string): Record<string, string> {
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  return Object.fromEntries(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)).fields);
}

describe('a trusted proxy', () => {
  test('says by X-Forwarded fields who its client is', async () => {
    const answer = await behindProxy.request('GET', '/public/x', { headers: {
      'x-forwarded-for': '203.0.113.1, 192.0.2.7, 10.1.2.3', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' } });
    const fields = Object.fromEntries((await answer.json() as any).fields);
    expect(fields['x-forwarded-for']).toBe('192.0.2.7');
    expect(fields['x-forwarded-proto']).toBe('https');
    expect(fields['x-forwarded-host']).toBe('shop.example');
  });

  test('is itself the client when it says nothing', async () => {
    const fields = Object.fromEntries((await (await behindProxy.request('GET', '/public/x')).json() as any).fields);
    expect(fields['x-forwarded-for']).toBe('127.0.0.1');
    expect(fields['x-forwarded-proto']).toBe('http');
  });

  test('says by a PROXY header who its client is, in one piece or many', async () => {
    expect(fieldsOf(await exchange(behindBalancer, proxyHeader('192.0.2.7'), request))['x-forwarded-for']).toBe('192.0.2.7');
    const bytes = Buffer.concat([proxyHeader('192.0.2.8', Buffer.from([4, 0, 2, 0, 0])), Buffer.from(request)]);
    expect(fieldsOf(await exchange(behindBalancer, bytes))['x-forwarded-for']).toBe('192.0.2.8');
    const answer = new Promise<string>((resolve) => {
      const socket = net.connect({ port: portOf(behindBalancer), host: '127.0.0.1', noDelay: true });
      let text = '';
      socket.on('data', (piece) => (text += piece));
      socket.on('close', () => resolve(text));
      void (async () => {
        for (const byte of bytes.subarray(0, 40)) {
          socket.write(Buffer.from([byte]));
          await sleep(2);
        }
        socket.write(bytes.subarray(40));
      })();
    });
    expect(fieldsOf(await answer)['x-forwarded-for']).toBe('192.0.2.8');
  });

  test('must send a PROXY header of version 2 where that is set', async () => {
    expect(await exchange(behindBalancer, request)).toBe('');
    expect(await exchange(behindBalancer, 'PROXY TCP4 192.0.2.7 127.0.0.1 12345 443\r\n', request)).toBe('');
    const text = await (await fetch(`${behindBalancer.opsUrl}/metrics`)).text();
    expect(text).toMatch(/gatehouse_server_refused_connections_total\{reason="proxy_header"\} 2\n/);
  });
});

test('the proxies cannot all be forgotten while their PROXY headers are expected', async () => {
  const file = path.join(behindBalancer.data, 'gatehouse.yaml');
  const reload = (text: string) => {
    writeFileSync(file, text);
    return spawnSync(binary, ['config', 'reload', '--data', behindBalancer.dataOf('gateway')], { encoding: 'utf8', timeout: 20_000 });
  };
  const rest = `connections_per_address_max: 2\n  ${routes()}\n`;
  const refused = reload(`gateway:\n  ${rest}`);
  expect(refused.status).toBe(2);
  expect(refused.stderr).toContain('gateway.trusted_proxies: must not become empty while gateway.proxy_protocol is in force');
  expect(fieldsOf(await exchange(behindBalancer, proxyHeader('192.0.2.7'), request))['x-forwarded-for']).toBe('192.0.2.7');
  // Another proxy than this one: no header is expected of it any more, and it says nothing of anybody else.
  expect(reload(`gateway:\n  trusted_proxies: [192.0.2.1]\n  proxy_protocol: true\n  ${rest}`).status).toBe(0);
  expect(fieldsOf(await exchange(behindBalancer, request))['x-forwarded-for']).toBe('127.0.0.1');
  expect(reload(`gateway:\n  trusted_proxies: [127.0.0.1]\n  proxy_protocol: true\n  ${rest}`).status).toBe(0);
  expect(fieldsOf(await exchange(behindBalancer, proxyHeader('192.0.2.7'), request))['x-forwarded-for']).toBe('192.0.2.7');
});

test('a PROXY header is no HTTP to a gateway that does not expect one', async () => {
  expect(await exchange(behindProxy, proxyHeader('192.0.2.7'), request)).toMatch(/^HTTP\/1.1 400 /);
});

describe('connections of one client', () => {
  const hold = async (gatehouse: Gatehouse, first: Buffer | string = ''): Promise<net.Socket> => {
    const socket = net.connect(portOf(gatehouse), '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    if (first.length > 0) socket.write(first);
    socket.write('GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n');
    await Promise.race([new Promise((resolve) => socket.once('data', resolve)), new Promise((resolve) => socket.once('close', resolve))]);
    return socket;
  };

  test('are limited, and those of others are not', async () => {
    const held = [await hold(limited), await hold(limited), await hold(limited)];
    expect(held.every((socket) => !socket.closed)).toBe(true);
    expect((await hold(limited)).closed).toBe(true);
    const text = await (await fetch(`${limited.opsUrl}/metrics`)).text();
    expect(text).toMatch(/gatehouse_server_refused_connections_total\{reason="address_limit"\} [1-9]/);
    held.pop()!.destroy();
    for (let i = 0; i < 100 && (await hold(limited)).closed; i++) await sleep(10);
    held.forEach((socket) => socket.destroy());
  });

  test('are counted for who is behind a balancer, not for the balancer', async () => {
    const held = [];
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.2', '192.0.2.3']) held.push(await hold(behindBalancer, proxyHeader(address)));
    expect(held.every((socket) => !socket.closed)).toBe(true);
    expect((await hold(behindBalancer, proxyHeader('192.0.2.1'))).closed).toBe(true);
    held.forEach((socket) => socket.destroy());
  });
});
