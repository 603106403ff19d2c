// SPDX-License-Identifier: Apache-2.0
// HTTPS at the gateway: what clients negotiate, which certificate they are shown, and how plain HTTP is led away.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority, type CertificateFiles } from '../support/certificates.js';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { basic, binary, Gatehouse, password, scratchDirectory } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';

const files = scratchDirectory();
let authority: CertificateAuthority;
let site: CertificateFiles;
let gatehouse: Gatehouse;
let redirecting: Gatehouse;
let echo: Echo;

const securePort = (of: Gatehouse) => Number(/https:\/\/localhost:(\d+)\//.exec(of.output)![1]);

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

async function ask(target: string, options: https.RequestOptions & { body?: string; of?: Gatehouse } = {}): Promise<Answer> {
  const { body, of = gatehouse, ...rest } = options;
  return await new Promise((resolve, reject) => {
    const request = https.request({ host: 'localhost', port: securePort(of), path: target, ca: authority.pem, agent: false, ...rest }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

function connect(options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: securePort(gatehouse), ca: authority.pem, servername: 'localhost', ...options }, () => resolve(socket));
    socket.on('error', reject);
  });
}

async function shown(servername: string): Promise<string> {
  const socket = await connect({ servername, rejectUnauthorized: false });
  const names = socket.getPeerCertificate().subjectaltname;
  socket.destroy();
  return names!;
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await check()) return;
    await sleep(20);
  }
  throw new Error(`it did not happen:\n${gatehouse.output}`);
}

beforeAll(async () => {
  authority = new CertificateAuthority(files);
  site = authority.issue('site', 'DNS:localhost');
  const other = authority.issue('other', 'DNS:other.example,DNS:*.other.example');
  echo = await startEchoService();
  const certificates = `[{certificate: ${site.certificate}, key: ${site.key}}, {certificate: ${other.certificate}, key: ${other.key}}]`;
  gatehouse = new Gatehouse({ distributed: false, config: `
gateway:
  tls: {listen: "127.0.0.1:0", certificates: ${certificates}, hsts: 1d, handshake_timeout: 500ms}
  routes:
    - {path: /public, upstreams: ["${echo.url}"], authentication: none}
` });
  redirecting = new Gatehouse({ distributed: false, config: `
gateway:
  tls: {listen: "127.0.0.1:0", certificates: ${certificates}, redirect: true, version_min: "1.3"}
` });
  await Promise.all([gatehouse.start(), redirecting.start()]);
  gatehouse.addUser('ada');
});
afterAll(async () => {
  await Promise.all([gatehouse.stop(), redirecting.stop()]);
  await echo.stop();
  rmSync(files, { recursive: true, force: true });
});

describe('a client that speaks TLS', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('logs in and is let through over %s', async (version) => {
    const login = await ask('/login', { method: 'POST', headers: { authorization: basic('ada', password) }, minVersion: version, maxVersion: version });
    expect(login.status).toBe(200);
    const profile = await ask('/profile', { headers: { authorization: `Bearer ${login.body}` }, minVersion: version, maxVersion: version });
    expect(JSON.parse(profile.body).username).toBe('ada');
    expect(JSON.parse(Buffer.from(login.body.split('.')[1], 'base64url').toString()).iss).toBe(`https://localhost:${securePort(gatehouse)}`);
  });

  test('with an old version is refused', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    await expect(ask('/', old)).rejects.toThrow(/protocol version|EPROTO/i);
    await expect(ask('/', { of: redirecting, maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version|EPROTO/i);
  });

  test('may speak HTTP/2', async () => {
    const session = http2.connect(`https://localhost:${securePort(gatehouse)}`, { ca: authority.pem });
    const stream = session.request({ ':path': '/public/x', 'x-custom': 'kept' });
    let status = 0;
    stream.on('response', (headers) => (status = headers[':status']!));
    let text = '';
    for await (const piece of stream) text += piece;
    await new Promise<void>((resolve) => session.close(resolve));
    expect(status).toBe(200);
    expect(text).toContain('kept');
  });

  test('tells the service behind that it did', async () => {
    const seen = JSON.parse((await ask('/public/x')).body);
    expect(seen.fields).toContainEqual(['x-forwarded-proto', 'https']);
  });

  test('uploads and downloads long bodies', async () => {
    const login = await ask('/login', { method: 'POST', headers: { authorization: basic('ada', password) } });
    const content = 'gatehouse '.repeat(300_000);
    const headers = { authorization: `Bearer ${login.body}`, 'content-type': 'text/plain', 'content-length': content.length };
    const upload = await ask('/upload?name=long.txt', { method: 'POST', headers, body: content });
    expect(upload.status, upload.body).toBe(201);
    const id = JSON.parse(upload.body).items[0].id;
    const download = await ask(`/files/${id}/content`, { headers: { authorization: headers.authorization } });
    expect(download.body === content).toBe(true);
  });

  test('is told to come back over TLS alone, and who does not speak it is not', async () => {
    expect((await ask('/')).headers['strict-transport-security']).toBe('max-age=86400');
    expect((await ask('/nothing/here')).headers['strict-transport-security']).toBe('max-age=86400');
    expect((await gatehouse.request('GET', '/')).headers.get('strict-transport-security')).toBeNull();
    expect((await ask('/', { of: redirecting })).headers['strict-transport-security']).toBeUndefined();
  });

  test('that does not get on is cut', async () => {
    const socket = net.connect(securePort(gatehouse), '127.0.0.1');
    await new Promise((resolve) => socket.on('close', resolve));
  });
});

test('plain HTTP on the port of HTTPS is told so', async () => {
  const answer = await fetch(`http://127.0.0.1:${securePort(gatehouse)}/`);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'tls_required' });
});

