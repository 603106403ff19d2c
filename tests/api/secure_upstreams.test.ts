// SPDX-License-Identifier: Apache-2.0
// Services that speak HTTPS behind the gateway: which certificates it believes, which one it shows, and what its users see
// when the two do not get along.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority, type CertificateFiles } from '../support/certificates.js';
import { binary, Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';
import { openWebSocket, Service } from '../support/service.js';
import { startTraceCollector } from '../support/trace_collector.js';

const files = scratchDirectory();
const pair = (of: CertificateFiles): https.ServerOptions => ({ cert: readFileSync(of.certificate), key: readFileSync(of.key) });

let authority: CertificateAuthority;
let clients: CertificateAuthority;
let own: CertificateFiles;
let gatehouse: Gatehouse;
let good: Service;
let second: Service; // like the first, but asked by health checks
let misnamed: Service;
let unknown: Service;
let expired: Service;
let closed: Service; // asks for a certificate
let plain: Service;
let renewed: Service;
let services: Service[];
let trusted = ''; // the file of authorities for `renewed`

beforeAll(async () => {
  authority = new CertificateAuthority(files);
  clients = new CertificateAuthority(files, 'clients');
  const stranger = new CertificateAuthority(files, 'stranger');
  own = clients.issue('own', 'DNS:gateway');
  const site = pair(authority.issue('site', 'DNS:localhost,IP:127.0.0.1'));
  good = new Service('good', site);
  second = new Service('second', site);
  misnamed = new Service('misnamed', pair(authority.issue('misnamed', 'DNS:orders.example')));
  unknown = new Service('unknown', pair(stranger.issue('unknown', 'IP:127.0.0.1')));
  expired = new Service('expired', pair(authority.issue('expired', 'IP:127.0.0.1', -1)));
  closed = new Service('closed', { ...site, requestCert: true, rejectUnauthorized: true, ca: clients.pem });
  plain = new Service('plain');
  renewed = new Service('renewed', pair(authority.issue('renewed', 'IP:127.0.0.1')));
  services = [good, second, misnamed, unknown, expired, closed, plain, renewed];
  await Promise.all(services.map((service) => service.start()));
  trusted = path.join(files, 'trusted.pem');
  copyFileSync(authority.file, trusted);

  const ca = `authorities: ${authority.file}`;
  const upstream = (name: string, urls: string[], tls: string, more = '') =>
    `    - {name: ${name}, endpoints: [${urls.map((url) => `{url: "${url}"}`).join(', ')}], tls: {${tls}}, ejection: {failures: 1000}${more}}\n`;
  const all = [
    upstream('good', [good.url], ca),
    upstream('named', [good.url.replace('127.0.0.1', 'localhost')], ca),
    upstream('misnamed', [misnamed.url], ca),
    upstream('renamed', [misnamed.url], `${ca}, server_name: orders.example`),
    upstream('unknown', [unknown.url], ca),
    upstream('expired', [expired.url], ca),
    upstream('nobody', [closed.url], ca),
    upstream('somebody', [closed.url], `${ca}, certificate: ${own.certificate}, key: ${own.key}`),
    upstream('cleartext', [plain.url.replace('http:', 'https:')], ca),
    upstream('mixed', [unknown.url, second.url], ca),
    upstream('checked', [unknown.url, second.url], ca, ', health: {path: /health, interval: 500ms, timeout: 500ms, unhealthy_after: 1, healthy_after: 1}'),
    upstream('ejecting', [unknown.url, second.url], ca).replace('failures: 1000', 'failures: 2, time: 5m'),
    upstream('renewed', [renewed.url], `authorities: ${trusted}`),
  ];
  const names = all.map((text) => /name: (\w+)/.exec(text)![1]);
  gatehouse = new Gatehouse({ config: `
io: {threads: 1}
gateway:
  upstreams:
${all.join('')}
  routes:
${names.map((name) => `    - {path: /${name}, upstream: ${name}, authentication: none, upgrade: [websocket]}`).join('\n')}
    - {path: /system, upstreams: ["${good.url}"], authentication: none}
` });
  await gatehouse.start();
});
afterAll(async () => {
  await gatehouse.stop();
  await Promise.all(services.map((service) => service.stop()));
  rmSync(files, { recursive: true, force: true });
});
beforeEach(() => {
  for (const service of services) {
    service.requests = 0;
    service.answer = (request, answer) => { request.resume(); request.on('end', () => answer.end(service.name)); };
  }
});

async function until(what: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await what())) {
    if (Date.now() > end) throw new Error(`it did not happen:\n${gatehouse.output.slice(-3000)}`);
    await sleep(20);
  }
}
const ask = async (target: string, options: Parameters<Gatehouse['request']>[2] = {}): Promise<[number, string]> => {
  const answer = await gatehouse.request('GET', target, options);
  return [answer.status, await answer.text()];
};
const log = () => gatehouse.of('gateway')[0].output;
async function reload(): Promise<void> {
  const before = log().length;
  process.kill(gatehouse.pid, 'SIGHUP');
  await until(() => /configuration (not )?reloaded/.test(log().slice(before)));
}
async function metric(line: string): Promise<number> {
  const text = await (await fetch(`${gatehouse.opsUrl}/metrics`)).text();
  return Number(text.split('\n').find((candidate) => candidate.startsWith(`${line} `))?.split(' ').pop());
}
function check(config: string): string {
  const file = path.join(files, 'check.yaml');
  writeFileSync(file, config);
  try {
    return execFileSync(binary, ['config', 'check', '--config', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

describe('a service with a good certificate', () => {
  test('is asked over one connection, again and again', async () => {
    const sockets = new Set<unknown>();
    good.answer = (request, answer) => { sockets.add(request.socket); answer.end(`${(request.socket as TLSSocket).getProtocol()} ${request.headers.host}`); };
    for (let i = 0; i < 10; i++) expect(await ask('/good/x')).toEqual([200, `TLSv1.3 127.0.0.1:${good.port}`]);
    expect(sockets.size).toBe(1);
  });

  test('is told the name of its URL, and no name for an address', async () => {
    good.answer = (request, answer) => answer.end(String((request.socket as TLSSocket & { servername?: string }).servername));
    expect(await ask('/named/x')).toEqual([200, 'localhost']);
    expect(await ask('/good/x')).toEqual([200, 'false']);
  });

  test('gets bodies of any size and sends them', async () => {
    good.answer = (request, answer) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece) => pieces.push(piece));
      request.on('end', () => answer.end(Buffer.concat(pieces)));
    };
    const body = Buffer.alloc(5_000_000, 'gatehouse');
    const answer = await gatehouse.request('POST', '/good/x', { body });
    expect(answer.status).toBe(200);
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  });

  test('sends events as they come', async () => {
    let next = () => {};
    good.answer = (_, answer) => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.write('data: 1\n\n');
      next = () => answer.end('data: 2\n\n');
    };
    const answer = await gatehouse.request('GET', '/good/events');
    const reader = answer.body!.getReader();
    const read = async () => Buffer.from((await reader.read()).value ?? []).toString();
    expect(await read()).toBe('data: 1\n\n');
    next();
    expect(await read()).toBe('data: 2\n\n');
    expect((await reader.read()).done).toBe(true);
  });

  test('speaks WebSocket', async () => {
    const socket = await openWebSocket(`${gatehouse.url}/good/chat`);
    expect(socket.status).toBe(101);
    for (let i = 0; i < 20; i++) expect(await socket.echo(`hello ${i}`)).toBe(`hello ${i}`);
    socket.destroy();
    await until(() => good.sockets.size === 0);
  });
});

