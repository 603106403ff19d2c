// SPDX-License-Identifier: Apache-2.0
// The tokens of a session: where they are kept, and how they are renewed, once for all requests that wait for it.
import { ConnectionError, GatehouseError, ProblemError } from './errors.js';
import type { components } from './openapi.js';
import type { Transport } from './transport.js';
import { backoff, pause, shared } from './waiting.js';

export type Tokens = components['schemas']['Tokens'];
export type Identity = components['schemas']['Identity'];

export interface StoredTokens {
  access_token: string;
  refresh_token: string;
  /** Milliseconds since 1970 by this machine's clock: when to renew. */
  refresh_at: number;
  /** When the access token ends. */
  expires_at: number;
  user: Identity;
}

/** Whoever reads these can act as the user. Several clients may share a storage: each looks into it before it renews. */
export interface TokenStorage {
  load(): StoredTokens | undefined | Promise<StoredTokens | undefined>;
  save(tokens: StoredTokens): void | Promise<void>;
  clear(): void | Promise<void>;
}

export class MemoryTokenStorage implements TokenStorage {
  private tokens: StoredTokens | undefined;
  load(): StoredTokens | undefined {
    return this.tokens;
  }
  save(tokens: StoredTokens): void {
    this.tokens = tokens;
  }
  clear(): void {
    this.tokens = undefined;
  }
}

export interface Credentials {
  /** Or e-mail address. */
  username: string;
  password: string;
  /** Of the second factor; without it, who has one gets the problem otp_required. */
  otp?: string;
}

// The server takes a used refresh token for ten seconds more, and ends the session afterwards: a repetition must have begun by then.
const repetitionMs = 8_000;
const attemptMs = 4_000;
const marginMs = 30_000;

const readTokens = async (answer: Response): Promise<Tokens> => parseTokens(await answer.text());

function parseTokens(text: string): Tokens {
  let value: Partial<Tokens> | undefined;
  try {
    value = JSON.parse(text) as Partial<Tokens>;
  } catch {
    // said below
  }
  if (typeof value?.access_token !== 'string' || typeof value.refresh_token !== 'string' || typeof value.expires_in !== 'number' || !value.user)
    throw new GatehouseError('the answer has no tokens in it');
  return value as Tokens;
}

function stored(tokens: Tokens, asked: number): StoredTokens {
  const life = tokens.expires_in * 1000;
  const { access_token, refresh_token, user } = tokens;
  return { access_token, refresh_token, user, refresh_at: asked + life - Math.min(marginMs, life / 2), expires_at: asked + life };
}

export class Session {
  private renewal: Promise<string | undefined> | undefined;
  private age = 0; // counts logins and logouts: a renewal that they overtake is not kept

  constructor(
    private readonly transport: Transport,
    private readonly storage: TokenStorage,
    private readonly onEnd: (problem: ProblemError) => void,
  ) {}

  async user(): Promise<Identity | undefined> {
    return (await this.storage.load())?.user;
  }

  async logIn({ username, password, otp }: Credentials, signal?: AbortSignal): Promise<Identity> {
    const asked = Date.now();
    const form = otp === undefined ? { username, password } : { username, password, otp };
    const tokens = await this.post('/login', form, readTokens, { signal });
    this.age++;
    await this.storage.save(stored(tokens, asked));
    return tokens.user;
  }

  /** Here it is over in any case. Throws if the server could not be told. */
  async logOut(signal?: AbortSignal): Promise<void> {
    const tokens = await this.storage.load();
    this.age++;
    await this.storage.clear();
    if (!tokens) return;
    try {
      await this.post('/logout', { refresh_token: tokens.refresh_token }, async () => undefined, { signal, repeatable: true });
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 401) throw error; // 401: it was over already
    }
  }

  /** The access token to send, renewed if its end is near; undefined for whoever is not logged in. */
  async accessToken(signal?: AbortSignal): Promise<string | undefined> {
    const tokens = await this.storage.load();
    if (!tokens || Date.now() < tokens.refresh_at) return tokens?.access_token;
    try {
      return await this.renew(tokens.access_token, signal);
    } catch (error) {
      const refused = error instanceof ProblemError && error.status === 401;
      if (signal?.aborted || refused || Date.now() >= tokens.expires_at) throw error;
      return tokens.access_token; // still good, and the server may be back the next time
    }
  }

  /** Another token than the one that was used. */
  async renew(used: string, signal?: AbortSignal): Promise<string | undefined> {
    this.renewal ??= this.renewNow(used).finally(() => (this.renewal = undefined));
    return await shared(this.renewal, signal);
  }

  private async renewNow(used: string): Promise<string | undefined> {
    const age = this.age;
    const before = await this.storage.load();
    if (!before || before.access_token !== used) return before?.access_token; // somebody else did, or logged out
    const asked = Date.now();
    try {
      const tokens = stored(await this.refresh(before.refresh_token), asked);
      if (age !== this.age) return (await this.storage.load())?.access_token;
      await this.storage.save(tokens);
      return tokens.access_token;
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 401) throw error;
      const now = await this.storage.load();
      if (age !== this.age || now?.refresh_token !== before.refresh_token) return now?.access_token;
      this.age++;
      await this.storage.clear();
      this.onEnd(error);
      throw error;
    }
  }

  private async refresh(token: string): Promise<Tokens> {
    const began = Date.now();
    for (let attempt = 0; ; attempt++) {
      const last = Date.now() - began + attemptMs >= repetitionMs;
      try {
        const timeoutMs = last ? this.transport.options.timeoutMs : Math.min(attemptMs, this.transport.options.timeoutMs);
        return await this.post('/refresh', { refresh_token: token }, readTokens, { retries: 0, timeoutMs });
      } catch (error) {
        const passing = error instanceof ConnectionError || (error instanceof ProblemError && (error.status >= 500 || error.status === 429));
        const wait = Math.max(backoff(attempt, 200, 2_000), error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0);
        if (last || !passing || Date.now() - began + wait >= repetitionMs) throw error;
        await pause(wait);
      }
    }
  }

  private async post<T>(path: string, form: object, read: (answer: Response) => Promise<T>,
    options: { signal?: AbortSignal | undefined; retries?: number; timeoutMs?: number; repeatable?: boolean }): Promise<T> {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    return await this.transport.exchange({ method: 'POST', path, headers, body: JSON.stringify(form), ...options }, read);
  }
}
