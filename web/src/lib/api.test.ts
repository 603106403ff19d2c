// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test, vi } from 'vitest';

import { Api, type ApiOptions } from './api';
import { ApiError, NetworkError, SignedOutError } from './problem';

type Answer = [status: number, body?: unknown] | Error;

// A server as a function from "METHOD /path" and how often it was asked before to an answer.
function serve(answer: (call: string, before: number) => Answer) {
  const calls: string[] = [];
  const fetch = vi.fn(async (path: string, init?: RequestInit) => {
    const call = `${init?.method ?? 'GET'} ${path}`;
    const before = calls.filter((other) => other === call).length;
    calls.push(call);
    await Promise.resolve();
    const result = answer(call, before);
    if (result instanceof Error) throw result;
    const [status, body] = result;
    return new Response(body === undefined ? null : JSON.stringify(body), { status });
  });
  return { calls, fetch };
}

function makeApi(fetch: ApiOptions['fetch']) {
  const onRenewed = vi.fn();
  const onSignedOut = vi.fn();
  const api = new Api({ fetch, exclusive: (task) => task(), onRenewed, onSignedOut });
  return { api, onRenewed, onSignedOut };
}

const expired: Answer = [401, { status: 401, code: 'invalid_token', title: 'Unauthorized', instance: 'r-1' }];
const refresh = 'POST /console/session/refresh';

describe('a request whose access token has ended', () => {
  test('renews the session once and is repeated', async () => {
    const server = serve((call, before) => {
      if (call === refresh) return [200, { expires_in: 600 }];
      return before === 0 ? expired : [200, { username: 'ada' }];
    });
    const { api, onRenewed, onSignedOut } = makeApi(server.fetch);

    expect(await api.profile()).toEqual({ username: 'ada' });
    expect(server.calls).toEqual(['GET /profile', refresh, 'GET /profile']);
    expect(onRenewed).toHaveBeenCalledWith({ expires_in: 600 });
    expect(onSignedOut).not.toHaveBeenCalled();
  });

  test('shares the renewal with others that fail at the same time', async () => {
    const server = serve((call, before) => {
      if (call === refresh) return [200, { expires_in: 600 }];
      return before === 0 ? expired : [200, {}];
    });
    const { api } = makeApi(server.fetch);

    await Promise.all([api.profile(), api.files(), api.file('f1')]);
    expect(server.calls.filter((call) => call === refresh)).toHaveLength(1);
  });

  test('ends as signed out when the refresh token is refused', async () => {
    const server = serve(() => expired);
    const { api, onSignedOut } = makeApi(server.fetch);

    await expect(api.profile()).rejects.toBeInstanceOf(SignedOutError);
    expect(server.calls).toEqual(['GET /profile', refresh]);
    expect(onSignedOut).toHaveBeenCalledOnce();
  });

  test('is not repeated a second time', async () => {
    const server = serve((call) => (call === refresh ? [200, { expires_in: 600 }] : expired));
    const { api, onSignedOut } = makeApi(server.fetch);

    await expect(api.profile()).rejects.toMatchObject({ status: 401, code: 'invalid_token' });
    expect(server.calls).toEqual(['GET /profile', refresh, 'GET /profile']);
    expect(onSignedOut).not.toHaveBeenCalled();
  });

  test('does not sign out when the renewal cannot be asked for', async () => {
    const server = serve((call) => (call === refresh ? new TypeError('failed to fetch') : expired));
    const { api, onSignedOut } = makeApi(server.fetch);

    await expect(api.profile()).rejects.toBeInstanceOf(NetworkError);
    expect(onSignedOut).not.toHaveBeenCalled();
  });

  test('can be renewed again later', async () => {
    const server = serve((call, before) => {
      if (call === refresh) return [200, { expires_in: 600 }];
      return before % 2 === 0 ? expired : [200, {}];
    });
    const { api } = makeApi(server.fetch);

    await api.profile();
    await api.profile();
    expect(server.calls.filter((call) => call === refresh)).toHaveLength(2);
  });
});

describe('other failures', () => {
  test('a wrong password renews nothing', async () => {
    const server = serve(() => [401, { code: 'wrong_credentials', detail: 'No.' }]);
    const { api, onSignedOut } = makeApi(server.fetch);

    await expect(api.logIn('ada', 'x')).rejects.toMatchObject({ code: 'wrong_credentials' });
    await expect(api.changePassword('x', 'y')).rejects.toMatchObject({ code: 'wrong_credentials' });
    expect(server.calls).not.toContain(refresh);
    expect(onSignedOut).not.toHaveBeenCalled();
  });

  test('a refused permission is told as it is', async () => {
    const server = serve(() => [403, { code: 'insufficient_scope', title: 'Forbidden', detail: 'Not yours.', instance: 'r-2' }]);
    const { api } = makeApi(server.fetch);

    const error = await api.users().catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 403, detail: 'Not yours.', requestId: 'r-2' });
    expect(server.calls).toEqual(['GET /admin/users']);
  });

  test('an answer that is no problem document still has its status', async () => {
    const { api } = makeApi(async () => new Response('<h1>Bad gateway</h1>', { status: 502, headers: { 'x-request-id': 'r-3' } }));

    await expect(api.profile()).rejects.toMatchObject({ status: 502, requestId: 'r-3' });
  });

  test('errors of fields are found by their name', async () => {
    const server = serve(() => [422, { code: 'invalid_fields', errors: [{ pointer: '/email', detail: 'Not an address.' }] }]);
    const { api } = makeApi(server.fetch);

    const error = (await api
      .createUser({ username: 'a', email: 'b', password: 'c', roles: [] })
      .catch((problem: unknown) => problem)) as ApiError;
    expect(error.fieldError('email')).toBe('Not an address.');
    expect(error.fieldError('username')).toBe('');
  });
});

test('what stands in a path is encoded', async () => {
  const server = serve(() => [200, {}]);
  const { api } = makeApi(server.fetch);

  await api.file('a/../b?c');
  await api.files('x&y');
  expect(server.calls).toEqual(['GET /files/a%2F..%2Fb%3Fc', 'GET /files?limit=50&cursor=x%26y']);
});