describe('a service that cannot be trusted', () => {
  test.each([
    ['misnamed', 'IP address mismatch'],
    ['unknown', 'unable to get local issuer certificate'],
    ['expired', 'certificate has expired'],
    ['cleartext', 'what the peer sent is not TLS'],
    ['nobody', 'certificate required'],
    ['system', 'unable to get local issuer certificate'],
  ])('%s is sent nothing, and the log says why', async (name, why) => {
    const before = log().length;
    for (const method of ['GET', 'POST']) {
      const answer = await gatehouse.request(method, `/${name}/x`);
      expect(answer.status).toBe(502);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const problem = await answer.text();
      expect(JSON.parse(problem).code).toBe('bad_gateway');
      expect(problem).not.toMatch(/certificate|TLS|127\.0\.0\.1/);
    }
    expect(services.map((service) => service.requests)).toEqual(services.map(() => 0));
    await until(() => log().slice(before).includes(why));
  });

  test('is asked all the same where its certificate fits the name that the settings say', async () => {
    misnamed.answer = (request, answer) => answer.end(String((request.socket as TLSSocket & { servername?: string }).servername));
    expect(await ask('/renamed/x')).toEqual([200, 'orders.example']);
  });

  test('leaves every request to another one, a POST with a body, too', async () => {
    for (let i = 0; i < 6; i++) {
      const answer = await gatehouse.request('POST', '/mixed/x', { body: 'order' });
      expect([answer.status, await answer.text()]).toEqual([200, 'second']);
    }
    expect(second.requests).toBe(6);
    expect(unknown.requests).toBe(0);
  });

  test('is left out when that happens again and again', async () => {
    const line = `gatehouse_upstream_ejections_total{upstream="ejecting",endpoint="127.0.0.1:${unknown.port}"}`;
    for (let i = 0; i < 8; i++) expect(await ask('/ejecting/x')).toEqual([200, 'second']);
    expect(await metric(line)).toBe(1);
    expect(log()).toMatch(/"upstream":"ejecting".*certificate verify failed/);
  });

  test('is unhealthy', async () => {
    const healthy = (service: Service) => metric(`gatehouse_upstream_endpoint_healthy{upstream="checked",endpoint="127.0.0.1:${service.port}"}`);
    await until(async () => (await healthy(unknown)) === 0 && (await healthy(second)) === 1);
    for (let i = 0; i < 4; i++) expect(await ask('/checked/x')).toEqual([200, 'second']);
  });
});

