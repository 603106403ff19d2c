// SPDX-License-Identifier: Apache-2.0
// Who is calling, as the token says that the gateway passes on in Authorization: verified here once more with the public keys of
// Gatehouse, so that nobody between needs to be trusted. Keys are kept until their Cache-Control says so; a key that is not
// known is asked for at most once in ten seconds.
import { createPublicKey, verify } from 'node:crypto';

const audience = 'gatehouse'; // auth.audience
const algorithms = {
  EdDSA: (key, data, signature) => verify(null, data, key, signature),
  ES256: (key, data, signature) => verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature),
  RS256: (key, data, signature) => verify('sha256', data, key, signature),
};

export function callerByToken(gatehouse) {
  let [keys, issuer, asked, freshUntil] = [new Map(), '', -Infinity, -Infinity];
  let asking;

  async function fetchKeys() {
    const get = async (url) => {
      const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
      return [await answer.json(), Number(/max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '')?.[1] ?? 0)];
    };
    const [discovery] = await get(new URL('/.well-known/openid-configuration', gatehouse));
    const [set, seconds] = await get(new URL('/.well-known/jwks.json', gatehouse));
    const known = set.keys.filter((jwk) => algorithms[jwk.alg]);
    keys = new Map(known.map((jwk) => [jwk.kid, { algorithm: jwk.alg, key: createPublicKey({ key: jwk, format: 'jwk' }) }]));
    issuer = discovery.issuer;
    freshUntil = Date.now() + seconds * 1000;
  }

  async function keyFor(kid) {
    if ((Date.now() > freshUntil || !keys.has(kid)) && Date.now() - asked > 10_000) {
      asked = Date.now();
      asking = fetchKeys().catch((error) => console.error('no keys from Gatehouse:', error.message)); // those of before stay
    }
    await asking;
    if (keys.size === 0) throw Object.assign(new Error('Gatehouse has not told its keys yet'), { status: 503, fields: { 'retry-after': '10' } });
    return keys.get(kid);
  }

  // The claims, when Gatehouse signed them for us and they are still good.
  async function claimsOf(token) {
    const [head, body, signature] = token.split('.');
    const { alg, kid, typ } = JSON.parse(Buffer.from(head, 'base64url'));
    const known = await keyFor(kid);
    // The algorithm is the key's; what the token says must agree with it.
    if (!known || alg !== known.algorithm || typ !== 'at+jwt') return undefined;
    if (!algorithms[known.algorithm](known.key, Buffer.from(`${head}.${body}`), Buffer.from(signature, 'base64url'))) return undefined;
    const claims = JSON.parse(Buffer.from(body, 'base64url'));
    return claims.iss === issuer && claims.aud === audience && claims.exp * 1000 > Date.now() ? claims : undefined;
  }

  return async (request) => {
    const [, token] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const claims = token && (await claimsOf(token).catch((error) => {
      if (error.status) throw error;
      return undefined; // not what Gatehouse makes
    }));
    if (!claims) return undefined;
    const may = (wanted) => claims.permissions.some((one) => one === wanted || one === '*' || (one.endsWith(':*') && wanted.startsWith(one.slice(0, -1))));
    return { id: claims.sub, name: claims.username, roles: claims.roles, may };
  };
}
