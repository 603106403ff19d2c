// SPDX-License-Identifier: Apache-2.0
// Good traffic: so many requests a second over kept connections, whatever else happens. Times count from when a request was
// due, so that a stall is not hidden by requests that were never sent.
import http from 'node:http';

export interface Figures {
  count: number;
  failures: string[];
  repeated: number; // on a new connection, because a kept one was closed as they were sent: RFC 9112 section 9.3.1
  p50: number; // milliseconds
  p99: number;
  max: number;
}

export interface SteadyOptions {
  urls: () => string; // of the next request
  rate: number; // a second
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  localAddress?: string;
  connectionsMax?: number;
  keepAlive?: boolean; // default: yes
  accepts?: (status: number, body: string, response: http.IncomingMessage) => boolean; // else it is a failure
}

export class SteadyClient {
  private readonly agent: http.Agent;
  private readonly newConnections: http.Agent;
  private timer: NodeJS.Timeout | undefined;
  private times: number[] = [];
  private failures: string[] = [];
  private repeated = 0;
  private due = 0;
  private open = 0;
  private idle: (() => void) | undefined;

  constructor(private readonly options: SteadyOptions) {
    this.agent = new http.Agent({ keepAlive: options.keepAlive ?? true, maxSockets: options.connectionsMax ?? 32, localAddress: options.localAddress } as http.AgentOptions);
    this.newConnections = new http.Agent({ keepAlive: false, localAddress: options.localAddress } as http.AgentOptions);
  }

  start(): this {
    this.due = performance.now();
    const step = 1000 / this.options.rate;
    this.timer = setInterval(() => {
      for (const now = performance.now(); this.due <= now; this.due += step) this.send(this.due);
    }, Math.max(1, Math.floor(step)));
    return this;
  }

  // What was measured since the last call.
  take(): Figures {
    const times = this.times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    const figures = { count: times.length, failures: this.failures, repeated: this.repeated, p50: at(0.5), p99: at(0.99), max: at(1) };
    this.times = [];
    this.failures = [];
    this.repeated = 0;
    return figures;
  }

  // Lets requests in flight end.
  async stop(): Promise<Figures> {
    clearInterval(this.timer);
    if (this.open > 0) await new Promise<void>((resolve) => (this.idle = resolve));
    this.agent.destroy();
    return this.take();
  }

  private send(due: number): void {
    this.open++;
    let ended = false;
    this.attempt(true, (failure) => {
      if (ended) return;
      ended = true;
      this.times.push(performance.now() - due);
      if (failure !== undefined) this.failures.push(failure);
      if (--this.open === 0) this.idle?.();
    });
  }

  // Like every browser, asks again where a kept connection was closed before anything came, and asking twice does no harm.
  private attempt(mayRepeat: boolean, end: (failure?: string) => void): void {
    const { method = 'GET', headers = {}, body, accepts = (status) => status === 200 } = this.options;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    let answered = false;
    const request = http.request(this.options.urls(), { method, headers: { ...length, ...headers }, agent: mayRepeat ? this.agent : this.newConnections, timeout: 30_000 }, (answer) => {
      answered = true;
      let text = '';
      answer.setEncoding('latin1');
      answer.on('data', (data) => (text += data));
      answer.on('end', () => end(accepts(answer.statusCode!, text, answer) ? undefined : `${answer.statusCode} ${text.slice(0, 200)}`));
      answer.on('error', (error) => end(`within the answer: ${error.message}`));
    });
    request.on('timeout', () => request.destroy(new Error('no answer for 30 s')));
    request.on('error', (error) => {
      if (mayRepeat && !answered && request.reusedSocket && method === 'GET') {
        this.repeated++;
        this.attempt(false, end);
        return;
      }
      end(`${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`);
    });
    request.end(body);
  }
}

export const describeFigures = ({ count, failures, repeated, p50, p99, max }: Figures) =>
  `${count} requests, ${failures.length} failed, ${repeated} repeated, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(1)} ms`;
