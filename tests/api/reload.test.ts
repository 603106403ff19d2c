// SPDX-License-Identifier: Apache-2.0
// The configuration changes while the gateway serves.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { binary, Gatehouse } from '../support/gatehouse.js';
import { sleep, slowdown } from '../support/process.js';

let gatehouse: Gatehouse;
let echo: Echo;
let other: Echo;

const route = (name: string, to: Echo) => `    - {path: ${name}, upstreams: ["${to.url}"], authentication: none}\n`;
const config = (routes: string, rest = '') => `${rest}gateway:\n  access_log: false\n  routes:\n${routes}`;
const write = (text: string) => writeFileSync(path.join(gatehouse.data, 'gatehouse.yaml'), text);
const status = async (target: string) => (await fetch(gatehouse.url + target)).status;

// Not a blocking call: the load of a test must go on meanwhile.
function run(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const all = [...args, '--data', gatehouse.dataOf('gateway')];
  return new Promise((resolve) => execFile(binary, all, (error, out, errors) => resolve({ code: error ? Number(error.code) : 0, out, errors })));
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${gatehouse.opsUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)![1]);
}

beforeAll(async () => {
  echo = await startEchoService();
  other = await startEchoService();
  gatehouse = new Gatehouse({ config: config('    - {path: /kept, upstreams: ["http://127.0.0.1:1"], authentication: none}\n') });
  write(config(route('/kept', echo)));
  await gatehouse.start();
});
afterAll(async () => {
  await gatehouse.stop();
  await echo.stop();
  await other.stop();
});

describe('config reload', () => {
  test('a new route serves when the command has returned, and a removed one does not', async () => {
    write(config(route('/kept', echo) + route('/new', echo)));
    const reloaded = await run('config', 'reload');
    expect(reloaded).toMatchObject({ code: 0, errors: '' });
    expect(reloaded.out).toContain('gateway.routes[/new]: none -> {');
    expect(await status('/new')).toBe(200);
    write(config(route('/kept', echo)));
    expect((await run('config', 'reload')).code).toBe(0);
    expect(await status('/new')).toBe(404);
    expect((await run('config', 'reload')).out).toBe('Reloaded, nothing changed.\n');
  });

  test('a wrong file is refused with file, line and key, and the old one stays in force', async () => {
    const before = await metric('gatehouse_config_last_reload_time_seconds');
    write(config(route('/new', echo) + '    - {path: bad, upstreams: [], authentication: sometimes}\n'));
    const refused = await run('config', 'reload');
    expect(refused.code).toBe(2);
    expect(refused.out).toBe('');
    expect(refused.errors).toMatch(/gatehouse\.yaml:5:\d+: gateway\.routes\[1\]\.authentication: must be one of/);
    expect(refused.errors).toMatch(/gatehouse\.yaml:5:\d+: gateway\.routes\[1\]\.path: must begin with/);
    expect(refused.errors).toContain('the old configuration stays in force');
    expect(await status('/kept')).toBe(200);
    expect(await status('/new')).toBe(404);
    expect(await metric('gatehouse_config_reload_success')).toBe(0);
    expect(await metric('gatehouse_config_last_reload_time_seconds')).toBe(before);
    write(config(route('/kept', echo)));
    expect((await run('config', 'reload')).code).toBe(0);
    expect(await metric('gatehouse_config_reload_success')).toBe(1);
  });

  test('what needs a restart is named, and everything else is taken', async () => {
    write(config(route('/kept', echo) + route('/both', echo), 'io: {threads: 7}\n'));
    const reloaded = await run('config', 'reload');
    expect(reloaded.code).toBe(0);
    expect(reloaded.out).toMatch(/Takes effect at the next start:\n {2}io\.threads: 0 -> 7\n/);
    expect(await status('/both')).toBe(200);
    const later = await run('config', 'diff', '--json');
    expect(later.code).toBe(1);
    expect(JSON.parse(later.out)).toEqual({ changes: [{ key: 'io.threads', before: 0, after: 7, at_next_start: true }] });
  });

  test('the rate limit of the gateway, and how many are counted, change at once', async () => {
    const reload = async (more: string) => {
      write(config(route('/kept', echo)) + more);
      expect((await run('config', 'reload')).out).not.toContain('next start');
    };
    await reload('  rate_limit: {requests: 2, per: 1h, key: route}\n');
    const statuses = async () => [await status('/kept'), await status('/kept'), await status('/kept')];
    expect(await statuses()).toEqual([200, 200, 429]);
    // Another size is another table: nobody has sent anything yet.
    await reload('  rate_limit: {requests: 2, per: 1h, key: route}\n  rate_limit_buckets: 2048\n');
    expect(await statuses()).toEqual([200, 200, 429]);
    await reload('');
    expect(await statuses()).toEqual([200, 200, 200]);
  });

  test('trusted proxies change at once', async () => {
    const client = async () => {
      const answer = await fetch(`${gatehouse.url}/kept`, { headers: { 'x-forwarded-for': '192.0.2.7' } });
      return Object.fromEntries(((await answer.json()) as any).fields)['x-forwarded-for'];
    };
    expect(await client()).toBe('127.0.0.1');
    write(config(route('/kept', echo)) + '  trusted_proxies: [127.0.0.0/8]\n');
    expect((await run('config', 'reload')).out).toBe('Reloaded:\n  gateway.trusted_proxies: [] -> ["127.0.0.0/8"]\n');
    expect(await client()).toBe('192.0.2.7');
    write(config(route('/kept', echo)));
    expect((await run('config', 'reload')).code).toBe(0);
    expect(await client()).toBe('127.0.0.1');
  });

  test('another issuer waits for the next start, and that is said', async () => {
    const issuer = (audience: string) => `  issuers: [{name: corp, issuer: "http://127.0.0.1:1", audience: ${audience}, jwks_url: "http://127.0.0.1:1/keys"}]\n`;
    write(config(route('/kept', echo) + route('/beside', echo)) + issuer('shop'));
    const reloaded = await run('config', 'reload');
    expect(reloaded.code, reloaded.errors).toBe(0);
    expect(reloaded.out).toMatch(/Takes effect at the next start:\n {2}gateway\.issuers\[[^\]]*\]: none -> \{.*\}\n$/);
    expect(await status('/beside')).toBe(200);
    expect((await run('config', 'diff')).out).toContain('Takes effect at the next start:\n  gateway.issuers[');
  });

  test('config diff tells beforehand and changes nothing', async () => {
    write(config(route('/kept', other)));
    expect(await run('config', 'reload')).toMatchObject({ code: 0 });
    expect(await run('config', 'diff')).toMatchObject({ code: 0, out: 'A reload changes nothing.\n' });
    write(config(route('/kept', echo)));
    const difference = await run('config', 'diff');
    expect(difference).toMatchObject({ code: 1, errors: '' });
    expect(difference.out).toContain(`gateway.routes[/kept].upstreams: ["${other.url}"] -> ["${echo.url}"]`);
    const before = other.requests;
    expect(await status('/kept')).toBe(200);
    expect(other.requests).toBe(before + 1);
  });

  test('SIGHUP does the same, and the log says what came of it', async () => {
    const reloads = () => gatehouse.output.split('configuration reloaded').length;
    const before = reloads();
    write(config(route('/kept', echo) + route('/hup', echo)));
    process.kill(gatehouse.pid, 'SIGHUP');
    await expect.poll(() => reloads()).toBe(before + 1);
    expect(await status('/hup')).toBe(200);
    write('gateway: {nonsense: 1}\n');
    process.kill(gatehouse.pid, 'SIGHUP');
    await expect.poll(() => gatehouse.output).toMatch(/configuration not reloaded.*gatehouse\.yaml:1:11: gateway\.nonsense/);
    expect(await status('/hup')).toBe(200);
  });

  test('without a server says so', async () => {
    const nobody = await new Promise<{ code: unknown; errors: string }>((resolve) =>
      execFile(binary, ['config', 'reload', '--data', '/nonexistent'], (error, _, errors) => resolve({ code: error?.code, errors })));
    expect(nobody.code).toBe(1);
    expect(nobody.errors).toContain('there is no data directory /nonexistent');
  });
});

