// SPDX-License-Identifier: Apache-2.0
// A collector of traces: takes OTLP over HTTP in its JSON form and keeps the spans.
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Span {
  service: string;
  name: string;
  kind: number; // 1 internal, 2 server, 3 client, 5 consumer
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  begin: bigint;
  end: bigint;
  attributes: Record<string, string>;
  failed: boolean;
}

export interface TraceCollector {
  url: string;
  spans: Span[];
  requests: number;
  wrong: string[]; // what was not OTLP
  text: string; // everything that came
  stop(): Promise<void>;
}

const valueOf = (value: any): string => value.stringValue ?? value.intValue;
const attributesOf = (list: any[]): Record<string, string> => Object.fromEntries(list.map(({ key, value }) => [key, valueOf(value)]));

function take(collector: TraceCollector, text: string): void {
  for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
    const service = attributesOf(resource.attributes)['service.name'];
    for (const { scope, spans } of scopeSpans) {
      if (scope.name !== 'gatehouse') collector.wrong.push(`scope ${scope.name}`);
      for (const span of spans) {
        if (!/^[0-9a-f]{32}$/.test(span.traceId) || !/^[0-9a-f]{16}$/.test(span.spanId)) collector.wrong.push(`ids of ${span.name}`);
        collector.spans.push({
          service,
          name: span.name,
          kind: span.kind,
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId,
          begin: BigInt(span.startTimeUnixNano),
          end: BigInt(span.endTimeUnixNano),
          attributes: attributesOf(span.attributes),
          failed: span.status.code === 2,
        });
      }
    }
  }
}

// With `tls` it speaks HTTPS alone.
export async function startTraceCollector(port = 0, tls?: https.ServerOptions): Promise<TraceCollector> {
  const collector: TraceCollector = { url: '', spans: [], requests: 0, wrong: [], text: '', stop: async () => {} };
  const listen: http.RequestListener = (request, answer) => {
    collector.requests++;
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const fine = request.method === 'POST' && request.url === '/v1/traces' && request.headers['content-type'] === 'application/json';
      const text = Buffer.concat(parts).toString('utf8');
      collector.text += text;
      if (fine) take(collector, text);
      else collector.wrong.push(`${request.method} ${request.url}`);
      answer.writeHead(fine ? 200 : 404, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}');
    });
  };
  const server = tls ? https.createServer(tls, listen) : http.createServer(listen);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  collector.url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  collector.stop = () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()); });
  return collector;
}
