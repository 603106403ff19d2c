// SPDX-License-Identifier: Apache-2.0
// Requests that two servers could read differently, as bytes through the gateway to nginx, Apache, lighttpd and Node: either
// refused, or each of them saw exactly the request that the gateway believes it sent. Behind every vector other clients ask
// for something of their own, on the service's kept connection and on a new one, and must get their own answers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBackEnds, type BackEnd } from '../support/back_ends.js';
import { Gatehouse } from '../support/gatehouse.js';
import { Ledger, placeOf, routes, type Sees } from '../support/ledger.js';
import { converse, fieldOf, type Conversation, type RawAnswer } from '../support/raw_client.js';
import { placed, vectorGroups, type Step, type Vector } from './smuggling_vectors.js';

let gatehouse: Gatehouse;
let backEnds: BackEnd[] = [];
const ledger = new Ledger();
let number = 0;
let refusals = 0;

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
const answered = (answer: RawAnswer) => ({ status: answer.status, type: fieldOf(answer, 'content-type')[0], body: answer.body });

async function send(vector: Vector, at: string): Promise<void> {
  const { bytes, outcome } = placed(vector, at);
  const behind = vector.halfClose ? '' : `GET ${at}/behind HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
  const talk = await converse(gatehouse.url, bytes + behind, { halfClose: vector.halfClose, methods: [methodOf(bytes)] });
  const steps = [...outcome];
  if (behind && !vector.closes && !steps.some((step) => typeof step === 'number')) steps.push({ method: 'GET', target: `${at}/behind`, body: '' });
  ledger.takeRefused(at);
  check(talk, steps, at);
}

function check(talk: Conversation, steps: Step[], at: string): void {
  const got = talk.answers.map(({ status }) => status);
  expect(talk.rest).toBe('');
  expect(talk.closed, `closed after ${got}`).toBe(true);
  expect(talk.answers, `answers ${got}`).toHaveLength(steps.length);
  steps.forEach((step, i) => {
    const answer = talk.answers[i];
    if (!isRefusal(step)) return ledger.take(at, step, answered(answer));
    refusals++;
    expect(answer.status, answer.body.toString()).toBe(typeof step === 'number' ? step : step.status);
    expect(fieldOf(answer, 'content-type')).toEqual(['application/problem+json']);
    expect(fieldOf(answer, 'connection')).toEqual(typeof step === 'number' ? ['close'] : []);
  });
}

// Two at once: one of them gets the kept connection, if there is one, the other a new one.
async function checkOthers(at: string): Promise<void> {
  const targets = [`${at}/other1`, `${at}/other2`];
  const talks = await Promise.all(targets.map((target) => converse(gatehouse.url, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)));
  talks.forEach((talk, i) => {
    expect(talk.answers.map(({ status }) => status), targets[i]).toEqual([200]);
    ledger.take(at, { method: 'GET', target: targets[i], body: '' }, answered(talk.answers[0]));
  });
}

describe.each(vectorGroups)('%s', (_group, vectors) => {
  test.each(vectors.map((vector): [string, Vector] => [vector.name, vector]))('%s', async (_name, vector) => {
    number++;
    await Promise.all(backEnds.map(async ({ name }) => {
      const at = placeOf(name, number);
      await send(vector, at);
      await checkOthers(at);
    }));
  });
});

test('each service has in its log what the gateway has in its own, and nothing else', async () => {
  const services = backEnds;
  backEnds = [];
  await ledger.compare(services, gatehouse);
  console.log(`${number} vectors to ${services.length} services: ${refusals} refusals, ${ledger.answers} answers of services, each to what was sent`);
});
