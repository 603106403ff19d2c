// SPDX-License-Identifier: Apache-2.0
// An SMTP server that takes every mail and remembers how often each Message-ID came.
import { SMTPServer } from 'smtp-server';
import type { AddressInfo } from 'node:net';

export class SmtpSink {
  readonly mails = new Map<string, number>(); // by Message-ID
  private readonly server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    size: 1 << 20,
    onData: (stream, _session, done) => {
      let text = '';
      stream.on('data', (piece: Buffer) => (text += piece));
      stream.on('end', () => {
        const id = /^Message-ID:\s*(\S+)/im.exec(text)?.[1] ?? '';
        this.mails.set(id, (this.mails.get(id) ?? 0) + 1);
        done();
      });
    },
  });

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.server.on('error', () => {}); // a client that was killed in the middle
    return this;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  get repeats(): number {
    return [...this.mails.values()].reduce((sum, count) => sum + count - 1, 0);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
