// SPDX-License-Identifier: Apache-2.0
// A user's own service that speaks HTTP/2 without TLS, by Node's server. It knows how many connections it has, and what
// it does is given by path.
import { createHash } from 'node:crypto';
import http2 from 'node:http2';
import { freePort } from './process.js';

export type Handler = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

export class Http2Service {
  requests = 0;
  connections = 0; // all of them, since the start
  sessions = new Set<http2.ServerHttp2Session>();
  resets: number[] = []; // codes of the streams that ended early
  trailers: http2.IncomingHttpHeaders[] = []; // of requests
  answers = new Map<string, Handler>();
  private server: http2.Http2Server | undefined;
  private port = 0;

  constructor(private readonly options: http2.ServerOptions = {}) {
    this.answers.set('/', (stream, headers) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json', 'x-from-service': 'yes' });
      stream.end(JSON.stringify(headers));
    });
    this.answers.set('/echo', (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    this.answers.set('/hash', (stream) => {
      const hash = createHash('sha256');
      stream.on('data', (piece) => hash.update(piece));
      stream.on('end', () => {
        if (stream.destroyed) return;
        stream.respond({ ':status': 200 });
        stream.end(hash.digest('hex'));
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const server = http2.createServer({ maxSessionMemory: 1000, ...this.options });
    server.on('session', (session) => {
      this.connections++;
      this.sessions.add(session);
      session.on('error', () => {});
      session.on('close', () => this.sessions.delete(session));
    });
    server.on('stream', (stream, headers) => {
      this.requests++;
      stream.on('error', () => {});
      stream.on('trailers', (fields) => this.trailers.push(fields));
      stream.on('close', () => { if (stream.rstCode !== 0) this.resets.push(stream.rstCode); });
      const path = headers[':path']!.split('?')[0];
      (this.answers.get(path) ?? this.answers.get('/')!)(stream, headers);
    });
    server.on('error', () => {});
    this.port ||= await freePort();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.port, '127.0.0.1', () => resolve()));
    this.server = server;
  }

  // Everything ends at once; start() brings it back at the same address.
  async stop(): Promise<void> {
    const server = this.server;
    if (!server) return;
    this.server = undefined;
    for (const session of this.sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
