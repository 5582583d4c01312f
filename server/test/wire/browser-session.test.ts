import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateLoginProfileCommand,
  CreateUserCommand,
  DeleteLoginProfileCommand,
  DeleteUserCommand,
  UpdateLoginProfileCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { systemTime } from '../../src/adapters/system.ts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';

const PASSWORD = 'Correct-Horse-7';
const COOKIE = /^likeness-session-\d+=([\w-]{43}); Path=\/_likeness\/v1\/sign-in\/session; HttpOnly; SameSite=Strict$/;

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever a route answers
  json: any;
  /** Of the cookie, as a browser would send it: `name=token`. */
  cookie: string;
  setCookie: string;
}

describe('a sign-in that outlives a reload', () => {
  let server: TestServer;
  let ahead = 0;
  const time = { ...systemTime(), now: () => new Date(Date.now() + ahead) };
  before(async () => {
    server = await startServer({ overrides: { time } });
  });
  after(() => server.close());

  /** As a page of the console asks. @param headers what is sent in their place; '' leaves one out */
  async function ask(path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
    const sent = { origin: server.endpoint, 'sec-fetch-site': 'same-origin', ...headers };
    const answer = await fetch(`${server.endpoint}/_likeness/v1${path}`, {
      method: 'POST',
      headers: Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== '')),
      body: JSON.stringify(body),
    });
    const setCookie = answer.headers.get('set-cookie') ?? '';
    const cookie = setCookie.split(';', 1)[0] ?? '';
    return { status: answer.status, json: await answer.json(), cookie, setCookie };
  }
  const signIn = async (userName: string) => {
    const body = { account: ACCOUNT, userName, password: PASSWORD, keepInBrowser: true };
    const { status, json, cookie, setCookie } = await ask('/sign-in', body);
    assert.equal(status, 200, JSON.stringify(json));
    return { json, cookie, setCookie, sessionKey: json.sessionKey as string };
  };
  const makePerson = async (name: string) => {
    await server.clients().iam.send(new CreateUserCommand({ UserName: name }));
    await server.clients().iam.send(new CreateLoginProfileCommand({ UserName: name, Password: PASSWORD }));
  };
  const resume = (kept: { sessionKey: string; cookie: string }, headers: Record<string, string> = {}) =>
    ask('/sign-in/session', { sessionKey: kept.sessionKey }, { cookie: kept.cookie, ...headers });
  const later = async (milliseconds: number, run: () => Promise<void>) => {
    ahead += milliseconds;
    await run().finally(() => {
      ahead -= milliseconds;
    });
  };
  const arnOf = async ({ accessKeyId, secretAccessKey, sessionToken }: Record<string, string>) => {
    const credentials = { accessKeyId: accessKeyId ?? '', secretAccessKey: secretAccessKey ?? '', sessionToken };
    return (await server.clients({ credentials } as never).sts.send(new GetCallerIdentityCommand({}))).Arn;
  };

  it('is resumed with a cookie that no script reads and the key beside it, and gets another cookie each time', async () => {
    await makePerson('ada');
    const first = await signIn('ada');
    assert.match(first.setCookie, COOKIE);
    assert.equal(first.json.refreshToken, undefined, 'what renews the session is in no answer');
    assert.ok(!JSON.stringify(first.json).includes(first.cookie.split('=')[1] ?? ''));
    const second = await resume(first);
    assert.equal(second.status, 200, JSON.stringify(second.json));
    assert.match(second.setCookie, COOKIE);
    assert.notEqual(second.cookie, first.cookie);
    assert.equal(second.json.userName, 'ada');
    assert.equal(await arnOf(second.json.credentials), `arn:aws:iam::${ACCOUNT}:user/ada`);
    await later(11.5 * 3_600_000, async () => {
      const third = await resume({ ...second, sessionKey: first.sessionKey });
      const left = Date.parse(third.json.credentials.expiration) - time.now().getTime();
      assert.ok(left < 31 * 60_000, 'not beyond twelve hours after signing in');
    });
  });

  it('by a link is the root user’s', async () => {
    const { json: made } = await callRoute(server, 'POST', '/sign-in-links');
    const linked = await ask('/sign-in-link', { token: made.token, keepInBrowser: true });
    const resumed = await resume({ sessionKey: linked.json.sessionKey, cookie: linked.cookie });
    assert.equal(await arnOf(resumed.json.credentials), `arn:aws:iam::${ACCOUNT}:root`);
    const { json: again } = await callRoute(server, 'POST', '/sign-in-links');
    const byScript = await ask('/sign-in-link', { token: again.token }, { origin: '', 'sec-fetch-site': '' });
    assert.deepEqual([byScript.status, byScript.setCookie, byScript.json.sessionKey], [200, '', undefined]);
  });

  it('is refused to any page but one of this origin, and neither password nor link is used up for it', async () => {
    const { json: made } = await callRoute(server, 'POST', '/sign-in-links');
    const kept = await signIn('ada');
    const otherPort = server.endpoint.replace(/\d+$/, '9');
    for (const headers of [
      { origin: '' },
      { origin: 'null' },
      { origin: 'http://evil.example' },
      { origin: otherPort, 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'none' },
    ]) {
      const refusals = [
        await resume(kept, headers),
        await ask('/sign-in/session/end', { sessionKey: kept.sessionKey }, { cookie: kept.cookie, ...headers }),
        await ask('/sign-in-link', { token: made.token, keepInBrowser: true }, headers),
      ];
      for (const { status, setCookie } of refusals)
        assert.deepEqual([status, setCookie], [403, ''], JSON.stringify(headers));
    }
    assert.equal((await resume(kept)).status, 200);
    assert.equal((await ask('/sign-in-link', { token: made.token, keepInBrowser: true })).status, 200);
  });

  it('needs both halves, each from its own place', async () => {
    const [kept, other] = [await signIn('ada'), await signIn('ada')];
    const token = kept.cookie.split('=')[1] ?? '';
    assert.equal((await ask('/sign-in/session', {}, { cookie: kept.cookie })).status, 400);
    for (const path of ['/sign-in/refresh', '/sign-in-link']) {
      const body = { refreshToken: token, token };
      assert.equal((await ask(path, body, { cookie: kept.cookie })).status, 403, path);
    }
    // The key of one with the cookie of the other, which is not harmed.
    assert.equal((await resume({ sessionKey: kept.sessionKey, cookie: other.cookie })).status, 403);
    assert.equal((await resume(other)).status, 200);
    assert.equal((await resume(kept)).status, 403, 'a key that came with a strange cookie is worth nothing any more');
  });

  it('takes the cookie before the newest for a minute, as two tabs may ask at once, and then ends for good', async () => {
    const kept = await signIn('ada');
    const [left, right] = await Promise.all([resume(kept), resume(kept)]);
    assert.deepEqual([left.status, right.status, left.cookie], [200, 200, right.cookie]);
    await later(61_000, async () => {
      const stolen = await resume(kept);
      assert.deepEqual([stolen.status, stolen.json.__type], [403, 'ExpiredTokenException']);
      assert.equal((await resume({ ...kept, cookie: left.cookie })).status, 403);
    });
  });

  it('ends when its person signs out', async () => {
    const [kept, other] = [await signIn('ada'), await signIn('ada')];
    const end = (cookie: string) => ask('/sign-in/session/end', { sessionKey: kept.sessionKey }, { cookie });
    const { status, setCookie } = await end(kept.cookie);
    assert.equal(status, 200);
    assert.match(setCookie, /^likeness-session-\d+=; .*Max-Age=0$/);
    assert.equal((await resume(kept)).status, 403);
    assert.equal((await end(other.cookie)).setCookie, '', 'another sign-in’s cookie stays');
    assert.equal((await resume(other)).status, 200);
  });

  it('ends with the password that began it, and with the user', async () => {
    const { iam } = server.clients();
    await makePerson('grace');
    const kept = await signIn('grace');
    await later(1000, async () => {
      await iam.send(new UpdateLoginProfileCommand({ UserName: 'grace', Password: `${PASSWORD}!` }));
      assert.equal((await resume(kept)).status, 403);
      await iam.send(new UpdateLoginProfileCommand({ UserName: 'grace', Password: PASSWORD }));
    });
    await later(2000, async () => {
      const again = await signIn('grace');
      await iam.send(new DeleteLoginProfileCommand({ UserName: 'grace' }));
      assert.equal((await resume(again)).status, 403);
    });
    await makePerson('alan');
    const deleted = await signIn('alan');
    await iam.send(new DeleteLoginProfileCommand({ UserName: 'alan' }));
    await iam.send(new DeleteUserCommand({ UserName: 'alan' }));
    await makePerson('alan');
    assert.equal((await resume(deleted)).status, 403, 'who has the name now is another');
  });

  it('ends when the account is disabled, also where it is enabled again', async () => {
    const accountId = '444455556666';
    const { json: account } = await callRoute(server, 'POST', '/accounts', { body: { accountId } });
    const { json: made } = await callRoute(server, 'POST', '/sign-in-links', { credentials: account });
    const linked = await ask('/sign-in-link', { token: made.token, keepInBrowser: true });
    assert.deepEqual([linked.status, linked.json.accountId], [200, accountId]);
    for (const word of ['disable', 'enable'])
      assert.equal((await callRoute(server, 'POST', `/accounts/${accountId}/${word}`)).status, 200);
    assert.equal((await resume({ sessionKey: linked.json.sessionKey, cookie: linked.cookie })).status, 403);
  });

  it('survives a restart of the service', async () => {
    const first = await startServer({});
    const origin = first.endpoint;
    const post = (path: string, body: object, cookie: string) =>
      fetch(`${origin}/_likeness/v1${path}`, {
        method: 'POST',
        headers: { origin, cookie },
        body: JSON.stringify(body),
      });
    const linked = await post('/sign-in-link', { token: first.signInToken, keepInBrowser: true }, '');
    const { sessionKey } = (await linked.json()) as { sessionKey: string };
    const cookie = linked.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
    await first.close({ keepData: true });
    const second = await startServer({ dataDirectory: first.dataDirectory, config: { port: first.port } });
    assert.equal((await post('/sign-in/session', { sessionKey }, cookie)).status, 200);
    await second.close();
  });
});
