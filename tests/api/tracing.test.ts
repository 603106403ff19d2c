// SPDX-License-Identifier: Apache-2.0
// Spans for a collector of traces: one request is one trace, through every role and across the queue.
import { expect, test } from 'vitest';
import { startEchoService } from '../support/echo_service.js';
import { Gatehouse } from '../support/gatehouse.js';
import { soundFile } from '../support/media.js';
import { freePort } from '../support/process.js';
import { type Span, startTraceCollector } from '../support/trace_collector.js';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const clientSpan = 'b7ad6b7169203331';

async function metric(gatehouse: Gatehouse, line: string): Promise<number> {
  const text = await (await fetch(`${gatehouse.opsUrl}/metrics`)).text();
  return Number(text.split('\n').find((one) => one.startsWith(`${line} `))?.split(' ')[1] ?? 0);
}

test('an upload is one trace: gateway, files, worker and notifier, each below the one that caused it', async () => {
  const collector = await startTraceCollector();
  const gatehouse = await new Gatehouse({ config: `tracing: {endpoint: "${collector.url}"}\n` }).start();
  try {
    gatehouse.addUser('ada');
    const token = await gatehouse.token('ada');
    const answer = await gatehouse.request('POST', '/upload?name=tone.wav&secret=hush', {
      token,
      headers: { traceparent: `00-${traceId}-${clientSpan}-01` },
      body: soundFile(1).content as unknown as BodyInit,
    });
    expect(answer.status).toBe(201);
    const [file] = (await answer.json()).items;
    expect((await gatehouse.settled(token, file.id)).state).toBe('processed');

    const inTrace = () => collector.spans.filter((span) => span.traceId === traceId);
    const find = (service: string, kind: number) => inTrace().find((span) => span.service === `gatehouse-${service}` && span.kind === kind);
    // Each process sends its spans in its own time.
    const wanted: [string, number][] = [['gateway', 2], ['gateway', 3], ['files', 2], ['worker', 5], ['worker', 1], ['notifier', 5], ['auth', 2]];
    const missing = () => wanted.filter(([service, kind]) => !find(service, kind)).map(([service]) => service);
    await expect.poll(missing, { timeout: 20_000 }).toEqual([]);
    const gateway = find('gateway', 2)!;
    const call = find('gateway', 3)!;
    const files = find('files', 2)!;
    const worker = find('worker', 5)!;
    const processor = find('worker', 1)!;
    const notifier = find('notifier', 5)!;
    expect(gateway.parentSpanId).toBe(clientSpan);
    const below = (span: Span, parent: Span) => expect(span.parentSpanId, `${span.name} below ${parent.name}`).toBe(parent.spanId);
    below(call, gateway);
    below(files, call);
    below(worker, files);
    below(processor, worker);
    below(notifier, worker);
    // The notifier asked auth for the owner's address.
    below(inTrace().find((span) => span.service === 'gatehouse-auth')!, notifier);

    expect(gateway.name).toBe('POST /upload');
    expect(gateway.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.response.status_code': '201',
      'http.route': '/upload',
      'url.path': '/upload',
      'url.scheme': 'http',
      'network.protocol.version': '1.1',
      'user.id': file.owner,
    });
    expect(worker.attributes['gatehouse.event.type']).toBe('file.uploaded');
    expect(notifier.name).toBe('process notifier');
    expect(notifier.attributes['gatehouse.event.type']).toBe('file.processed');
    expect(processor.name).toBe('processor audio');
    for (const span of inTrace()) {
      expect(span.end >= span.begin, span.name).toBe(true);
      expect(span.failed, span.name).toBe(false);
    }
    expect(collector.wrong).toEqual([]);
    // Neither queries nor tokens leave by this way.
    expect(collector.text).not.toContain('hush');
    expect(collector.text).not.toContain(token);
  } finally {
    expect(await gatehouse.stop()).toBe(0);
    await collector.stop();
  }
});

test('what the client does not record is not recorded, and a service behind the gateway sees the span that calls it', async () => {
  const collector = await startTraceCollector();
  const echo = await startEchoService();
  const config = `tracing: {endpoint: "${collector.url}"}\ngateway: {routes: [{path: /api, upstreams: ["${echo.url}"], authentication: none}]}\n`;
  const gatehouse = await new Gatehouse({ config }).start();
  try {
    const traceparentSeen = async (sent: Record<string, string>) => {
      const answer = await (await gatehouse.request('GET', '/api/x', { headers: sent })).json();
      return answer.fields.find(([name]: [string, string]) => name === 'traceparent')[1] as string;
    };
    const unsampled = await traceparentSeen({ traceparent: `00-${'1'.repeat(32)}-${clientSpan}-00` });
    expect(unsampled).toMatch(/^00-1{32}-[0-9a-f]{16}-00$/);
    const sampled = await traceparentSeen({ traceparent: `00-${'2'.repeat(32)}-${clientSpan}-01` });
    await expect.poll(() => collector.spans.find((span) => span.traceId === '2'.repeat(32) && span.kind === 3)?.spanId, { timeout: 10_000 }).toBe(sampled.split('-')[2]);
    const root = await traceparentSeen({});
    const ofRoot = () => collector.spans.filter((span) => span.traceId === root.split('-')[1]);
    await expect.poll(() => ofRoot().length, { timeout: 10_000 }).toBe(2);
    expect(ofRoot().find((span) => span.kind === 2)!.parentSpanId).toBeUndefined();
    expect(collector.spans.filter((span) => span.traceId === '1'.repeat(32))).toEqual([]);
  } finally {
    await gatehouse.stop();
    await echo.stop();
    await collector.stop();
  }
});

test('a collector that is away costs requests nothing, spans are dropped and counted, and it is found when it comes', async () => {
  const port = await freePort();
  const echo = await startEchoService();
  const config = `tracing: {endpoint: "http://127.0.0.1:${port}", queue_max: 64}\ngateway: {routes: [{path: /api, upstreams: ["${echo.url}"], authentication: none}]}\n`;
  const gatehouse = await new Gatehouse({ config }).start();
  try {
    const begin = performance.now();
    for (let i = 0; i < 300; i++) expect((await gatehouse.request('GET', '/api/x')).status).toBe(200);
    expect(performance.now() - begin).toBeLessThan(15_000);
    await expect.poll(() => metric(gatehouse, 'gatehouse_tracing_spans_total{result="dropped"}')).toBeGreaterThan(100);
    expect(gatehouse.output).toContain('cannot send spans');
    const collector = await startTraceCollector(port);
    await expect
      .poll(async () => {
        await gatehouse.request('GET', '/api/late');
        return collector.spans.some((span) => span.attributes['url.path'] === '/api/late');
      }, { timeout: 30_000, interval: 500 })
      .toBe(true);
    expect(await metric(gatehouse, 'gatehouse_tracing_spans_total{result="exported"}')).toBeGreaterThan(0);
    await collector.stop();
  } finally {
    expect(await gatehouse.stop()).toBe(0);
    await echo.stop();
  }
});