// One connection that asks again and again; what is not an answer of the service, or a second connection, is a failure.
class Load {
  failures: string[] = [];
  answers = 0;
  private ending = false;
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  private readonly sockets = new Set<unknown>();
  private readonly running: Promise<void>;

  constructor() {
    this.running = this.run();
  }

  private once(): Promise<void> {
    return new Promise((resolve) => {
      const request = http.get(`${gatehouse.url}/kept/${this.answers}`, { agent: this.agent }, (answer) => {
        answer.resume().on('end', () => {
          if (answer.statusCode === 200 && answer.headers['x-from-service'] === 'yes') this.answers++;
          else this.failures.push(`${answer.statusCode}`);
          resolve();
        }).on('error', (error) => (this.failures.push(`answer: ${error}`), resolve()));
      });
      request.on('socket', (socket) => this.sockets.add(socket));
      request.on('error', (error) => (this.failures.push(`${error}`), resolve()));
    });
  }

  private async run(): Promise<void> {
    while (!this.ending && this.failures.length < 10) {
      await this.once();
      await sleep(5); // the reloads need the processor, too
    }
    this.agent.destroy();
    if (this.sockets.size > 1) this.failures.push(`${this.sockets.size} connections instead of one`);
  }

  end(): Promise<void> {
    this.ending = true;
    return this.running;
  }
}

test('100 reloads with changes under load: no request fails, no connection ends', async () => {
  write(config(route('/kept', echo)));
  expect((await run('config', 'reload')).code).toBe(0);
  const loads = Array.from({ length: 8 }, () => new Load());
  for (let i = 0; i < 100; i++) {
    // Each takes the last one's route away, brings one of its own, and moves the loaded route to the other service.
    write(config(route('/kept', i % 2 === 0 ? other : echo) + route(`/r${i}`, echo)));
    const reloaded = await run('config', 'reload');
    expect(reloaded.code, reloaded.errors).toBe(0);
    expect(await status(`/r${i}`)).toBe(200);
    expect(await status(`/r${i - 1}`)).toBe(404);
  }
  await Promise.all(loads.map((load) => load.end()));
  expect(loads.flatMap((load) => load.failures)).toEqual([]);
  const answers = loads.reduce((sum, load) => sum + load.answers, 0);
  expect(answers).toBeGreaterThan(1000);
  expect(Math.min(other.requests, echo.requests)).toBeGreaterThan(100);
}, 120_000 * slowdown);
