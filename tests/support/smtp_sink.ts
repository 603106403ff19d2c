// SPDX-License-Identifier: Apache-2.0
// An SMTP server that takes every mail and remembers what it says and how often each Message-ID came.
import { SMTPServer } from 'smtp-server';
import type { AddressInfo } from 'node:net';

export interface ReceivedMail {
  to: string;
  subject: string;
  text: string; // decoded, lines end in LF
}

function decode(raw: string): { subject: string; text: string } {
  const end = raw.indexOf('\r\n\r\n');
  const bytes = raw
    .slice(end + 4)
    .replace(/=\r\n/g, '')
    .replace(/\r\n/g, '\n')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return {
    subject: /^Subject:\s*(.*)$/im.exec(raw.slice(0, end))?.[1].trim() ?? '',
    text: Buffer.from(bytes, 'latin1').toString('utf8'),
  };
}

export class SmtpSink {
  readonly received: ReceivedMail[] = [];
  readonly mails = new Map<string, number>(); // by Message-ID
  private readonly server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    size: 1 << 20,
    onData: (stream, session, done) => {
      let text = '';
      stream.on('data', (piece: Buffer) => (text += piece));
      stream.on('end', () => {
        const id = /^Message-ID:\s*(\S+)/im.exec(text)?.[1] ?? '';
        this.mails.set(id, (this.mails.get(id) ?? 0) + 1);
        for (const recipient of session.envelope.rcptTo) this.received.push({ to: recipient.address, ...decode(text) });
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
