// SPDX-License-Identifier: Apache-2.0
// Requests in the name of whoever is logged in: with the access token, and once more with a new one where it was refused.
import { ProblemError } from './errors.js';
import type { Session } from './session.js';
import { isStream, type Exchange, type Transport } from './transport.js';
import type { Deadline } from './waiting.js';

export interface Call extends Exchange {
  anonymous?: boolean | undefined; // without the token
}

const aboutTheToken = new Set<string>(['invalid_token', 'session_ended', 'unauthenticated']);

export class Calls {
  constructor(
    readonly transport: Transport,
    private readonly session: Session,
  ) {}

  async exchange<T>(call: Call, read: (answer: Response, deadline: Deadline) => Promise<T>): Promise<T> {
    if (call.anonymous) return await this.transport.exchange(call, read);
    const token = await this.session.accessToken(call.signal);
    try {
      return await this.with(token, call, read);
    } catch (error) {
      const refused = error instanceof ProblemError && error.status === 401 && (aboutTheToken.has(error.code) || call.method === 'HEAD');
      if (token === undefined || !refused || isStream(call.body)) throw error;
      const renewed = await this.session.renew(token, call.signal);
      if (renewed === undefined) throw error;
      return await this.with(renewed, call, read);
    }
  }

  private async with<T>(token: string | undefined, call: Call, read: (answer: Response, deadline: Deadline) => Promise<T>): Promise<T> {
    const headers = token === undefined ? call.headers : { ...call.headers, authorization: `Bearer ${token}` };
    return await this.transport.exchange({ ...call, headers: headers ?? {} }, read);
  }
}
