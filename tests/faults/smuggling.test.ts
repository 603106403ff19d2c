// SPDX-License-Identifier: Apache-2.0
// Requests that two servers could read differently, as bytes through the gateway to nginx, Apache, lighttpd and Node: either
// refused, or each of them saw exactly the request that the gateway believes it sent. Behind every vector other clients ask
// for something of their own, on the service's kept connection and on a new one, and must get their own answers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSight, startBackEnds, type BackEnd, type LoggedRequest, type Sight } from '../support/back_ends.js';
import { Gatehouse } from '../support/gatehouse.js';
import { converse, fieldOf, type Conversation } from '../support/raw_client.js';
import { placed, vectorGroups, type Sees, type Step, type Vector } from './smuggling_vectors.js';

let gatehouse: Gatehouse;
let backEnds: BackEnd[] = [];
const routes: Record<string, string> = { nginx: '/n', apache: '/a', lighttpd: '/l', node: '/j' };
const expected = new Map<string, string[]>(); // by place: the request lines that the service must have in its log, method and target
const disliked = new Set<string>(); // those that the service refused, maybe before it had read enough to log them well
let seenCount = 0;
let refusedCount = 0;

beforeAll(async () => {
  backEnds = await startBackEnds();
  const entries = backEnds.map(({ name, url }) => `    - {path: ${routes[name]}, upstreams: ["${url}"], authentication: none, body_bytes_max: 1MiB}`);
  // One I/O thread has one set of kept connections: what is left on one of them meets the next request.
  gatehouse = new Gatehouse({ distributed: false, config: `io: {threads: 1}\ngateway:\n  routes:\n${entries.join('\n')}\n` });
  await gatehouse.start();
});
afterAll(async () => {
  await Promise.all(backEnds.map((backEnd) => backEnd.stop()));
  await gatehouse?.stop();
});

const isRefusal = (step: Step): step is Exclude<Step, Sees> => typeof step === 'number' || 'status' in step;
const methodOf = (bytes: string) => /^(?:\r\n)*(\S+) /.exec(bytes)?.[1] ?? '';

