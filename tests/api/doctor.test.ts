// SPDX-License-Identifier: Apache-2.0
// `gatehouse doctor`: a healthy installation is all ok, and each seeded fault is found, with a remedy that names the thing.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CertificateAuthority } from '../support/certificates.js';
import { binary, Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { freePort } from '../support/process.js';

interface Finding {
  check: string;
  level: 'ok' | 'warn' | 'fail';
  what: string;
  remedy: string | null;
}
interface Diagnosis {
  status: number | null;
  findings: Finding[];
  ok: number;
  warn: number;
  fail: number;
}

const nobody = 65534;
const scratch = scratchDirectory();
chmodSync(scratch, 0o755);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let made = 0;
function directory(): string {
  const name = path.join(scratch, String(++made));
  mkdirSync(name, { mode: 0o700 });
  return name;
}

const anyPort = ['--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
const run = (args: string[], options: { env?: Record<string, string>; uid?: number } = {}) =>
  spawnSync(binary, ['doctor', ...args], { encoding: 'utf8', timeout: 60_000, uid: options.uid, env: { ...process.env, ...options.env } });

function diagnose(args: string[], options: { env?: Record<string, string>; uid?: number } = {}): Diagnosis {
  const result = run([...args, '--json'], options);
  return { status: result.status, ...JSON.parse(result.stdout) };
}

// The one thing that is wrong.
function only(diagnosis: Diagnosis, level: 'warn' | 'fail'): Finding {
  const bad = diagnosis.findings.filter((finding) => finding.level !== 'ok');
  expect(bad, JSON.stringify(bad)).toHaveLength(1);
  expect(bad[0].level).toBe(level);
  expect(diagnosis.status).toBe(level === 'fail' ? 1 : 0);
  return bad[0];
}

function withConfig(yaml: string): string[] {
  const file = path.join(directory(), 'gatehouse.yaml');
  writeFileSync(file, yaml);
  return ['--config', file];
}

test('an installation that was never started is all ok, and nothing was made', () => {
  const data = path.join(directory(), 'data');
  const diagnosis = diagnose(['--data', data, ...anyPort]);
  expect(diagnosis.findings.filter((finding) => finding.level !== 'ok')).toEqual([]);
  expect(diagnosis.status).toBe(0);
  expect(run(['--data', data, ...anyPort]).stdout).toMatch(new RegExp(`\\n${diagnosis.ok} ok, 0 warn, 0 fail\\n$`));
  expect(() => mkdirSync(data)).not.toThrow(); // it was not there
});

test('a running server is all ok, and its ports are known for its own', async () => {
  const [port, ops] = [await freePort(), await freePort()];
  const config = `gateway: {listen: "127.0.0.1:${port}"}\nops: {listen: "127.0.0.1:${ops}"}\n`;
  const gatehouse = await new Gatehouse({ distributed: false, config }).start();
  try {
    gatehouse.addUser('ada');
    const args = ['--data', gatehouse.data, '--config', path.join(gatehouse.data, 'gatehouse.yaml')];
    const diagnosis = diagnose([...args, ...anyPort]);
    expect(diagnosis.findings.filter((finding) => finding.level !== 'ok')).toEqual([]);
    const all = diagnosis.findings.map((finding) => `${finding.check}: ${finding.what}`).join('\n');
    for (const part of [`process ${gatehouse.pid} works in`, 'schema version', 'the encryption key opens', 'worker: 0 waiting, 0 dead'])
      expect(all).toContain(part);
    expect(gatehouse.output).not.toContain('error');
  } finally {
    await gatehouse.stop();
  }
});

test('a server that runs by an older configuration is told', async () => {
  const [port, ops] = [await freePort(), await freePort()];
  const config = `gateway: {listen: "127.0.0.1:${port}"}\nops: {listen: "127.0.0.1:${ops}"}\n`;
  const gatehouse = new Gatehouse({ distributed: false, config });
  await gatehouse.start();
  try {
    const file = path.join(gatehouse.data, 'gatehouse.yaml');
    writeFileSync(file, `${config}log: {level: debug}\n`);
    const found = only(diagnose(['--data', gatehouse.data, '--config', file, ...anyPort]), 'warn');
    expect(found.check).toBe('server');
    expect(found.remedy).toContain('gatehouse config reload');
  } finally {
    await gatehouse.stop();
  }
});

test('a port that another process has: who, and which setting', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  try {
    const found = only(diagnose(['--data', directory(), '--listen', `127.0.0.1:${port}`, '--ops-listen', '127.0.0.1:0']), 'fail');
    expect(found.check).toBe('ports');
    expect(found.what).toContain(`127.0.0.1:${port}`);
    expect(found.what).toContain(`process ${process.pid}`);
    expect(found.remedy).toContain('gateway.listen');
  } finally {
    server.close();
  }
});

test('an address that this machine does not have', () => {
  const found = only(diagnose(['--data', directory(), '--listen', '192.0.2.1:8080', '--ops-listen', '127.0.0.1:0']), 'fail');
  expect(found.what).toContain('192.0.2.1:8080');
  expect(found.remedy).toContain('gateway.listen');
});

test('a data directory that cannot be written', () => {
  const data = directory();
  const root = process.getuid!() === 0;
  chmodSync(data, root ? 0o755 : 0o500);
  const diagnosis = diagnose(['--data', data, ...anyPort], { uid: root ? nobody : undefined });
  const found = only(diagnosis, 'fail');
  expect(found.check).toBe('data');
  expect(found.what).toContain(data);
  expect(found.remedy).toMatch(root ? /sudo -u root|chown/ : /chmod/);
});

test('a file where the data directory should be', () => {
  const file = path.join(directory(), 'data');
  writeFileSync(file, '');
  const diagnosis = diagnose(['--data', file, ...anyPort]);
  expect(diagnosis.status).toBe(1);
  expect(diagnosis.findings.find((finding) => finding.check === 'data' && finding.level === 'fail')?.what).toContain(`${file} is no directory`);
});

test('no ffmpeg', () => {
  const found = only(diagnose(['--data', directory(), ...anyPort], { env: { PATH: '/nowhere' } }), 'fail');
  expect(found.check).toBe('programs');
  expect(found.what).toContain('ffmpeg');
  expect(found.remedy).toContain('apt install ffmpeg');
});

test('an ffmpeg that does not run', () => {
  const programs = directory();
  for (const name of ['ffmpeg', 'ffprobe']) {
    writeFileSync(path.join(programs, name), '#!/bin/sh\necho the codec is broken >&2\nexit 3\n');
    chmodSync(path.join(programs, name), 0o755);
  }
  const found = only(diagnose(['--data', directory(), ...withConfig(`worker: {ffmpeg: ${programs}/ffmpeg}\n`), ...anyPort]), 'fail');
  expect(found.what).toContain(`${programs}/ffmpeg does not run in the sandbox`);
});

test('a certificate that has expired, one that soon will, and one for another name', () => {
  const place = directory();
  const authority = new CertificateAuthority(place);
  const config = (days: number, url: string) => {
    const files = authority.issue(`cert${days}`, 'DNS:shop.example.com', days);
    return withConfig(`gateway:\n  public_url: ${url}\n  tls:\n    listen: 127.0.0.1:0\n    certificates:\n      - {certificate: ${files.certificate}, key: ${files.key}}\n`);
  };
  const expired = diagnose(['--data', directory(), ...config(-1, 'https://shop.example.com'), ...anyPort]);
  expect(expired.status).toBe(1);
  const fault = expired.findings.find((finding) => finding.level === 'fail')!;
  expect(fault.check).toBe('certificates');
  expect(fault.what).toContain('cert-1.pem has expired');
  expect(fault.remedy).toContain('gatehouse config reload');

  const soon = only(diagnose(['--data', directory(), ...config(5, 'https://shop.example.com'), ...anyPort]), 'warn');
  expect(soon.what).toMatch(/cert5\.pem is good for [45] days/);

  const other = only(diagnose(['--data', directory(), ...config(90, 'https://www.example.org'), ...anyPort]), 'warn');
  expect(other.what).toContain('www.example.org');
});

test('a key file that cannot be read, or is of another certificate, is an error of the configuration', () => {
  const place = directory();
  const authority = new CertificateAuthority(place);
  const good = authority.issue('good', 'DNS:localhost');
  const yaml = (key: string) =>
    withConfig(`gateway:\n  tls:\n    listen: 127.0.0.1:0\n    certificates:\n      - {certificate: ${good.certificate}, key: ${key}}\n`);

  const other = authority.issue('other', 'DNS:localhost');
  const mixed = diagnose(['--data', directory(), ...yaml(other.key), ...anyPort]);
  expect(mixed.status).toBe(2);
  expect(mixed.findings).toHaveLength(1);
  expect(mixed.findings[0].what).toContain(other.key);
  expect(mixed.findings[0].what).toContain('gateway.tls.certificates[0]');

  if (process.getuid!() !== 0) return;
  chmodSync(place, 0o755);
  chmodSync(good.key, 0o600);
  const args = yaml(good.key);
  chmodSync(path.dirname(args[1]), 0o755);
  const data = directory();
  chownSync(data, nobody, nobody);
  const unreadable = diagnose(['--data', data, ...args, ...anyPort], { uid: nobody });
  expect(unreadable.status).toBe(2);
  expect(unreadable.findings[0].what).toContain(good.key);
  expect(unreadable.findings[0].remedy).toMatch(/chown|chmod/);
});

test('a damaged store, and a store with another key', async () => {
  const gatehouse = new Gatehouse({ distributed: false, data: directory() });
  await gatehouse.start();
  await gatehouse.stop();
  const args = ['--data', gatehouse.data, ...anyPort];
  expect(diagnose(args).fail).toBe(0);

  const keyFile = path.join(gatehouse.data, 'auth.key');
  copyFileSync(keyFile, `${keyFile}.right`);
  writeFileSync(keyFile, 'another key of thirty-two characters or more');
  const wrongKey = only(diagnose(args), 'fail');
  expect(wrongKey.check).toBe('auth.store');
  expect(wrongKey.remedy).toContain(keyFile);
  copyFileSync(`${keyFile}.right`, keyFile);

  chmodSync(keyFile, 0o644);
  expect(only(diagnose(args), 'fail').remedy).toBe(`chmod 600 ${keyFile}`);
  chmodSync(keyFile, 0o600);

  const database = path.join(gatehouse.data, 'files.db');
  truncateSync(database, 5000);
  const damaged = only(diagnose(args), 'fail');
  expect(damaged.check).toBe('files.store');
  expect(damaged.what).toContain('files.db');
});

test('a role elsewhere and a service that do not answer', () => {
  const yaml = 'service_key: a service key of the tests, 32 or more\ngateway:\n  public_url: http://localhost\n' +
    '  routes: [{path: /orders, upstreams: ["http://127.0.0.1:1"]}]\nauth: {urls: ["http://127.0.0.1:2"]}\nfiles: {urls: ["http://127.0.0.1:3"]}\n';
  const diagnosis = diagnose(['--role', 'gateway', '--data', directory(), ...withConfig(yaml), ...anyPort]);
  expect(diagnosis.status).toBe(1);
  const bad = Object.fromEntries(diagnosis.findings.filter((finding) => finding.level !== 'ok').map((finding) => [finding.what.split(':')[0], finding]));
  expect(Object.keys(bad).sort()).toEqual(['/orders', 'auth.urls', 'files.urls']);
  expect(bad['/orders'].level).toBe('warn');
  expect(bad['auth.urls'].remedy).toContain('gatehouse serve --role auth');
});

test('a mail server that is away', () => {
  const found = only(diagnose(['--data', directory(), ...anyPort], { env: { GATEHOUSE_NOTIFIER__SMTP__URL: 'smtp://127.0.0.1:1' } }), 'fail');
  expect(found.check).toBe('mail');
  expect(found.remedy).toContain('notifier.smtp.url');
});

test('a wrong configuration ends with 2', () => {
  const diagnosis = diagnose([...withConfig('gateway:\n  listn: 1\n'), ...anyPort]);
  expect(diagnosis.status).toBe(2);
  expect(diagnosis.findings[0].what).toContain('gatehouse.yaml:2:');
  expect(diagnosis.findings[0].remedy).toContain('gatehouse config check');
});

// The servers of tools/services.
const servers = { mysql: process.env.GATEHOUSE_TEST_MYSQL, mongodb: process.env.GATEHOUSE_TEST_MONGODB, rabbitmq: process.env.GATEHOUSE_TEST_RABBITMQ };
const keys = { GATEHOUSE_SERVICE_KEY: 'a service key of the tests, 32 or more', GATEHOUSE_AUTH__ENCRYPTION_KEY: 'an encryption key of the tests, 32 or more' };

function withPassword(url: string, password: string): string {
  const wrong = new URL(url);
  wrong.password = password;
  return wrong.href;
}

test.skipIf(!servers.mysql)('a wrong password of the database, and a server that is away', () => {
  const env = { ...keys, GATEHOUSE_AUTH__STORE: withPassword(servers.mysql!, 'secret-wrong') };
  const result = run(['--data', directory(), ...anyPort], { env });
  expect(result.status).toBe(1);
  expect(result.stdout).toMatch(/fail +auth\.store +mysql: Access denied for user/);
  expect(result.stdout).toMatch(/-> correct the user and the password in auth\.store/);
  expect(result.stdout).not.toContain('secret-wrong');

  const away = new URL(servers.mysql!);
  away.port = '1';
  const found = diagnose(['--data', directory(), ...anyPort], { env: { ...keys, GATEHOUSE_AUTH__STORE: away.href } });
  expect(found.findings.find((finding) => finding.check === 'auth.store')?.remedy).toContain('127.0.0.1:1');
});

test.skipIf(!servers.rabbitmq || !servers.mongodb)('a wrong password of the broker, and MongoDB away', () => {
  const env = { ...keys, GATEHOUSE_EVENTS__STORE: withPassword(servers.rabbitmq!, 'secret-wrong'), GATEHOUSE_FILES__STORE: 'mongodb://127.0.0.1:1/gatehouse' };
  const result = run(['--data', directory(), ...anyPort], { env });
  expect(result.status).toBe(1);
  expect(result.stdout).toMatch(/fail +events\.store +RabbitMQ: login: .*ACCESS_REFUSED/);
  expect(result.stdout).toMatch(/-> correct the user and the password in events\.store/);
  expect(result.stdout).toMatch(/fail +files\.store +MongoDB: /);
  expect(result.stdout).not.toContain('secret-wrong');
});
