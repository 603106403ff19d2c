// SPDX-License-Identifier: Apache-2.0
// One gateway takes over from another on the same address.
import http from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { freePort, Process, sleep } from '../support/process.js';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

let echo: Echo;
let directory: string;
let url: string;
const running: Process[] = [];

function gateway(name: string): Process {
  const data = path.join(directory, name);
  mkdirSync(data, { mode: 0o700 });
  const made = new Process(name, ['--config', path.join(directory, 'gatehouse.yaml'), '--data', data, '--ops-listen', '127.0.0.1:0']);
  running.push(made);
  return made;
}

beforeAll(async () => {
  echo = await startEchoService();
  directory = scratchDirectory();
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  writeFileSync(path.join(directory, 'gatehouse.yaml'), `
gateway:
  listen: 127.0.0.1:${port}
  reuse_port: true
  drain_delay: 500ms
  access_log: false
  routes:
    - {path: /kept, upstreams: ["${echo.url}"], authentication: none}
`);
});
afterAll(async () => {
  await Promise.all(running.map((process) => process.end()));
  await echo.stop();
  rmSync(directory, { recursive: true, force: true });
});

// Asks again and again, on a kept connection or on a new one each time; every failure is written down.
async function load(keepAlive: boolean, ended: () => boolean, failures: string[]): Promise<number> {
  const agent = new http.Agent({ keepAlive, maxSockets: 1 });
  let answers = 0;
  while (!ended()) {
    await new Promise<void>((resolve) => {
      http.get(`${url}/kept/${answers}`, { agent }, (answer) => {
        answer.resume().on('end', () => {
          if (answer.statusCode === 200) answers++;
          else failures.push(`${answer.statusCode}`);
          resolve();
        });
      }).on('error', (error) => {
        failures.push(`${keepAlive ? 'kept' : 'new'}: ${error}`);
        resolve();
      });
    });
    await sleep(1);
  }
  agent.destroy();
  return answers;
}

test('no request fails while gateways take over from each other', async () => {
  let current = await gateway('first').start();
  await current.ready();
  let over = false;
  const failures: string[] = [];
  const loads = Array.from({ length: 8 }, (_, i) => load(i % 2 === 0, () => over, failures));
  for (const name of ['second', 'third', 'fourth']) {
    const next = await gateway(name).start();
    await next.ready();
    const ending = current.end('SIGTERM');
    await expect.poll(async () => (await fetch(`${current.opsUrl}/readyz`)).status, { interval: 10 }).toBe(503);
    expect(await ending).toBe(0);
    current = next;
    await sleep(200);
  }
  over = true;
  const answers = await Promise.all(loads);
  expect(failures).toEqual([]);
  expect(Math.min(...answers)).toBeGreaterThan(20);
}, 120_000);

test('without reuse_port the second one is told that the address is taken', async () => {
  const first = new Gatehouse({ distributed: false });
  await first.start();
  const second = new Process('second', ['--data', path.join(directory, 'refused'), '--listen', first.url.replace('http://localhost', '127.0.0.1'), '--ops-listen', '127.0.0.1:0']);
  await expect(second.start()).rejects.toThrow(/in use/);
  await first.stop();
}, 60_000);
