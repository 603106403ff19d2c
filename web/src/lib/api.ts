// SPDX-License-Identifier: Apache-2.0
// The HTTP client of the console. The session is in cookies that no script can read; when the access token has ended, a
// request is answered 401: then the session is renewed once, for all requests that wait for it, and the request repeated.
import type { Document } from './openapi';
import { ApiError, NetworkError, parseProblem, SignedOutError } from './problem';
import type {
  AuditRecord, DeadLetter, Explanation, FileLink, FileRecord, Mail, Page, Role, Route, SessionInfo, Status, Usage, User, UserSession,
} from './types';

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

// Runs `task` while no other page of this console does the same: a refresh token is good for one use.
export type Exclusive = <T>(task: () => Promise<T>) => Promise<T>;

export interface ApiOptions {
  fetch: Fetch;
  exclusive: Exclusive;
  onRenewed?: (session: SessionInfo) => void;
  onSignedOut?: () => void;
}

export interface NewUser {
  username: string;
  email: string;
  password?: string; // none: a link to set one is mailed
  roles: string[];
}

export type CookieState = 'active' | 'renewable' | 'none';

export class Api {
  private renewal: Promise<void> | null = null;

  constructor(private readonly options: ApiOptions) {}

  // ---- session

  async cookieState(): Promise<CookieState> {
    const { state } = await this.send<{ state: CookieState }>('GET', '/console/session');
    return state;
  }

  // `otp`: a code of the authenticator app, where the account has a second factor.
  logIn(username: string, password: string, otp = ''): Promise<SessionInfo> {
    const form = otp === '' ? { username, password } : { username, password, otp };
    return this.send<SessionInfo>('POST', '/console/session', form);
  }

  async logOut(): Promise<void> {
    await this.send<void>('DELETE', '/console/session');
  }

  // Renews the session. Calls at the same time share one renewal.
  renew(): Promise<void> {
    this.renewal ??= this.options
      .exclusive(() => this.send<SessionInfo>('POST', '/console/session/refresh'))
      .then(
        (session) => this.options.onRenewed?.(session),
        (error: unknown) => {
          if (!isUnauthorized(error)) throw error;
          this.options.onSignedOut?.();
          throw new SignedOutError();
        },
      )
      .finally(() => {
        this.renewal = null;
      });
    return this.renewal;
  }

  // What the server says of its API.
  description(): Promise<Document> {
    return this.send<Document>('GET', '/openapi.json');
  }

  // ---- set-up

  // Whether the first administrator is missing, and whether anybody may register.
  setupState(): Promise<{ needed: boolean; registration?: boolean }> {
    return this.send('GET', '/setup');
  }

  async setupNeeded(): Promise<boolean> {
    return (await this.setupState()).needed;
  }

  async setUp(form: { token: string; username: string; email: string; password: string }): Promise<void> {
    await this.send<unknown>('POST', '/setup', form);
  }

  // ---- accounts, without a session

  async register(form: { username: string; email: string; password: string }): Promise<void> {
    await this.send<unknown>('POST', '/register', form);
  }

  async forgotPassword(email: string): Promise<void> {
    await this.send<unknown>('POST', '/forgot-password', { email });
  }

  // With the token of a link that was mailed; gives the user name.
  async resetPassword(token: string, password: string): Promise<string> {
    return (await this.send<{ username: string }>('POST', '/reset-password', { token, password })).username;
  }

  async verifyEmail(token: string): Promise<string> {
    return (await this.send<{ username: string }>('POST', '/verify-email', { token })).username;
  }

  // ---- the user's own account

  profile(): Promise<User> {
    return this.call<User>('GET', '/profile');
  }

  async changePassword(current: string, wanted: string): Promise<void> {
    await this.call<unknown>('POST', '/profile/password', { current_password: current, new_password: wanted });
  }

  // Takes effect when the link that is mailed to the new address was followed.
  async changeEmail(email: string, current: string): Promise<void> {
    await this.call<unknown>('PATCH', '/profile', { email, current_password: current });
  }

  beginTotp(current: string): Promise<{ secret: string; uri: string }> {
    return this.call('POST', '/profile/totp', { current_password: current });
  }

