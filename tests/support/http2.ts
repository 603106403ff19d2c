// SPDX-License-Identifier: Apache-2.0
// Node's HTTP/2 client for tests: one request and its whole answer.
import http2 from 'node:http2';

export interface Answer {
  status: number;
  headers: http2.IncomingHttpHeaders;
  body: Buffer;
}

export async function connect(url: string, options: http2.SecureClientSessionOptions = {}): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(url, options);
  await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject));
  session.on('error', () => {});
  return session;
}

export function ask(session: http2.ClientHttp2Session, method: string, path: string, headers: http2.OutgoingHttpHeaders = {},
  body?: Buffer | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
    const answer: Answer = { status: 0, headers: {}, body: Buffer.alloc(0) };
    const parts: Buffer[] = [];
    stream.on('response', (head) => {
      answer.status = Number(head[':status']);
      answer.headers = head;
    });
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => resolve({ ...answer, body: Buffer.concat(parts) }));
    stream.on('error', reject);
    if (body !== undefined) stream.end(body);
  });
}

export const json = (answer: Answer) => JSON.parse(answer.body.toString());
