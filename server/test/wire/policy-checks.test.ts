import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CreatePolicyCommand, CreateRoleCommand, ListRolesCommand } from '@aws-sdk/client-iam';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, makeUser } from './access-support.ts';

describe('a policy that is checked and not saved', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  const statement = (change: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...change }] });
  const bedrock = { Principal: { Service: 'bedrock.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const read = { Action: 's3:GetObject', Resource: '*' };
  const check = async (kind: string, document: string) => {
    const { status, json } = await callRoute(server, 'POST', '/policies/check', { body: { kind, document } });
    assert.equal(status, 200, JSON.stringify(json));
    return json.problem as string | null;
  };

  it('has no problem where IAM takes it, and nothing is made of it', async () => {
    assert.equal(await check('trust', statement(bedrock)), null);
    assert.equal(await check('identity', statement(read)), null);
    assert.deepEqual((await server.clients().iam.send(new ListRolesCommand({}))).Roles, []);
  });

  it('has the problem that saving it has, word for word', async () => {
    const { iam } = server.clients();
    const faulty: [kind: 'trust' | 'identity', document: string, problem: RegExp][] = [
      ['trust', '{', /invalid Json/],
      ['trust', statement(read), /may only specify STS AssumeRole actions/],
      ['trust', statement({ ...bedrock, Resource: '*' }), /prohibited field Resource/],
      ['trust', statement({ Action: 'sts:AssumeRole' }), /Missing required field Principal/],
      [
        'trust',
        statement({ ...bedrock, Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/none` } }),
        /Invalid principal/,
      ],
      ['trust', statement({ ...bedrock, Sid: 'a'.repeat(5000) }), /Cannot exceed quota for ACLSizePerRole: 4096/],
      ['identity', statement({ ...read, Sid: 'not-alphanumeric' }), /must be alpha-numeric/],
      ['identity', statement({ ...read, Principal: '*' }), /should not specify a principal/],
      ['identity', statement({ ...read, Sid: 'a'.repeat(7000) }), /Cannot exceed quota for PolicySize: 6144/],
    ];
    for (const [kind, document, wanted] of faulty) {
      const problem = await check(kind, document);
      assert.match(problem ?? '', wanted);
      const save =
        kind === 'trust'
          ? iam.send(new CreateRoleCommand({ RoleName: 'one', AssumeRolePolicyDocument: document }))
          : iam.send(new CreatePolicyCommand({ PolicyName: 'one', PolicyDocument: document }));
      await assert.rejects(save, { message: problem });
    }
  });

  it('is refused with the member, and to whoever may not check', async () => {
    const cases: [object, RegExp][] = [
      [{ document: '{}' }, /kind must be one of identity, trust; you sent undefined/],
      [{ kind: 'resource', document: '{}' }, /kind must be .*"resource"/],
      [{ kind: 'trust', document: {} }, /document must be a string/],
    ];
    for (const [body, message] of cases) {
      const { status, json } = await callRoute(server, 'POST', '/policies/check', { body });
      assert.deepEqual([status, json.__type], [400, 'ValidationException']);
      assert.match(json.message, message);
    }
    const credentials = await makeUser(server, 'clerk', allow('likeness:GetUsage', '*'));
    const body = { kind: 'trust', document: '{}' };
    const denied = await callRoute(server, 'POST', '/policies/check', { body, credentials });
    assert.deepEqual([denied.status, denied.json.__type], [403, 'AccessDeniedException']);
  });
});