test('a service that asks for it is shown the certificate', async () => {
  closed.answer = (request, answer) => answer.end((request.socket as TLSSocket).getPeerCertificate().subject.O);
  expect(await ask('/somebody/x')).toEqual([200, 'own']);
  const answer = await gatehouse.request('POST', '/somebody/x', { body: 'order' });
  expect([answer.status, await answer.text()]).toEqual([200, 'own']);
});

describe('a reload', () => {
  test('reads the files again, and what was trusted before is not any more', async () => {
    expect(await ask('/renewed/x')).toEqual([200, 'renewed']);
    const others = new CertificateAuthority(files, 'others');
    copyFileSync(others.file, trusted);
    expect(await ask('/renewed/x'), 'not before').toEqual([200, 'renewed']);
    await reload();
    expect(log()).toMatch(/TLS files of a service have changed.*"upstream":"renewed"/);
    expect((await ask('/renewed/x'))[0], 'not over the connection from before').toBe(502);

    await renewed.kill();
    (renewed as { tls?: https.ServerOptions }).tls = pair(others.issue('renewed', 'IP:127.0.0.1'));
    await renewed.start();
    expect(await ask('/renewed/x')).toEqual([200, 'renewed']);
  });

  test('does not disturb connections whose files are as before', async () => {
    const sockets = new Set<unknown>();
    good.answer = (request, answer) => { sockets.add(request.socket); answer.end('good'); };
    for (let i = 0; i < 3; i++) {
      expect(await ask('/good/x')).toEqual([200, 'good']);
      await reload();
    }
    expect(sockets.size).toBe(1);
  });

  test('of changed files under load costs no request', async () => {
    const fine = readFileSync(trusted, 'utf8');
    const failures: number[] = [];
    let done = 0;
    let stop = false;
    const load = Array.from({ length: 8 }, async (_, i) => {
      while (!stop) {
        const answer = await gatehouse.request(i % 2 === 0 ? 'GET' : 'POST', '/renewed/x', i % 2 === 0 ? {} : { body: 'x'.repeat(20_000) });
        await answer.arrayBuffer();
        if (answer.status !== 200) failures.push(answer.status);
        done++;
      }
    });
    for (let round = 0; round < 20; round++) {
      writeFileSync(trusted, round % 2 === 0 ? `${fine}${authority.pem}` : fine);
      const before = done;
      await reload();
      await until(() => done > before + 10);
    }
    stop = true;
    await Promise.all(load);
    expect(failures).toEqual([]);
  });

  test('with a file that cannot be used changes nothing and names it', async () => {
    const fine = readFileSync(trusted);
    writeFileSync(trusted, 'not a certificate\n');
    const before = log().length;
    await reload();
    const told = log().slice(before);
    expect(told).toContain('configuration not reloaded');
    expect(told).toContain('gateway.upstreams[12].tls.authorities');
    expect(told).toContain(`${path.join(gatehouse.data, 'gatehouse.yaml')}:`);
    expect(told).toContain(`the authorities file ${trusted} cannot be used`);
    expect(await ask('/renewed/x')).toEqual([200, 'renewed']);
    writeFileSync(trusted, fine);
    await reload();
    expect(await ask('/renewed/x')).toEqual([200, 'renewed']);
  });
});

