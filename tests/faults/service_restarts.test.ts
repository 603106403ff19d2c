// SPDX-License-Identifier: Apache-2.0
// The instances of a service are killed and started again under load: requests that may be sent twice all succeed, and of the
// others only those fail that the killed instance had in hand.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { freePort, root, sleep } from '../support/process.js';
import { describeFigures, SteadyClient } from '../support/steady_client.js';

const kills = Number(process.env.GATEHOUSE_TEST_KILLS ?? 8);
const rate = 150;

class Instance {
  child: ChildProcess | undefined;
  constructor(readonly port: number, readonly log: string) {}

  async start(): Promise<void> {
    const child = spawn(process.execPath, [path.join(root, 'tests/support/counting_service.mjs'), String(this.port), this.log], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child = child;
    await new Promise((resolve) => child.stdout!.once('data', resolve));
  }

  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.child!.once('exit', resolve));
    this.child!.kill('SIGKILL');
    await ended;
  }
}

let instances: Instance[] = [];
let gatehouse: Gatehouse;

beforeAll(async () => {
  gatehouse = new Gatehouse({ distributed: false, config: '' });
  instances = await Promise.all([0, 1].map(async (i) => new Instance(await freePort(), path.join(gatehouse.data, `service-${i}.log`))));
  await Promise.all(instances.map((instance) => instance.start()));
  const endpoints = instances.map(({ port }) => `{url: "http://127.0.0.1:${port}"}`).join(', ');
  // One that was left out is asked again before the other is killed: with both out there is nobody to repeat a request to.
  gatehouse = new Gatehouse({ distributed: false, data: gatehouse.data, config: `
gateway:
  access_log: false
  upstreams: [{name: counting, endpoints: [${endpoints}], ejection: {time: 200ms, time_max: 200ms}}]
  routes: [{path: /s, upstream: counting, authentication: none}]
` });
  await gatehouse.start();
});
afterAll(async () => {
  await gatehouse?.stop();
  await Promise.all(instances.map((instance) => instance.kill()));
});

test(`${kills} kills of one of two instances under load`, { timeout: 30_000 + kills * 5_000 }, async () => {
  let number = 0;
  const posts = new Map<string, { began: number; ended: number; failure?: string }>();
  const reader = new SteadyClient({ urls: () => `${gatehouse.url}/s/read/${++number}`, rate }).start();
  const killed: { told: number; dead: number }[] = [];

  const open: Promise<void>[] = [];
  const writer = setInterval(() => {
    const target = `/s/write/${++number}`;
    const record = { began: performance.now(), ended: 0 } as { began: number; ended: number; failure?: string };
    posts.set(target, record);
    open.push(
      fetch(gatehouse.url + target, { method: 'POST', body: 'x' })
        .then(async (answer) => { const text = await answer.text(); if (answer.status !== 200) record.failure = `${answer.status} ${text}`; })
        .catch((error) => { record.failure = String(error); })
        .then(() => { record.ended = performance.now(); }),
    );
  }, 1000 / 60);

  for (let i = 0; i < kills; i++) {
    await sleep(600 + Math.random() * 300);
    const instance = instances[i % 2];
    const told = performance.now();
    await instance.kill();
    killed.push({ told, dead: performance.now() });
    await sleep(500 + Math.random() * 500);
    await instance.start();
  }
  await sleep(1000);
  clearInterval(writer);
  await Promise.all(open);
  const read = await reader.stop();

  const lines = instances.flatMap(({ log }) => readFileSync(log, 'utf8').split('\n'));
  const times = new Map<string, number>();
  for (const line of lines) times.set(line, (times.get(line) ?? 0) + 1);
  const twice = [...posts.keys()].filter((target) => (times.get(`POST ${target}`) ?? 0) > 1);
  const failed = [...posts].filter(([, { failure }]) => failure !== undefined);
  const inHand = ([target, { began, ended }]: [string, { began: number; ended: number }]) =>
    times.has(`POST ${target}`) || killed.some(({ told, dead }) => began <= dead && told <= ended);
  console.log(`${kills} kills: reads ${describeFigures(read)}; writes ${posts.size}, ${failed.length} failed: ${[...new Set(failed.map(([, { failure }]) => failure!.slice(0, 60)))].join('; ')}`);

  expect(read.failures).toEqual([]);
  expect(twice, 'writes that were done twice').toEqual([]);
  expect(failed.filter((entry) => !inHand(entry)).map(([target, { failure }]) => `${target}: ${failure}`), 'writes that failed and were not in hand').toEqual([]);
});
