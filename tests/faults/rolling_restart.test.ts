// SPDX-License-Identifier: Apache-2.0
// Gateways are replaced one after the other under load: the new one listens on the same address (SO_REUSEPORT) before the old
// one is told to end. No request fails, on kept connections or on new ones.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse, password, basic, scratchDirectory } from '../support/gatehouse.js';
import { binary, freePort, Process, root, sleep } from '../support/process.js';
import { describeFigures, SteadyClient } from '../support/steady_client.js';

const rounds = Number(process.env.GATEHOUSE_TEST_RESTARTS ?? 4);
const processes: Process[] = [];
let service: ChildProcess;
let url = '';
let gatewayCount = 0;
let arrangement: { args: string[]; env: Record<string, string> };

async function startGateway(): Promise<Process> {
  const name = `gateway-${++gatewayCount}`;
  const data = path.join(scratchDirectory(), name);
  const process = new Process(name, [...arrangement.args, '--role', 'gateway', '--data', data, '--ops-listen', '127.0.0.1:0'], arrangement.env);
  processes.push(process);
  await process.start();
  return await process.ready();
}

beforeAll(async () => {
  const [port, servicePort, authPort, filesPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  url = `http://127.0.0.1:${port}`;
  service = spawn(process.execPath, [path.join(root, 'tests/support/counting_service.mjs'), String(servicePort), '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => service.stdout!.once('data', resolve));
  const env = {
    GATEHOUSE_SERVICE_KEY: 'a service key of the tests, 32 or more',
    GATEHOUSE_GATEWAY__PUBLIC_URL: url,
    GATEHOUSE_AUTH__LISTEN: `127.0.0.1:${authPort}`,
    GATEHOUSE_AUTH__URLS: `http://127.0.0.1:${authPort}`,
    GATEHOUSE_FILES__LISTEN: `127.0.0.1:${filesPort}`,
    GATEHOUSE_FILES__URLS: `http://127.0.0.1:${filesPort}`,
    GATEHOUSE_GATEWAY__ROUTES: `[{path: /s, upstreams: ["http://127.0.0.1:${servicePort}"]}]`,
    GATEHOUSE_GATEWAY__ACCESS_LOG: 'false',
    GATEHOUSE_GATEWAY__REUSE_PORT: 'true',
    GATEHOUSE_GATEWAY__DRAIN_DELAY: '500ms',
  };
  const data = scratchDirectory();
  const others = new Process('others', ['--role', 'auth', '--role', 'files', '--role', 'worker', '--role', 'notifier', '--data', data, '--ops-listen', '127.0.0.1:0'], env);
  processes.push(others);
  await others.start();
  await others.ready();
  arrangement = { args: ['--listen', `127.0.0.1:${port}`], env };
  execFileSync(binary, ['user', 'add', 'ada', '--role', 'user', '--email', 'ada@example.com', '--password-stdin', '--data', data], { input: `${password}\n`, env: { ...process.env, ...env } });
});
afterAll(async () => {
  await Promise.all(processes.map((process) => process.end()));
  service?.kill();
});

test(`${rounds} rolling restarts lose no request`, { timeout: 60_000 + rounds * 20_000 }, async () => {
  let current = await startGateway();
  const login = await fetch(`${url}/login`, { method: 'POST', headers: { authorization: basic('ada', password) } });
  const token = await login.text();
  expect(login.status, token).toBe(200);
  const headers = { authorization: `Bearer ${token}` };

  let number = 0;
  const kept = new SteadyClient({ urls: () => `${url}/s/kept/${++number}`, rate: 150, headers }).start();
  const fresh = new SteadyClient({ urls: () => `${url}/s/fresh/${++number}`, rate: 50, headers, keepAlive: false }).start();
  const writer = new SteadyClient({ urls: () => `${url}/s/write/${++number}`, rate: 50, headers, method: 'POST', body: 'x'.repeat(1000), keepAlive: false }).start();
  const lister = new SteadyClient({ urls: () => `${url}/files`, rate: 20, headers }).start();

  for (let i = 0; i < rounds; i++) {
    await sleep(700);
    const next = await startGateway();
    await sleep(300);
    expect(await current.end('SIGTERM'), current.output).toBe(0);
    current = next;
  }
  await sleep(700);
  for (const [name, client] of Object.entries({ kept, fresh, writer, lister })) {
    const figures = await client.stop();
    console.log(`${rounds} restarts, ${name}: ${describeFigures(figures)}`);
    expect(figures.failures, `${name}\n${processes.map(({ output }) => output.split('\n').filter((line) => /"(warn|error)"/.test(line)).join('\n')).join('\n')}`).toEqual([]);
  }
});