async function send(vector: Vector, at: string): Promise<void> {
  const { bytes, outcome } = placed(vector, at);
  const behind = vector.halfClose ? '' : `GET ${at}/behind HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
  const talk = await converse(gatehouse.url, bytes + behind, { halfClose: vector.halfClose, methods: [methodOf(bytes)] });
  const steps = [...outcome];
  const refused = steps.some(isRefusal);
  if (behind && !vector.closes && !steps.some((step) => typeof step === 'number')) steps.push({ method: 'GET', target: `${at}/behind`, body: '' });
  check(talk, steps);
  const lines = steps.map((step, i) => {
    if (isRefusal(step)) return '';
    const line = `${step.method} ${step.target}`;
    if (talk.answers[i].status >= 400) disliked.add(line);
    return line;
  });
  expected.set(at, lines.filter((line) => line !== ''));
  if (refused) refusedCount++;
}

function check(talk: Conversation, steps: Step[]): void {
  const got = talk.answers.map(({ status }) => status);
  expect(talk.rest).toBe('');
  expect(talk.closed, `closed after ${got}`).toBe(true);
  expect(talk.answers, `answers ${got}`).toHaveLength(steps.length);
  steps.forEach((step, i) => {
    const answer = talk.answers[i];
    if (isRefusal(step)) {
      expect(answer.status, answer.body.toString()).toBe(typeof step === 'number' ? step : step.status);
      expect(fieldOf(answer, 'content-type')).toEqual(['application/problem+json']);
      expect(fieldOf(answer, 'connection')).toEqual(typeof step === 'number' ? ['close'] : []);
      return;
    }
    seenCount++;
    // A service may not like what it understood; then its log tells what that was.
    if (answer.status !== 200 || step.method === 'HEAD' || fieldOf(answer, 'content-type')[0] !== 'application/octet-stream') {
      expect(fieldOf(answer, 'content-type')[0], `${answer.status} ${answer.body}`).not.toBe('application/problem+json');
      return;
    }
    checkSight(readSight(answer.body), step);
  });
}

function checkSight(sight: Sight, step: Sees): void {
  expect(sight.method).toBe(step.method);
  expect(sight.target).toBe(step.target);
  expect(sight.body).toBe(step.body);
  for (const [name, value] of Object.entries(step.fields ?? {})) expect(sight.fields[name], name).toBe(value);
  for (const name of ['te', 'trailer', 'upgrade', 'keep-alive', 'proxy-connection', 'expect']) expect(sight.fields[name], name).toBeUndefined();
  expect(['', 'keep-alive', 'Keep-Alive'], 'connection').toContain(sight.fields.connection ?? '');
  expect(sight.fields['x-request-id']).toMatch(/^\S+$/);
}

// Two at once: one of them gets the kept connection, if there is one, the other a new one.
async function checkOthers(at: string): Promise<void> {
  const targets = [`${at}/other1`, `${at}/other2`];
  const talks = await Promise.all(targets.map((target) => converse(gatehouse.url, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)));
  talks.forEach((talk, i) => {
    expect(talk.answers.map(({ status }) => status), targets[i]).toEqual([200]);
    expect(readSight(talk.answers[0].body).target).toBe(targets[i]);
  });
  expected.get(at)!.push(...targets.map((target) => `GET ${target}`));
}

let number = 0;
describe.each(vectorGroups)('%s', (_group, vectors) => {
  test.each(vectors.map((vector): [string, Vector] => [vector.name, vector]))('%s', async (_name, vector) => {
    number++;
    await Promise.all(backEnds.map(async ({ name }) => {
      const at = `${routes[name]}/${String(number).padStart(4, '0')}`;
      await send(vector, at);
      await checkOthers(at);
    }));
  });
});

// The path of the access log is the client's; what needs no escape is sent without.
const normal = (path: string) =>
  path.replace(/%([0-9a-f]{2})/gi, (escape, hex) => {
    const letter = String.fromCharCode(parseInt(hex, 16));
    return /[\w.~-]/.test(letter) ? letter : escape;
  });

test('each service has in its log what the gateway has in its own, and nothing else', async () => {
  const logs = new Map<string, LoggedRequest[]>();
  for (const backEnd of backEnds) logs.set(backEnd.name, await backEnd.stop());
  backEnds = [];
  const sent = new Map<string, { method: string; path: string; status: number }>();
  for (const line of gatehouse.output.split('\n')) {
    if (!line.includes('"message":"request"')) continue;
    const record = JSON.parse(line);
    expect(sent.has(record.request_id)).toBe(false);
    sent.set(record.request_id, record);
  }
  const problems: string[] = [];
  for (const [name, log] of logs) {
    const whole = new Map<string, string[]>();
    const theirs = [...disliked].filter((line) => line.includes(` ${routes[name]}/`));
    let unread = 0;
    const ids = new Set<string>();
    for (const { id, line, status } of log) {
      const record = sent.get(id);
      if (id === '-' || id === '') {
        if (status < 400 || ++unread > theirs.length) problems.push(`${name} answered ${JSON.stringify(line)}, which the gateway did not send, with ${status}`);
        continue;
      }
      if (!record || ids.has(id)) {
        problems.push(`${name} saw ${JSON.stringify(line)}, ${record ? 'twice' : 'which the gateway did not send'}`);
        continue;
      }
      ids.add(id);
      const [method, target] = line.replace(/ HTTP\/1\.1$/, '').split(' ');
      const seen = `${method} ${target.split('?')[0]}`;
      if (seen !== `${record.method} ${normal(record.path)}`) problems.push(`${name} saw ${seen}, but the gateway sent ${record.method} ${record.path}`);
      // What the gateway refused in the middle may have begun to arrive, and no more.
      if (record.status >= 400 && status !== 200) continue;
      if (disliked.has(`${method} ${target}`)) continue;
      const place = target.slice(0, '/B/0000'.length);
      whole.set(place, [...(whole.get(place) ?? []), `${method} ${target}`]);
    }
    for (const [place, wanted] of expected) {
      const got = (whole.get(place) ?? []).sort().join(', ');
      const liked = wanted.filter((line) => !disliked.has(line)).sort().join(', ');
      if (place.startsWith(routes[name]) && got !== liked) problems.push(`${name} saw ${got} and not ${liked}`);
    }
    console.log(`${name}: ${log.length} requests in its log, ${theirs.length} refused by itself: ${theirs.map((line) => line.split(' ')[0]).join(' ')}`);
  }
  expect(problems, problems.join('\n')).toEqual([]);
  console.log(`${number} vectors to ${logs.size} services: ${refusedCount} refused, ${seenCount} answers of services, each to what was sent`);
});
