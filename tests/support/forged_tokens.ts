// SPDX-License-Identifier: Apache-2.0
// Every known way to forge or misuse an access token, as far as it can be sent in a header field: what no verifier may
// accept. Made from a good token's claims and from keys that the test knows.
import { createHmac, createPublicKey } from 'node:crypto';
import { base64url, makeKey, signature, signTexts, type KnownKey } from './known_keys.js';

export interface Materials {
  eddsa: KnownKey;
  es256: KnownKey;
  rs256: KnownKey;
  claims: Record<string, unknown>; // of a token that is accepted
}

const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

// The last character's unused bits set: the same bytes to a careless decoder.
const loosely = (part: string) => part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1)!) + 1];

export function goodToken({ eddsa, claims }: Materials): string {
  return signTexts(eddsa, JSON.stringify({ alg: 'EdDSA', kid: eddsa.kid, typ: 'at+jwt' }), JSON.stringify(claims));
}

export function forgedTokens(materials: Materials): [string, string][] {
  const { eddsa, es256, rs256, claims } = materials;
  const now = Math.floor(Date.now() / 1000);
  const stranger = makeKey('EdDSA');
  const headerOf = (key: KnownKey) => ({ alg: key.algorithm, kid: key.kid, typ: 'at+jwt' });
  const good = goodToken(materials);
  const claimsText = JSON.stringify(claims);
  const headerText = JSON.stringify(headerOf(eddsa));

  // Rightly signed, but for what the row says.
  const withHeader = (change: Record<string, unknown>, key = eddsa) => signTexts(key, JSON.stringify({ ...headerOf(key), ...change }), claimsText);
  const withClaims = (change: Record<string, unknown>) => signTexts(eddsa, headerText, JSON.stringify({ ...claims, ...change }));
  const withClaimsText = (from: string | RegExp, to: string) => {
    const text = claimsText.replace(from, to);
    if (text === claimsText) throw new Error(`${from} is not in the claims`);
    return signTexts(eddsa, headerText, text);
  };
  const without = (name: string) => withClaims({ [name]: undefined });
  // Not signed by anybody.
  const text = (alg: unknown, key = eddsa) => `${base64url(JSON.stringify({ ...headerOf(key), alg }))}.${base64url(claimsText)}`;
  const withSignature = (alg: string, bytes: Uint8Array, key: KnownKey) => `${text(alg, key)}.${base64url(bytes)}`;
  const hs256 = (secret: string | Buffer, key: KnownKey) => `${text('HS256', key)}.${createHmac('sha256', secret).update(text('HS256', key)).digest('base64url')}`;
  const byStranger = (change: Record<string, unknown>) => signTexts(stranger, JSON.stringify({ ...headerOf(eddsa), ...change }), claimsText);
  const pem = (key: KnownKey) => createPublicKey(key.publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'pem' }) as string;
  const der = (key: KnownKey) => key.publicKey.export({ type: 'spki', format: 'der' });
  const jwk = (key: KnownKey) => key.publicKey.export({ format: 'jwk' });
  const [head, body, tail] = good.split('.');
  // So long that the last character of the part has unused bits.
  const looseHeader = loosely(base64url(headerText + ' '.repeat(headerText.length % 3 === 0 ? 1 : 0)));
  const looseClaims = loosely(base64url(claimsText + ' '.repeat(claimsText.length % 3 === 0 ? 1 : 0)));
  const signed = (part: string) => `${part}.${base64url(signature(eddsa, part))}`;
  const ecSignature = signature(es256, text('ES256', es256));
  const derInteger = (bytes: Buffer) => { const value = bytes[0] & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes; return Buffer.concat([Buffer.from([2, value.length]), value]); };
  const derSignature = () => { const numbers = Buffer.concat([derInteger(ecSignature.subarray(0, 32)), derInteger(ecSignature.subarray(32))]); return Buffer.concat([Buffer.from([0x30, numbers.length]), numbers]); };

  return [
    // The algorithm.
    ['alg none, empty signature', `${text('none')}.`],
    ['alg none, no second dot', text('none')],
    ['alg none, a signature', withSignature('none', Buffer.from('x'), eddsa)],
    ['alg None', withSignature('None', Buffer.from('x'), eddsa)],
    ['alg NONE', withSignature('NONE', Buffer.from('x'), eddsa)],
    ['alg nOnE', withSignature('nOnE', Buffer.from('x'), eddsa)],
    ['alg empty', withHeader({ alg: '' })],
    ['alg missing', withHeader({ alg: undefined })],
    ['alg null', withHeader({ alg: null })],
    ['alg a list', withHeader({ alg: ['EdDSA'] })],
    ['alg in other letters', withHeader({ alg: 'eddsa' })],
    ['alg none, rightly signed', withHeader({ alg: 'none' })],
    ['alg of another key of ours', withHeader({ alg: 'ES256' })],
    ['alg ES256 by the key for RS256', signTexts(rs256, JSON.stringify({ ...headerOf(rs256), alg: 'ES256' }), claimsText)],
    ['HS256 with an empty secret', hs256('', eddsa)],
    ['HS256 with a weak secret', hs256('secret', eddsa)],
    ['HS256 with the Ed25519 key in PEM', hs256(pem(eddsa), eddsa)],
    ['HS256 with the Ed25519 key in DER', hs256(der(eddsa), eddsa)],
    ['HS256 with the raw Ed25519 key', hs256(Buffer.from(jwk(eddsa).x!, 'base64url'), eddsa)],
    ['HS256 with the RSA key in PEM', hs256(pem(rs256), rs256)],
    ['HS256 with the RSA key in PEM, trimmed', hs256(pem(rs256).trim(), rs256)],
    ['HS256 with the RSA key in PKCS#1', hs256(rs256.publicKey.export({ type: 'pkcs1', format: 'pem' }), rs256)],
    ['HS256 with the RSA key in DER', hs256(der(rs256), rs256)],
    ['HS256 with the RSA key as JWK', hs256(JSON.stringify(jwk(rs256)), rs256)],
    ['HS256 with the modulus', hs256(Buffer.from(jwk(rs256).n!, 'base64url'), rs256)],
    ['HS256 with the key id', hs256(eddsa.kid, eddsa)],
    // The key.
    ['kid missing', withHeader({ kid: undefined })],
    ['kid a number', withHeader({ kid: 1 })],
    ['kid unknown', byStranger({ kid: stranger.kid })],
    ['kid empty', byStranger({ kid: '' })],
    ['kid a path', byStranger({ kid: '../../../../dev/null' })],
    ['kid SQL', byStranger({ kid: "x' UNION SELECT 'key'; --" })],
    ['kid a shell', byStranger({ kid: '$(id)|id;' })],
    ['kid NUL', byStranger({ kid: '\0' })],
    ['kid of ours and NUL', withHeader({ kid: `${eddsa.kid}\0` })],
    ['kid very long', byStranger({ kid: 'k'.repeat(4000) })],
    ['kid of ours, a stranger signs', byStranger({})],
    ['jwk of the stranger who signs', byStranger({ jwk: jwk(stranger) })],
    ['jwk of the stranger, no kid', byStranger({ kid: undefined, jwk: jwk(stranger) })],
    ['jku', byStranger({ jku: 'https://evil.example/jwks.json' })],
    ['x5u', byStranger({ x5u: 'https://evil.example/cert.pem' })],
    ['x5c', byStranger({ x5c: [base64url(der(stranger))] })],
    ['jku, kid of the stranger', byStranger({ kid: stranger.kid, jku: 'http://127.0.0.1:1/jwks.json' })],
    // The signature.
    ['Ed25519 zeros', withSignature('EdDSA', Buffer.alloc(64), eddsa)],
    ['Ed25519 short', withSignature('EdDSA', Buffer.alloc(63, 1), eddsa)],
    ['ES256 r = s = 0', withSignature('ES256', Buffer.alloc(64), es256)],
    ['ES256 r = 0', withSignature('ES256', Buffer.concat([Buffer.alloc(32), Buffer.alloc(32, 1)]), es256)],
    ['ES256 s = 0', withSignature('ES256', Buffer.concat([Buffer.alloc(32, 1), Buffer.alloc(32)]), es256)],
    ['ES256 r = s = n', withSignature('ES256', Buffer.concat([order, order]), es256)],
    ['ES256 s = n', withSignature('ES256', Buffer.concat([ecSignature.subarray(0, 32), order]), es256)],
    ['ES256 in DER', withSignature('ES256', derSignature(), es256)],
    ['ES256 psychic in DER', withSignature('ES256', Buffer.from('3006020100020100', 'hex'), es256)],
    ['ES256 of 63 bytes', withSignature('ES256', ecSignature.subarray(0, 63), es256)],
    ['ES256 of 65 bytes', withSignature('ES256', Buffer.concat([ecSignature, Buffer.alloc(1)]), es256)],
    ['ES256 of 128 bytes', withSignature('ES256', Buffer.concat([ecSignature, ecSignature]), es256)],
    ['RS256 zeros', withSignature('RS256', Buffer.alloc(256), rs256)],
    ['RS256 ones', withSignature('RS256', Buffer.alloc(256, 255), rs256)],
    ['RS256 short', withSignature('RS256', Buffer.alloc(255, 1), rs256)],
    ['claims grafted on', `${head}.${base64url(JSON.stringify({ ...claims, admin: true }))}.${tail}`],
    ['signature of another token', `${good.slice(0, good.lastIndexOf('.'))}.${withClaims({ jti: 'other' }).split('.')[2]}`],
    // The form.
    ['two dots', '..'],
    ['one dot', 'e30.e30'],
    ['no header', `.${body}.${tail}`],
    ['no claims', `${head}..${tail}`],
    ['no signature', `${head}.${body}.`],
    ['dot behind', `${good}.`],
    ['dots behind', `${good}...`],
    ['dot in front', `.${good}`],
    ['five parts', `${good}.e30.e30`],
    ['padding behind', `${good}==`],
    ['signature loosely encoded', `${head}.${body}.${loosely(tail)}`],
    ['header loosely encoded, signed so', signed(`${looseHeader}.${base64url(claimsText)}`)],
    ['claims loosely encoded, signed so', signed(`${base64url(headerText)}.${looseClaims}`)],
    ['standard base64', `${head}.${body}.${Buffer.alloc(64, 255).toString('base64').replace(/=+$/, '')}`],
    ['a token in a token', signTexts(eddsa, headerText, JSON.stringify(good))],
    ['a token as claims', signTexts(eddsa, JSON.stringify({ ...headerOf(eddsa), cty: 'JWT' }), good)],
    ['encrypted to nobody', `${base64url(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: eddsa.kid }))}..AAAA.AAAA.AAAA`],
    ['header no JSON', signTexts(eddsa, '{alg:EdDSA}', claimsText)],
    ['header a list', signTexts(eddsa, '[]', claimsText)],
    ['claims no JSON', signTexts(eddsa, headerText, 'username=ada')],
    ['claims a string', signTexts(eddsa, headerText, '"ada"')],
    ['claims null', signTexts(eddsa, headerText, 'null')],
    ['header with alg twice', signTexts(eddsa, headerText.replace('{', '{"alg":"none",'), claimsText)],
    ['claims with admin twice', withClaimsText('{', '{"admin":true,')],
    ['claims with sub twice, once escaped', withClaimsText('{', '{"\\u0073ub":"x",')],
    ['claims with a comment', withClaimsText('{', '{/**/')],
    ['claims deeply nested', withClaimsText('{', `{"x":${'['.repeat(200)}${']'.repeat(200)},`)],
    ['claims larger than a token may be', withClaims({ x: 'x'.repeat(9000) })],
    ['header larger than a token may be', withHeader({ x: 'x'.repeat(9000) })],
    // The type and extensions.
    ['typ missing', withHeader({ typ: undefined })],
    ['typ of an ID token', withHeader({ typ: 'JWT' })],
    ['typ of a logout token', withHeader({ typ: 'logout+jwt' })],
    ['typ a number', withHeader({ typ: 1 })],
    ['crit', withHeader({ crit: ['exp'] })],
    ['crit empty', withHeader({ crit: [] })],
    ['b64 false', withHeader({ b64: false })],
    ['b64 false and crit', withHeader({ b64: false, crit: ['b64'] })],
    // The claims.
    ['iss missing', without('iss')],
    ['iss of another', withClaims({ iss: 'https://evil.example' })],
    ['iss with a slash behind', withClaims({ iss: `${String(claims.iss)}/` })],
    ['iss a list', withClaims({ iss: [claims.iss] })],
    ['aud missing', without('aud')],
    ['aud of another', withClaims({ aud: 'gatehouse2' })],
    ['aud the beginning of ours', withClaims({ aud: 'gate' })],
    ['aud in other letters', withClaims({ aud: 'GATEHOUSE' })],
    ['aud an empty list', withClaims({ aud: [] })],
    ['aud a list of others', withClaims({ aud: ['a', 'b'] })],
    ['aud a list with a number', withClaims({ aud: [1, 'gatehouse'] })],
    ['aud a list in a list', withClaims({ aud: [['gatehouse']] })],
    ['aud an object', withClaims({ aud: { gatehouse: true } })],
    ['sub missing', without('sub')],
    ['sub empty', withClaims({ sub: '' })],
    ['sub a number', withClaims({ sub: 1 })],
    ['jti missing', without('jti')],
    ['sid missing', without('sid')],
    ['username missing', without('username')],
    ['roles a string', withClaims({ roles: 'admin' })],
    ['permissions missing', without('permissions')],
    ['permissions with a number', withClaims({ permissions: ['files:read', 1] })],
    ['admin a string', withClaims({ admin: 'true' })],
    ['exp missing', without('exp')],
    ['exp a string', withClaims({ exp: String(now + 600) })],
    ['exp a fraction', withClaims({ exp: now + 600.5 })],
    ['exp with an exponent', withClaimsText(/"exp":\d+/, '"exp":18e8')],
    ['exp huge', withClaimsText(/"exp":\d+/, '"exp":18446744073709551616')],
    ['exp without end', withClaimsText(/"exp":\d+/, '"exp":1e400')],
    ['exp at the end of 64 bits', withClaimsText(/"exp":\d+/, '"exp":9223372036854775807')],
    ['exp negative', withClaims({ exp: -1 })],
    ['exp null', withClaims({ exp: null })],
    ['exp before iat', withClaims({ exp: Number(claims.iat) - 1 })],
    ['expired', withClaims({ iat: now - 1000, exp: now - 31 })],
    ['iat missing', without('iat')],
    ['iat in the future', withClaims({ iat: now + 300, exp: now + 900 })],
    ['nbf in the future', withClaims({ nbf: now + 300 })],
    ['nbf a string', withClaims({ nbf: '0' })],
  ];
}