  async confirmTotp(otp: string): Promise<string[]> {
    return (await this.call<{ recovery_codes: string[] }>('POST', '/profile/totp/confirm', { otp })).recovery_codes;
  }

  async removeTotp(current: string, otp: string): Promise<void> {
    await this.call<unknown>('DELETE', '/profile/totp', { current_password: current, otp });
  }

  sessions(): Promise<Page<UserSession>> {
    return this.call<Page<UserSession>>('GET', '/profile/sessions');
  }

  async endSession(id: string): Promise<void> {
    await this.call<unknown>('DELETE', `/profile/sessions/${encodeURIComponent(id)}`);
  }

  async endAllSessions(): Promise<void> {
    await this.call<unknown>('DELETE', '/profile/sessions');
  }

  // ---- files

  files(cursor: string | null = null, limit = 50): Promise<Page<FileRecord>> {
    const query = new URLSearchParams({ limit: String(limit) });
    if (cursor !== null) query.set('cursor', cursor);
    return this.call<Page<FileRecord>>('GET', `/files?${query}`);
  }

  file(id: string): Promise<FileRecord> {
    return this.call<FileRecord>('GET', `/files/${encodeURIComponent(id)}`);
  }

  async deleteFile(id: string): Promise<void> {
    await this.call<unknown>('DELETE', `/files/${encodeURIComponent(id)}`);
  }

  trash(cursor: string | null = null): Promise<Page<FileRecord>> {
    return this.call<Page<FileRecord>>('GET', `/files${queryOf({ trash: 'true', cursor })}`);
  }

  restoreFile(id: string): Promise<FileRecord> {
    return this.call<FileRecord>('POST', `/files/${encodeURIComponent(id)}/restore`);
  }

  async deleteFileForGood(id: string): Promise<void> {
    await this.call<unknown>('DELETE', `/files/${encodeURIComponent(id)}?permanent=true`);
  }

  // All that were made so far.
  async endLinks(id: string): Promise<void> {
    await this.call<unknown>('DELETE', `/files/${encodeURIComponent(id)}/links`);
  }

  // A link by which anybody may download the file for so many seconds.
  shareFile(id: string, seconds: number): Promise<FileLink> {
    return this.call<FileLink>('POST', `/files/${encodeURIComponent(id)}/links`, { expires_in: seconds });
  }

  usage(): Promise<Usage> {
    return this.call<Usage>('GET', '/files/usage');
  }

  // The stream of events about the user's files, from its head on.
  events(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return this.withSession(async () => {
      const response = await this.ask('/events', { headers: { accept: 'text/event-stream' }, signal });
      if (!response.ok) throw await problemOf(response);
      if (response.body === null) throw new NetworkError();
      return response.body;
    });
  }

  // ---- users

  users(cursor: string | null = null, limit: number | null = null): Promise<Page<User>> {
    return this.call<Page<User>>('GET', `/admin/users${queryOf({ limit, cursor })}`);
  }

  // How much each of them has stored, in bytes; a hundred at most are asked about.
  async usageOf(users: string[]): Promise<Map<string, number>> {
    if (users.length === 0) return new Map();
    const { items } = await this.call<{ items: { user: string; used_bytes: number }[] }>('GET', `/admin/usage${queryOf({ users: users.slice(0, 100).join(',') })}`);
    return new Map(items.map((one) => [one.user, one.used_bytes]));
  }

  createUser(user: NewUser): Promise<User> {
    return this.call<User>('POST', '/admin/users', user);
  }

  async setUserDisabled(id: string, disabled: boolean): Promise<void> {
    await this.call<unknown>('PATCH', `/admin/users/${encodeURIComponent(id)}`, { disabled });
  }

  async setUserRoles(id: string, roles: string[]): Promise<void> {
    await this.call<unknown>('PATCH', `/admin/users/${encodeURIComponent(id)}`, { roles });
  }

  // ---- the rest of what administrators do

  status(): Promise<Status> {
    return this.call<Status>('GET', '/admin/status');
  }

