// SPDX-License-Identifier: Apache-2.0
// Requests of HTTP/2 that would become something else as HTTP/1.1, through the gateway to nginx, Apache, lighttpd and Node: each
// is refused, or every service saw exactly this request. The same connection then asks for something plain, when it may.
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBackEnds, type BackEnd } from '../support/back_ends.js';
import { Gatehouse } from '../support/gatehouse.js';
import { Ledger, placeOf, routes } from '../support/ledger.js';
import { http2Groups, type Http2Vector } from './http2_vectors.js';

interface Stream {
  status: number | null;
  fields: [string, string][];
  body: string;
  reset: number | null;
}
interface Outcome extends Stream {
  goaway: number | null;
  closed: boolean;
  then: Stream | null;
}

// The program that speaks HTTP/2 as no library would; one for each service.
class Sender {
  private readonly child: ChildProcess;
  private readonly waiting: ((line: string) => void)[] = [];

  constructor(port: string) {
    this.child = spawn('/usr/bin/python3', [path.join(import.meta.dirname, 'http2_send.py'), port], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.waiting.shift()!(line));
  }

  send(vector: object): Promise<Outcome> {
    return new Promise((resolve) => {
      this.waiting.push((line) => resolve(JSON.parse(line)));
      this.child.stdin!.write(`${JSON.stringify(vector)}\n`);
    });
  }

  end(): void {
    this.child.stdin!.end();
  }
}

let gatehouse: Gatehouse;
let backEnds: BackEnd[] = [];
let senders: Record<string, Sender> = {};
const ledger = new Ledger();
let number = 0;
const refusals: Record<string, number> = {};

beforeAll(async () => {
  backEnds = await startBackEnds();
  const entries = backEnds.map(({ name, url }) => `    - {path: ${routes[name]}, upstreams: ["${url}"], authentication: none, body_bytes_max: 1MiB}`);
  gatehouse = new Gatehouse({ distributed: false, config: `io: {threads: 1}\ngateway:\n  http2_cleartext: true\n  routes:\n${entries.join('\n')}\n` });
  await gatehouse.start();
  senders = Object.fromEntries(backEnds.map(({ name }) => [name, new Sender(new URL(gatehouse.url).port)]));
});
afterAll(async () => {
  Object.values(senders).forEach((sender) => sender.end());
  await Promise.all(backEnds.map((backEnd) => backEnd.stop()));
  await gatehouse?.stop();
});

const answered = ({ status, fields, body }: Stream) => ({ status: status!, type: fields.find(([name]) => name === 'content-type')?.[1], body: Buffer.from(body, 'latin1') });

async function send(vector: Http2Vector, name: string): Promise<void> {
  const at = placeOf(name, number);
  const put = (text: string) => text.replaceAll('{at}', at);
  const putAll = (list?: [string, string][]) => list?.map(([key, value]) => [put(key), put(value)]);
  const then = `${at}/then`;
  const outcome = await senders[name].send({ fields: putAll(vector.fields), body: vector.body?.map(put), trailers: putAll(vector.trailers), keepsOpen: vector.keepsOpen, then });
  ledger.takeRefused(at);
  if (vector.announced) ledger.takeAnnounced(at, { ...vector.announced, target: put(vector.announced.target) });
  if (vector.outcome === 'refused') {
    const how = outcome.goaway ? 'GOAWAY' : outcome.reset !== null ? 'RST_STREAM' : outcome.closed ? 'closed' : String(outcome.status);
    refusals[how] = (refusals[how] ?? 0) + 1;
    expect(how, JSON.stringify(outcome)).toMatch(/^(GOAWAY|RST_STREAM|closed|4\d\d)$/);
    if (outcome.status !== null) expect(outcome.fields.find(([key]) => key === 'content-type')?.[1], outcome.body).toBe('application/problem+json');
  } else {
    expect(outcome.status, JSON.stringify(outcome)).not.toBeNull();
    ledger.take(at, { ...vector.outcome, target: put(vector.outcome.target), body: put(vector.outcome.body) }, answered(outcome));
    expect(outcome.then, 'the connection goes on').not.toBeNull();
  }
  if (outcome.then) {
    expect(outcome.then.status, JSON.stringify(outcome.then)).toBe(200);
    ledger.take(at, { method: 'GET', target: then, body: '' }, answered(outcome.then));
  }
}

describe.each(http2Groups)('%s', (_group, vectors) => {
  test.each(vectors.map((vector): [string, Http2Vector] => [vector.name, vector]))('%s', async (_name, vector) => {
    number++;
    await Promise.all(backEnds.map(({ name }) => send(vector, name)));
  });
});

test('each service has in its log what the gateway has in its own, and nothing else', async () => {
  const services = backEnds;
  backEnds = [];
  await ledger.compare(services, gatehouse);
  const how = Object.entries(refusals).map(([kind, count]) => `${count} by ${kind}`).join(', ');
  console.log(`${number} requests of HTTP/2 to ${services.length} services: refused ${how}; ${ledger.answers} answers of services, each to what was sent`);
});