describe('redirects', () => {
  test('lead to the same target over HTTPS, whatever the method', async () => {
    for (const method of ['GET', 'POST']) {
      const answer = await redirecting.request(method, '/console/?a=b%20c');
      expect(answer.status).toBe(308);
      expect(answer.headers.get('location')).toBe(`https://localhost:${securePort(redirecting)}/console/?a=b%20c`);
    }
    expect((await ask('/.well-known/jwks.json', { of: redirecting })).status).toBe(200);
  });

  test('do not touch the probes', async () => {
    expect((await fetch(`${redirecting.opsUrl}/livez`, { redirect: 'manual' })).status).toBe(200);
  });
});

describe('certificates', () => {
  test('are chosen by name', async () => {
    expect(await shown('localhost')).toBe('DNS:localhost');
    expect(await shown('a.other.example')).toBe('DNS:other.example, DNS:*.other.example');
    expect(await shown('elsewhere.example')).toBe('DNS:localhost');
  });

  test('are renewed under open connections', async () => {
    const open = await connect();
    open.setEncoding('utf8');
    let text = '';
    open.on('data', (piece) => (text += piece));
    authority.issue('site', 'DNS:localhost,DNS:renewed.example');
    process.kill(gatehouse.pid, 'SIGHUP');
    await until(async () => (await shown('localhost')) === 'DNS:localhost, DNS:renewed.example');
    open.write('GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => open.on('end', resolve));
    expect(text).toMatch(/^HTTP\/1.1 200 /);
  });

  test('stay when the new ones are wrong, and the log says why', async () => {
    const key = readFileSync(site.key);
    writeFileSync(site.key, 'no key');
    process.kill(gatehouse.pid, 'SIGHUP');
    await until(() => gatehouse.output.includes(`the key file ${site.key} cannot be used`));
    expect((await ask('/.well-known/jwks.json')).status).toBe(200);
    writeFileSync(site.key, key);
  });

  test('and handshakes are told in the metrics', async () => {
    const text = await (await fetch(`${gatehouse.opsUrl}/metrics`)).text();
    const expiry = /gatehouse_tls_certificate_expiry_timestamp_seconds\{file="[^"]*site\.pem"\} (\S+)/.exec(text);
    const inADay = Date.now() / 1000 + 86_400;
    expect(Math.abs(Number(expiry![1]) - inADay)).toBeLessThan(600);
    expect(Number(/gatehouse_tls_handshakes_total\{result="full"\} (\S+)/.exec(text)![1])).toBeGreaterThan(5);
    expect(Number(/gatehouse_tls_handshakes_total\{result="failed"\} (\S+)/.exec(text)![1])).toBeGreaterThan(1);
  });

  test('that cannot be used are found by config check, with file, line and key', () => {
    const late = authority.issue('late', 'DNS:late.example', -1);
    const config = `${files}/check.yaml`;
    const check = (text: string) => {
      writeFileSync(config, text);
      try {
        return execFileSync(binary, ['config', 'check', '--config', config], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      } catch (error) {
        return (error as { stderr: string }).stderr;
      }
    };
    const wrong = check(`gateway:\n  tls:\n    listen: 127.0.0.1:0\n    certificates:\n      - {certificate: ${site.certificate}, key: ${late.key}}\n`);
    expect(wrong).toBe(`${config}:5:9: gateway.tls.certificates[0]: the key file ${late.key} does not belong to the certificate file ${site.certificate}\n`);
    expect(check('gateway:\n  tls: {listen: "127.0.0.1:0"}\n')).toContain('gateway.tls.certificates: must name at least one');
    expect(check(`gateway:\n  tls:\n    listen: 127.0.0.1:0\n    certificates:\n      - {certificate: ${late.certificate}, key: ${late.key}}\n`)).toBe('The configuration is fine.\n');
  });
});

describe('gateway.http2: false', () => {
  let plain: Gatehouse;
  beforeAll(async () => {
    plain = await new Gatehouse({ distributed: false, config: `
gateway:
  http2: false
  tls: {listen: "127.0.0.1:0", certificates: [{certificate: ${site.certificate}, key: ${site.key}}]}
  routes:
    - {path: /public, upstreams: ["${echo.url}"], authentication: none}
` }).start();
  });
  afterAll(async () => {
    await plain?.stop();
  });
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const answerTo = (socket: net.Socket): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      socket.on('data', (piece) => (text += piece.toString('latin1')));
      socket.on('error', () => resolve(text));
      socket.on('close', () => resolve(text));
      socket.write(preface);
    });

  test('HTTP/1.1 is what a client of both gets', async () => {
    const socket = await connect({ port: securePort(plain), ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
    expect((await ask('/public/x', { of: plain })).status).toBe(200);
  });

  test('a client of HTTP/2 alone is refused in the handshake', async () => {
    await expect(connect({ port: securePort(plain), ALPNProtocols: ['h2'] })).rejects.toThrow(/no application protocol/i);
  });

  test('nor is its preface taken, with TLS or without', async () => {
    expect(await answerTo(await connect({ port: securePort(plain) }))).toMatch(/^HTTP\/1\.1 (400|505) /);
    expect(await answerTo(net.connect(Number(new URL(plain.url).port), '127.0.0.1'))).toMatch(/^HTTP\/1\.1 (400|505) /);
  });

  test('gateway.http2_cleartext contradicts it', () => {
    const file = path.join(files, 'contradiction.yaml');
    writeFileSync(file, 'gateway: {http2: false, http2_cleartext: true}\n');
    expect(() => execFileSync(binary, ['config', 'check', '--config', file], { stdio: 'pipe' })).toThrow(/gateway\.http2_cleartext: contradicts gateway\.http2: false/);
  });
});
