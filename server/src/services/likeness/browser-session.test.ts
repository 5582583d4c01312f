import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RequestContext } from '../../domain/operation.ts';
import { cookieToken, ownPage, sessionCookie } from './browser-session.ts';

const ctx = (host: string, secureTransport: boolean, headers: Record<string, string>) =>
  ({ host, secureTransport, headers: { host, ...headers } }) as unknown as RequestContext;

describe('the cookie of a sign-in', () => {
  it('goes over TLS alone where the page was loaded so, also through a proxy that ends TLS', () => {
    for (const [host, secureTransport] of [['127.0.0.1:4748', true] as const, ['likeness.example', false] as const]) {
      const asked = ctx(host, secureTransport, { origin: `https://${host}`, 'sec-fetch-site': 'same-origin' });
      const cookie = sessionCookie(ownPage(asked), 'token')['set-cookie'] ?? '';
      assert.match(cookie, /^__Secure-likeness-session(-4748)?=token; Path=.*; HttpOnly; SameSite=Strict; Secure$/);
    }
  });

  it('is no page’s of plain HTTP where the request came over TLS', () => {
    assert.throws(() => ownPage(ctx('likeness.example', true, { origin: 'http://likeness.example' })), /own origin/);
  });

  it('is told from those of other ports, which a browser sends along', () => {
    const cookie = 'likeness-session-4803=theirs; likeness-session-47=short; likeness-session-4747=ours; other=x';
    const asked = ctx('127.0.0.1:4747', false, { origin: 'http://127.0.0.1:4747', cookie });
    assert.equal(cookieToken(ownPage(asked), asked), 'ours');
    assert.equal(cookieToken(ownPage(asked), ctx('127.0.0.1:4747', false, {})), '');
  });
});
