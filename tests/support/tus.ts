// SPDX-License-Identifier: Apache-2.0
// A resumable upload as plain requests, for what a well-behaved client does not do.
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { Gatehouse } from './gatehouse.js';
import { sleep } from './process.js';

export const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

const type = 'application/offset+octet-stream';

export class RawUpload {
  path = '';

  constructor(private readonly gatehouse: Gatehouse, public token: string, private readonly options: { gateway?: number }) {}

  get id(): string {
    return this.path.split('/').pop()!;
  }

  private async request(method: string, target: string, headers: Record<string, string>, body?: Uint8Array, gateway = this.options.gateway ?? 0): Promise<Response> {
    return await this.gatehouse.request(method, target, { token: this.token, headers: { 'tus-resumable': '1.0.0', ...headers }, body: body as BodyInit, gateway });
  }

  async begin(headers: Record<string, string>): Promise<Response> {
    const answer = await this.request('POST', '/uploads/', headers);
    if (answer.status === 201) this.path = answer.headers.get('location')!;
    return answer;
  }
  async create(length: number, name = 'random.bin'): Promise<void> {
    const answer = await this.begin({ 'upload-length': String(length), 'upload-metadata': `filename ${Buffer.from(name).toString('base64')}` });
    if (answer.status !== 201) throw new Error(`creation: ${answer.status} ${await answer.text()}`);
  }
  async head(gateway?: number): Promise<Response> {
    return await this.request('HEAD', this.path, {}, undefined, gateway);
  }
  async offset(): Promise<number> {
    const answer = await this.head();
    if (answer.status !== 200) throw new Error(`HEAD: ${answer.status}`);
    return Number(answer.headers.get('upload-offset'));
  }
  async patch(offset: number, body: Uint8Array, headers: Record<string, string> = {}, gateway?: number): Promise<Response> {
    return await this.request('PATCH', this.path, { 'content-type': type, 'upload-offset': String(offset), ...headers }, body, gateway);
  }
  async remove(): Promise<Response> {
    return await this.request('DELETE', this.path, {});
  }

  // Sends less than it announces and breaks the connection once all of that has left this process.
  async sendAndBreak(offset: number, body: Buffer, announced: number): Promise<void> {
    const url = new URL(this.gatehouse.url);
    const socket = connect(Number(url.port), url.hostname);
    await once(socket, 'connect');
    socket.on('error', () => {}); // a server that is killed meanwhile
    socket.write(`PATCH ${this.path} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${this.token}\r\nTus-Resumable: 1.0.0\r\n` +
      `Content-Type: ${type}\r\nUpload-Offset: ${offset}\r\nContent-Length: ${announced}\r\n\r\n`);
    await new Promise<void>((resolve) => socket.write(body, () => resolve()));
    await new Promise<void>((resolve) => socket.end(() => resolve()));
    socket.destroy();
  }
  async offsetOnceBeyond(least: number, seconds = 30): Promise<number> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const offset = await this.offset();
      if (offset > least) return offset;
      if (Date.now() > end) throw new Error(`the offset is still ${offset}`);
      await sleep(50);
    }
  }
  // The rest, asked for and sent again as long as an earlier request still holds the upload.
  async patchUntilTaken(content: Buffer, seconds = 60): Promise<Response> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const head = await this.head();
      const offset = Number(head.headers.get('upload-offset'));
      const answer = head.status === 423 ? head : await this.patch(offset, content.subarray(offset));
      if (![409, 423, 503].includes(answer.status) || Date.now() > end) return answer;
      await sleep(100);
    }
  }
}
