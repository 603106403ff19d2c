// SPDX-License-Identifier: Apache-2.0
// A server is away for a while, or nothing happens for a while: what users see meanwhile, and that it mends by itself.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { basic, Gatehouse, password } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';
import { services } from '../support/servers.js';
import { Uploads } from '../support/uploads.js';

const outageSeconds = Number(process.env.GATEHOUSE_TEST_OUTAGE_SECONDS ?? 20);
const heartbeatSeconds = 2;

const gatehouse = new Gatehouse({
  distributed: true,
  config: 'events: {delay_first: 200ms, delay_max: 1s}\nauth: {access_token_ttl: 1h}\nworker: {jobs: 2}\n',
  replicas: { files: 2, worker: 2 },
  stores: (stores) => ({ GATEHOUSE_EVENTS__STORE: `${stores.rabbitmq.href}?heartbeat=${heartbeatSeconds}` }),
});
let token = '';
beforeAll(async () => {
  await gatehouse.start();
  gatehouse.addUser('ada');
  token = await gatehouse.token('ada');
}, 60_000);
afterAll(async () => {
  await gatehouse.stop();
});

const readiness = async (process: { opsUrl: string }) => {
  const answer = await fetch(`${process.opsUrl}/readyz`);
  return `${answer.status} ${(await answer.text()).trim()}`;
};
const login = () => fetch(`${gatehouse.url}/login`, { method: 'POST', headers: { authorization: basic('ada', password) } });

async function figure(opsUrl: string, pattern: RegExp): Promise<number> {
  const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
  return [...metrics.matchAll(new RegExp(pattern, 'gm'))].reduce((sum, match) => sum + Number(match[1]), 0);
}

test('two workers and two files replicas share the work, and each file is processed once', { timeout: 180_000 }, async () => {
  const count = 100;
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push((await gatehouse.upload(token, `${i}.txt`, `file ${i}`)).id);
  for (const id of ids) {
    expect((await gatehouse.settled(token, id)).state).toBe('processed');
    expect(await (await gatehouse.request('GET', `/files/${id}/content`, { token })).text()).toMatch(/^file /);
  }
  const jobs = await Promise.all(gatehouse.of('worker').map(({ opsUrl }) => figure(opsUrl, /^gatehouse_worker_jobs_total\{result="processed"\} (\d+)/)));
  const uploads = await Promise.all(gatehouse.of('files').map(({ opsUrl }) => figure(opsUrl, /^gatehouse_files_uploads_total (\d+)/)));
  expect(jobs.reduce((a, b) => a + b)).toBe(count);
  expect(uploads.reduce((a, b) => a + b)).toBe(count);
  for (const share of [...jobs, ...uploads]) expect(share).toBeGreaterThan(count / 5);
  console.log(`${count} files: processed by the workers ${jobs.join(' + ')}, uploaded by way of ${uploads.join(' + ')}`);
});

test('after being idle for more than three heartbeats an upload works at once', { timeout: 60_000 }, async () => {
  await sleep(heartbeatSeconds * 3500);
  const began = Date.now();
  const { id } = await gatehouse.upload(token, 'late.txt', 'late');
  const uploaded = Date.now() - began;
  expect((await gatehouse.settled(token, id)).state).toBe('processed');
  const processed = Date.now() - began;
  expect(processed).toBeLessThan(3000);
  console.log(`idle for ${heartbeatSeconds * 3.5} s at a heartbeat of ${heartbeatSeconds} s, then: uploaded in ${uploaded} ms, processed in ${processed} ms`);
});

test(`without RabbitMQ for ${outageSeconds} s uploads are accepted, and all are processed afterwards`, { timeout: 300_000 }, async () => {
  await services('stop', 'rabbitmq');
  const uploads = new Uploads(gatehouse, token);
  await expect.poll(() => readiness(gatehouse.of('files')[0]), { timeout: 15_000 }).toBe('200 ready, without events.store');
  await expect.poll(() => readiness(gatehouse.of('worker')[0]), { timeout: 15_000 }).toBe('503 not ready, without events.store');
  await sleep(outageSeconds * 1000);
  await uploads.stop();
  await services('start', 'rabbitmq');
  expect(uploads.refused).toBe(0);
  expect(uploads.accepted.size).toBeGreaterThan(outageSeconds / 2);
  const records = await uploads.check(token);
  await expect.poll(() => readiness(gatehouse.of('worker')[0]), { timeout: 30_000 }).toBe('200 ready');
  console.log(`RabbitMQ away for ${outageSeconds} s: ${uploads.accepted.size} uploads accepted, 0 refused, all ended; ${records.length} files in all`);
});

test('a role that starts without RabbitMQ comes up and catches up', { timeout: 120_000 }, async () => {
  await services('stop', 'rabbitmq');
  const restarted = [gatehouse.of('files')[0], gatehouse.of('worker')[0], gatehouse.of('worker')[1], gatehouse.of('notifier')[0], gatehouse.of('auth')[0]];
  await Promise.all(restarted.map((process) => process.end()));
  await Promise.all(restarted.map((process) => process.start()));
  await expect.poll(() => readiness(restarted[0]), { timeout: 15_000 }).toBe('200 ready, without events.store');
  const { id } = await gatehouse.upload(token, 'early.txt', 'early');
  expect((await gatehouse.json('GET', `/files/${id}`, token)).state).toBe('stored');
  await services('start', 'rabbitmq');
  expect((await gatehouse.settled(token, id)).state).toBe('processed');
  await Promise.all(restarted.map((process) => process.ready()));
});

test('without MySQL tokens go on working, login is 503 with Retry-After, and it recovers', { timeout: 120_000 }, async () => {
  await services('stop', 'mariadb');
  try {
    const answer = await login();
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await answer.json()).code).toBe('unavailable');
    const { id } = await gatehouse.upload(token, 'meanwhile.txt', 'meanwhile');
    expect((await gatehouse.settled(token, id)).state).toBe('processed');
    // A gateway that starts now gets the keys from auth all the same.
    const gateway = gatehouse.of('gateway')[0];
    await gateway.end();
    await (await gateway.start()).ready();
    expect((await gatehouse.request('GET', '/files', { token })).status).toBe(200);
    // So does one whose auth starts without its database: not ready, but it recovers.
    const auth = gatehouse.of('auth')[0];
    await auth.end();
    await auth.start();
    expect((await login()).status).toBe(503);
  } finally {
    await services('start', 'mariadb');
  }
  await expect.poll(async () => (await login()).status, { timeout: 30_000, interval: 250 }).toBe(200);
  await gatehouse.of('auth')[0].ready();
});

test('without MongoDB uploads and lists are 503 with Retry-After, and it recovers', { timeout: 120_000 }, async () => {
  await services('stop', 'mongodb');
  try {
    const began = Date.now();
    const answer = await gatehouse.request('GET', '/files', { token });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await answer.json()).code).toBe('unavailable');
    await expect(gatehouse.upload(token, 'nowhere.txt', 'nowhere')).rejects.toThrow('503');
    expect(Date.now() - began, 'an answer in time').toBeLessThan(20_000);
  } finally {
    await services('start', 'mongodb');
  }
  await Promise.all(gatehouse.of('files').map((process) => process.ready()));
  expect((await gatehouse.request('GET', '/files', { token })).status).toBe(200);
  const { id } = await gatehouse.upload(token, 'again.txt', 'again');
  expect((await gatehouse.settled(token, id)).state).toBe('processed');
});