test('config check finds what is wrong, with file, line and key', () => {
  const other = clients.issue('other', 'DNS:other');
  const upstream = (tls: string, scheme = 'https') => `gateway:\n  upstreams:\n    - name: a\n      endpoints: [{url: "${scheme}://a:1"}]\n      tls:\n        ${tls}\n`;
  const key = (name: string, line: number, column: number) => `${files}/check.yaml:${line}:${column}: gateway.upstreams[0].tls.${name}`;
  expect(check(upstream(`{authorities: ${authority.file}, certificate: ${own.certificate}, key: ${own.key}, server_name: orders.example}`))).toBe('The configuration is fine.\n');
  expect(check(upstream('authorities: /nowhere.pem'))).toBe(`${key('authorities', 6, 22)}: the authorities file /nowhere.pem does not exist\n`);
  expect(check(upstream(`authorities: ${own.key}`))).toContain(`${key('authorities', 6, 22)}: the authorities file ${own.key} cannot be used: `);
  expect(check(upstream(`certificate: ${own.certificate}`))).toContain('gateway.upstreams[0].tls.key: must be set, because tls.certificate is');
  expect(check(upstream(`key: ${own.key}`))).toContain('gateway.upstreams[0].tls.certificate: must be set, because tls.key is');
  expect(check(upstream(`certificate: ${own.certificate}\n        key: ${other.key}`))).toBe(
    `${key('key', 7, 14)}: the key file ${other.key} does not belong to the certificate file ${own.certificate}\n`);
  expect(check(upstream(`certificate: ${own.certificate}\n        key: /nowhere.key`))).toBe(`${key('key', 7, 14)}: the key file /nowhere.key does not exist\n`);
  expect(check(upstream('server_name: "orders.example:443"'))).toContain('must be the name of a host or an address, without a port, not `orders.example:443`');
  expect(check(upstream(`authorities: ${authority.file}`, 'http'))).toContain('gateway.upstreams[0].tls: is set, but no URL that it could be for begins with https://');
  expect(check(upstream('verify: false'))).toContain('gateway.upstreams[0].tls.verify: unknown key');
  expect(check('gateway:\n  routes:\n    - {path: /a, upstreams: ["ftp://a:1"]}\n')).toContain('must be http://host:port or https://host:port, not `ftp://a:1`');
});

test('a collector of traces may speak HTTPS, too', async () => {
  const collector = await startTraceCollector(0, pair(authority.issue('collector', 'DNS:collector.example')));
  const traced = new Gatehouse({ config: `tracing: {endpoint: "${collector.url}", tls: {authorities: ${authority.file}, server_name: collector.example}}\n` });
  try {
    await traced.start();
    await traced.request('GET', '/profile');
    await until(() => collector.spans.some((span) => span.name === 'GET /profile'));
    expect(collector.wrong).toEqual([]);
  } finally {
    await traced.stop();
    await collector.stop();
  }
});
