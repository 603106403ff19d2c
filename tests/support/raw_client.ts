// SPDX-License-Identifier: Apache-2.0
// A client that sends bytes as they are, and reads answers as strictly as nobody else: every byte must belong to one.
import net from 'node:net';

export interface RawAnswer {
  status: number;
  interim: number[]; // 1xx that came before it
  fields: [string, string][]; // names in small letters
  body: Buffer;
}

export interface Conversation {
  answers: RawAnswer[];
  closed: boolean; // by the server
  rest: string; // bytes that are no whole answer
}

export const fieldOf = (answer: RawAnswer, name: string) => answer.fields.filter(([key]) => key === name).map(([, value]) => value);

export interface SendOptions {
  halfClose?: boolean; // says after the bytes that no more will come
  methods?: string[]; // of the requests in turn: an answer to HEAD has no body
  answersMax?: number; // enough, the client closes
  timeout?: number;
  later?: string; // sent a moment after the rest
}

// Sends and reads until the server closes, until there are enough answers, or until the time is over.
export function converse(url: string, bytes: string | Buffer, options: SendOptions = {}): Promise<Conversation> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let input = Buffer.alloc(0);
    const reader = new AnswerReader(options.methods ?? []);
    const socket = net.connect({ port: Number(port), host: hostname === 'localhost' ? '127.0.0.1' : hostname, allowHalfOpen: true });
    const end = (closed: boolean) => {
      clearTimeout(timer);
      const last = closed ? reader.finish(input) : undefined;
      if (last) input = Buffer.alloc(0);
      socket.destroy();
      resolve({ answers: reader.answers, closed, rest: input.toString('latin1') });
    };
    const timer = setTimeout(() => end(false), options.timeout ?? 10_000);
    socket.on('connect', () => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      if (options.halfClose) socket.end();
      if (options.later !== undefined) setTimeout(() => socket.writable && socket.write(options.later!, 'latin1'), 100);
    });
    socket.on('data', (data) => {
      input = reader.read(Buffer.concat([input, data]));
      if (options.answersMax !== undefined && reader.answers.length >= options.answersMax) end(false);
    });
    socket.on('end', () => end(true));
    socket.on('error', () => end(true));
  });
}

class AnswerReader {
  readonly answers: RawAnswer[] = [];
  private interim: number[] = [];
  constructor(private readonly methods: string[]) {}

  // Takes whole answers from the front; gives what is left.
  read(input: Buffer): Buffer {
    for (;;) {
      const headEnd = input.indexOf('\r\n\r\n');
      if (headEnd < 0) return input;
      const head = this.head(input.subarray(0, headEnd).toString('latin1'));
      const rest = input.subarray(headEnd + 4);
      if (head.status < 200) {
        this.interim.push(head.status);
        input = rest;
        continue;
      }
      const body = this.body(head, rest, false);
      if (!body) return input;
      input = rest.subarray(body.taken);
    }
  }

  // The connection ended: an answer may end with it.
  finish(input: Buffer): boolean {
    const headEnd = input.indexOf('\r\n\r\n');
    if (headEnd < 0) return false;
    const head = this.head(input.subarray(0, headEnd).toString('latin1'));
    return head.status >= 200 && this.body(head, input.subarray(headEnd + 4), true) !== undefined;
  }

  private head(text: string): { status: number; fields: [string, string][] } {
    const [first, ...lines] = text.split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) [^\r\n]*$/.exec(first);
    if (!match) throw new Error(`no status line: ${JSON.stringify(first)}`);
    const fields = lines.map((line): [string, string] => {
      const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([^\r\n\0]*)$/.exec(line);
      if (!field) throw new Error(`no field line: ${JSON.stringify(line)}`);
      return [field[1].toLowerCase(), field[2]];
    });
    return { status: Number(match[1]), fields };
  }

  private body(head: { status: number; fields: [string, string][] }, rest: Buffer, ended: boolean): { taken: number } | undefined {
    const value = (name: string) => head.fields.find(([key]) => key === name)?.[1];
    const method = this.methods[this.answers.length] ?? 'GET';
    let body = Buffer.alloc(0);
    let taken = 0;
    const length = value('content-length');
    if (method !== 'HEAD' && head.status !== 204 && head.status !== 304) {
      if (value('transfer-encoding') !== undefined) {
        const decoded = dechunk(rest);
        if (!decoded) return undefined;
        ({ body, taken } = decoded);
      } else if (length !== undefined) {
        taken = Number(length);
        if (rest.length < taken) return undefined;
        body = Buffer.from(rest.subarray(0, taken));
      } else {
        if (!ended) return undefined;
        taken = rest.length;
        body = Buffer.from(rest);
      }
    }
    this.answers.push({ ...head, interim: this.interim, body });
    this.interim = [];
    return { taken };
  }
}

function dechunk(input: Buffer): { body: Buffer; taken: number } | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = input.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = input.subarray(at, lineEnd).toString('latin1');
    if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`no chunk size: ${JSON.stringify(line)}`);
    const size = parseInt(line, 16);
    at = lineEnd + 2;
    if (input.length < at + size + 2) return undefined;
    if (input.subarray(at + size, at + size + 2).toString('latin1') !== '\r\n') throw new Error('a chunk does not end where it should');
    parts.push(input.subarray(at, at + size));
    at += size + 2;
    if (size === 0) return { body: Buffer.concat(parts), taken: at };
  }
}
