// SPDX-License-Identifier: Apache-2.0
// An endpoint of a user's own service that can be killed and started again on its port.
import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { freePort } from './process.js';

export type Answer = (request: http.IncomingMessage, answer: http.ServerResponse) => void;

export class Service {
  port = 0;
  requests = 0; // health checks are not counted
  sockets = new Set<Duplex>(); // that became another protocol's
  answer: Answer = (request, answer) => { request.resume(); request.on('end', () => answer.end(this.name)); };
  private server: http.Server | undefined;

  // With `tls` it speaks HTTPS alone.
  constructor(readonly name: string, readonly tls?: https.ServerOptions) {}

  get url(): string {
    return `${this.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  async start(): Promise<this> {
    const take: http.RequestListener = (request, answer) => { if (request.url !== '/health') this.requests++; this.answer(request, answer); };
    const server = this.tls ? https.createServer(this.tls, take) : http.createServer(take);
    server.on('upgrade', (request, socket) => this.upgrade(request, socket));
    this.port ||= await freePort();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.port, '127.0.0.1', resolve));
    this.server = server;
    return this;
  }

  // As a killed process: every connection is reset, and nobody listens.
  async kill(): Promise<void> {
    const server = this.server!;
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async stop(): Promise<void> {
    if (this.server) await this.kill();
  }

  // A WebSocket server that sends every text back in a frame of its own. Short, whole, masked frames alone.
  private upgrade(request: http.IncomingMessage, socket: Duplex): void {
    this.requests++;
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nX-User: ${request.headers['x-user-name'] ?? ''}\r\n\r\n`);
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    let pending = Buffer.alloc(0);
    socket.on('data', (piece) => {
      pending = Buffer.concat([pending, piece]);
      while (pending.length >= 6 && pending.length >= 6 + (pending[1] & 0x7f)) {
        const size = pending[1] & 0x7f;
        const text = Buffer.from(pending.subarray(6, 6 + size).map((byte, i) => byte ^ pending[2 + (i % 4)]));
        pending = pending.subarray(6 + size);
        socket.write(Buffer.concat([Buffer.from([0x81, size]), text]));
      }
    });
  }
}

// The client's side: a connection after its handshake, or the answer that refused it.
export interface WebSocketClient {
  status: number;
  headers: http.IncomingHttpHeaders;
  closed: Promise<void>;
  echo(text: string): Promise<string>;
  destroy(): void;
}

export function openWebSocket(url: string, headers: Record<string, string> = {}): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers },
    });
    request.on('error', reject);
    request.on('response', (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode!, headers: answer.headers, closed: Promise.resolve(), echo: async () => '', destroy: () => answer.destroy() });
    });
    request.on('upgrade', (answer, socket, head) => {
      let received = head;
      let waiting: (() => void) | undefined;
      const closed = new Promise<void>((done) => socket.on('close', () => done()));
      socket.on('error', () => {});
      socket.on('end', () => socket.end());
      socket.on('data', (piece) => { received = Buffer.concat([received, piece]); waiting?.(); });
      const echo = async (text: string): Promise<string> => {
        const mask = Buffer.from([1, 2, 3, 4]);
        const body = Buffer.from(text).map((byte, i) => byte ^ mask[i % 4]);
        socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | body.length]), mask, body]));
        while (received.length < 2 || received.length < 2 + received[1]) await new Promise<void>((next) => { waiting = next; });
        const answered = received.subarray(2, 2 + received[1]).toString();
        received = received.subarray(2 + received[1]);
        return answered;
      };
      resolve({ status: answer.statusCode!, headers: answer.headers, closed, echo, destroy: () => socket.destroy() });
    });
    request.end();
  });
}