  audit(filter: { type: string; actor: string; target: string }, cursor: string | null = null): Promise<Page<AuditRecord>> {
    return this.call<Page<AuditRecord>>('GET', `/admin/audit${queryOf({ ...filter, cursor })}`);
  }

  sessionsOf(user: string): Promise<Page<UserSession>> {
    return this.call<Page<UserSession>>('GET', `/admin/sessions${queryOf({ user })}`);
  }

  async endSessionOfAnybody(id: string): Promise<void> {
    await this.call<unknown>('DELETE', `/admin/sessions/${encodeURIComponent(id)}`);
  }

  async endSessionsOf(user: string): Promise<void> {
    await this.call<unknown>('DELETE', `/admin/sessions${queryOf({ user })}`);
  }

  roles(): Promise<Page<Role>> {
    return this.call<Page<Role>>('GET', '/admin/roles');
  }

  addRole(role: { name: string; description: string; permissions: string[] }): Promise<Role> {
    return this.call<Role>('POST', '/admin/roles', role);
  }

  changeRole(name: string, role: { description: string; permissions: string[] }): Promise<Role> {
    return this.call<Role>('PUT', `/admin/roles/${encodeURIComponent(name)}`, role);
  }

  async removeRole(name: string): Promise<void> {
    await this.call<unknown>('DELETE', `/admin/roles/${encodeURIComponent(name)}`);
  }

  routes(): Promise<Page<Route>> {
    return this.call<Page<Route>>('GET', '/admin/routes');
  }

  async config(): Promise<Record<string, unknown>> {
    return (await this.call<{ config: Record<string, unknown> }>('GET', '/admin/config')).config;
  }

  explain(method: string, url: string, as: 'me' | 'nobody'): Promise<Explanation> {
    return this.call<Explanation>('GET', `/admin/explain${queryOf({ method, url, as })}`);
  }

  mails(): Promise<Page<Mail>> {
    return this.call<Page<Mail>>('GET', '/admin/mails');
  }

  mail(id: string): Promise<Mail> {
    return this.call<Mail>('GET', `/admin/mails/${encodeURIComponent(id)}`);
  }

  deadLetters(): Promise<Page<DeadLetter>> {
    return this.call<Page<DeadLetter>>('GET', '/admin/dead');
  }

  deadLetter(id: string): Promise<DeadLetter> {
    return this.call<DeadLetter>('GET', `/admin/dead/${encodeURIComponent(id)}`);
  }

  async retryDeadLetter(id: string): Promise<void> {
    await this.call<unknown>('POST', `/admin/dead/${encodeURIComponent(id)}/retry`);
  }

  async dropDeadLetter(id: string): Promise<void> {
    await this.call<unknown>('DELETE', `/admin/dead/${encodeURIComponent(id)}`);
  }

  // ---- how requests are made

  // Runs `request`; when it fails with 401, renews the session and runs it once more.
  async withSession<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
    }
    await this.renew();
    return request();
  }

  private call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.withSession(() => this.send<T>(method, path, body));
  }

  private async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json' };
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      init.body = JSON.stringify(body);
    }
    const response = await this.ask(path, init);
    if (!response.ok) throw await problemOf(response);
    const text = await textOf(response);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  private async ask(path: string, init: RequestInit): Promise<Response> {
    try {
      return await this.options.fetch(path, { credentials: 'same-origin', cache: 'no-store', redirect: 'error', ...init });
    } catch {
      throw new NetworkError();
    }
  }
}

async function textOf(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    throw new NetworkError();
  }
}

async function problemOf(response: Response): Promise<ApiError> {
  return parseProblem(response.status, await textOf(response), response.headers.get('x-request-id') ?? '');
}

// "?a=1&b=2"; what is empty is left out.
function queryOf(values: Record<string, string | number | null>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== '') query.set(name, String(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

const refusals = ['wrong_credentials', 'otp_required', 'wrong_otp'];

// True when the session is over or was none. A wrong password is a 401 too, but nothing that a renewal would change.
export function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401 && !refusals.includes(error.code);
}

export function contentPath(id: string): string {
  return `/files/${encodeURIComponent(id)}/content`;
}
