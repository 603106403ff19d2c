// SPDX-License-Identifier: Apache-2.0
// Who is logged in. The tokens themselves are in HttpOnly cookies; what is known here is the user and when to renew.
import { Api } from './api';
import { SignedOutError } from './problem';
import type { SessionInfo, User } from './types';

type Status = 'starting' | 'in' | 'out' | 'unreachable';
type Message = 'signed-out' | 'renewed';

// How long before its end the access token is renewed, in seconds.
const renewal_margin = 60;
// How often a page that somebody looks at asks whether the session is still open.
const look_interval = 15_000;

// Web locks exist in secure contexts only; without them two pages may renew at once and one of them must log in again.
async function exclusive<T>(task: () => Promise<T>): Promise<T> {
  if (!('locks' in navigator)) return task();
  return await navigator.locks.request('gatehouse-session', task);
}

class Session {
  status = $state<Status>('starting');
  user = $state<User | null>(null);
  setupNeeded = $state(false);
  registration = $state(false); // whether anybody may register

  readonly api: Api;
  private freshUntil = 0; // ms; the access token lasts at least until then
  private timer: ReturnType<typeof setTimeout> | undefined;
  // Pages of one browser share the cookies, so they tell each other about them.
  private readonly others = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('gatehouse-session');

  constructor() {
    this.api = new Api({
      fetch: (input, init) => fetch(input, init),
      exclusive,
      onRenewed: (session) => {
        this.renewed(session);
        this.tell('renewed');
      },
      onSignedOut: () => this.leave(),
    });
    this.others?.addEventListener('message', (event: MessageEvent<Message>) => {
      if (event.data === 'signed-out') this.leave();
    });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible' && this.status === 'in') void this.keepFresh();
    });
    setInterval(() => void this.look(), look_interval);
  }

  // Finds out, from the cookies that the browser sends, whether somebody is logged in.
  async start(): Promise<void> {
    this.status = 'starting';
    try {
      const state = await this.api.cookieState();
      if (state === 'renewable') await this.api.renew();
      if (state === 'none') {
        await this.findOutAboutSetup();
        this.leave();
        return;
      }
      this.user = await this.api.profile();
      this.status = 'in';
      if (this.freshUntil === 0) this.plan(renewal_margin);
    } catch (error) {
      if (error instanceof SignedOutError) return;
      this.status = 'unreachable';
    }
  }

  // Throws ApiError for wrong credentials. False when the browser did not keep the cookies.
  async logIn(username: string, password: string, otp = ''): Promise<boolean> {
    const session = await this.api.logIn(username, password, otp);
    if ((await this.api.cookieState()) === 'none') return false;
    this.renewed(session);
    this.user = await this.api.profile();
    this.status = 'in';
    return true;
  }

  // After the user's own account changed.
  async reloadUser(): Promise<void> {
    this.user = await this.api.profile();
  }

  async logOut(): Promise<void> {
    await this.api.logOut();
    this.tell('signed-out');
    this.leave();
  }

  // True while the access token lasts for a while.
  get fresh(): boolean {
    return Date.now() < this.freshUntil;
  }

  // Renews the session when it ends soon: before a download or an upload, which cannot be repeated as simply.
  async keepFresh(): Promise<void> {
    if (this.fresh) return;
    try {
      await this.api.renew();
    } catch {
      // Signed out is handled where it is noticed; a server that is away will be noticed by the request itself.
    }
  }

  // Somebody may have ended the session elsewhere: then this page is left, whether or not it asks for anything.
  private async look(): Promise<void> {
    if (this.status !== 'in' || document.visibilityState !== 'visible') return;
    try {
      await this.api.profile();
    } catch {
      // As above.
    }
  }

  private renewed(session: SessionInfo): void {
    const margin = Math.min(renewal_margin, session.expires_in / 2);
    this.freshUntil = Date.now() + (session.expires_in - margin) * 1000;
    this.plan(session.expires_in - margin);
  }

  private plan(seconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.status !== 'in') return;
      this.plan(renewal_margin);
      // A page that nobody looks at lets the session end; it renews when it is looked at again.
      if (document.visibilityState === 'visible') void this.keepFresh();
    }, seconds * 1000);
  }

  private async findOutAboutSetup(): Promise<void> {
    const state = await this.api.setupState();
    this.setupNeeded = state.needed;
    this.registration = state.registration === true;
  }

  private leave(): void {
    clearTimeout(this.timer);
    this.freshUntil = 0;
    this.user = null;
    this.status = 'out';
  }

  private tell(message: Message): void {
    this.others?.postMessage(message);
  }
}

export const session = new Session();
