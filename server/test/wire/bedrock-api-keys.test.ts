import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BedrockClient, ListCustomModelsCommand, ListFoundationModelsCommand } from '@aws-sdk/client-bedrock';
import {
  CreateServiceSpecificCredentialCommand,
  DeleteServiceSpecificCredentialCommand,
  DeleteUserCommand,
  ListServiceSpecificCredentialsCommand,
  ResetServiceSpecificCredentialCommand,
  UpdateServiceSpecificCredentialCommand,
} from '@aws-sdk/client-iam';
import { systemTime } from '../../src/adapters/system.ts';
import { ACCOUNT, type Credentials, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { presignByHand } from '../support/signing.ts';
import { allow, makeUser, refused } from './access-support.ts';

const ServiceName = 'bedrock.amazonaws.com';

describe('Bedrock API keys', () => {
  let server: TestServer;
  let iam: TestClients['iam'];
  let holder: Credentials;
  let ahead = 0;
  const time = { ...systemTime(), now: () => new Date(Date.now() + ahead) };
  const made: BedrockClient[] = [];

  before(async () => {
    server = await startServer({ overrides: { time } });
    ({ iam } = server.clients());
    holder = await makeUser(server, 'holder', allow(['bedrock:CallWithBearerToken', 'bedrock:ListFoundationModels']));
  });
  after(async () => {
    for (const client of made) client.destroy();
    await server.close();
  });

  /** The SDK's own client with nothing but a token. */
  const bearer = (token: string) => {
    const client = new BedrockClient({
      ...{ endpoint: server.endpoint, region: 'us-east-1', maxAttempts: 1 },
      token: { token },
      authSchemePreference: ['httpBearerAuth'],
    });
    made.push(client);
    return client;
  };
  const list = (token: string) => bearer(token).send(new ListFoundationModelsCommand({}));
  const shortTerm = (options: { credentials?: Credentials; expires?: string; service?: string; at?: Date } = {}) => {
    const { credentials = holder, expires = '3600', service = 'bedrock' } = options;
    const target = presignByHand({
      ...{ method: 'POST', target: '/?Action=CallWithBearerToken', host: 'bedrock.amazonaws.com' },
      ...{ service, credentials, expires },
      ...(options.at && { at: options.at }),
    });
    return `bedrock-api-key-${Buffer.from(`bedrock.amazonaws.com${target}&Version=1`).toString('base64')}`;
  };
  const newKey = async (UserName = 'holder', CredentialAgeDays?: number) => {
    const { ServiceSpecificCredential } = await iam.send(
      new CreateServiceSpecificCredentialCommand({
        UserName,
        ServiceName,
        ...(CredentialAgeDays && { CredentialAgeDays }),
      }),
    );
    assert.ok(ServiceSpecificCredential?.ServiceCredentialSecret);
    return {
      id: ServiceSpecificCredential.ServiceSpecificCredentialId ?? '',
      secret: ServiceSpecificCredential.ServiceCredentialSecret,
    };
  };

  it('a long-term key calls Bedrock as its user', async () => {
    const { id, secret } = await newKey();
    assert.match(secret, /^ABSK/);
    assert.ok((await list(secret)).modelSummaries?.length);
    await refused(
      bearer(secret).send(new ListCustomModelsCommand({})),
      'AccessDeniedException',
      403,
      'ListCustomModels',
    );
    const shown = await iam.send(new ListServiceSpecificCredentialsCommand({ UserName: 'holder', ServiceName }));
    const [row] = shown.ServiceSpecificCredentials ?? [];
    assert.equal(row?.Status, 'Active');
    assert.match(row?.ServiceCredentialAlias ?? '', new RegExp(`^BedrockAPIKey-[a-z0-9]+-at-${ACCOUNT}$`));
    assert.ok(!JSON.stringify(shown).includes(secret));
    const remove = { UserName: 'holder', ServiceSpecificCredentialId: id };
    await iam.send(new DeleteServiceSpecificCredentialCommand(remove));
    await refused(list(secret), 'AccessDeniedException', 403, 'make sure your API Key is valid');
    await refused(iam.send(new DeleteServiceSpecificCredentialCommand(remove)), 'NoSuchEntityException', 404);
  });

  it('a key is switched off, reset, and expires', async () => {
    const { id, secret } = await newKey('holder', 30);
    const named = { UserName: 'holder', ServiceSpecificCredentialId: id };
    await iam.send(new UpdateServiceSpecificCredentialCommand({ ...named, Status: 'Inactive' }));
    await refused(list(secret), 'AccessDeniedException', 403);
    await iam.send(new UpdateServiceSpecificCredentialCommand({ ...named, Status: 'Active' }));
    await list(secret);
    const reset = await iam.send(new ResetServiceSpecificCredentialCommand(named));
    const renewed = reset.ServiceSpecificCredential?.ServiceCredentialSecret ?? '';
    await refused(list(secret), 'AccessDeniedException', 403);
    await list(renewed);
    ahead = 31 * 24 * 3_600_000;
    await refused(list(renewed), 'AccessDeniedException', 403, 'expired');
    ahead = 0;
    await iam.send(new DeleteServiceSpecificCredentialCommand(named));
  });

  it('a user has two at most, of Bedrock only, and is not deleted before them', async () => {
    await makeUser(server, 'keeper');
    const { id } = await newKey('keeper');
    await newKey('keeper');
    await refused(newKey('keeper'), 'LimitExceededException', 409);
    const other = { UserName: 'keeper', ServiceName: 'codecommit.amazonaws.com' };
    await refused(iam.send(new CreateServiceSpecificCredentialCommand(other)), 'ServiceNotSupportedException', 404);
    await refused(
      iam.send(new DeleteServiceSpecificCredentialCommand({ UserName: 'holder', ServiceSpecificCredentialId: id })),
      'NoSuchEntityException',
      404,
    );
    await refused(iam.send(new DeleteUserCommand({ UserName: 'keeper' })), 'DeleteConflictException', 409);
  });

  it('the keys of all users are listed in pages, to whoever may list those of any user', async () => {
    const own = allow('iam:ListServiceSpecificCredentials', `arn:aws:iam::${ACCOUNT}:user/lister`);
    const lister = await makeUser(server, 'lister', own);
    await newKey('lister');
    const shown: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await iam.send(
        new ListServiceSpecificCredentialsCommand({ AllUsers: true, ServiceName, MaxItems: 1, Marker }),
      );
      shown.push(...(page.ServiceSpecificCredentials ?? []).map(row => row.UserName ?? ''));
      Marker = page.Marker;
    } while (Marker !== undefined);
    assert.deepEqual(shown.sort(), ['keeper', 'keeper', 'lister']);
    await refused(
      server.clients({ credentials: lister }).iam.send(new ListServiceSpecificCredentialsCommand({ AllUsers: true })),
      'AccessDenied',
      403,
    );
    const both = new ListServiceSpecificCredentialsCommand({ AllUsers: true, UserName: 'lister' });
    await refused(iam.send(both), 'ValidationError', 400, 'AllUsers');
  });

  it('a key needs bedrock:CallWithBearerToken', async () => {
    const plain = await makeUser(server, 'plain', allow('bedrock:ListFoundationModels'));
    const { secret } = await newKey('plain');
    await refused(list(secret), 'AccessDeniedException', 403, 'bedrock:CallWithBearerToken');
    await refused(list(shortTerm({ credentials: plain })), 'AccessDeniedException', 403, 'bedrock:CallWithBearerToken');
  });

  it('bedrock:BearerTokenType tells long-term keys from short-term ones', async () => {
    const longTerm = { Condition: { StringEquals: { 'bedrock:BearerTokenType': 'LONG_TERM' } } };
    const both = allow(['bedrock:CallWithBearerToken', 'bedrock:ListFoundationModels']);
    const denied = { ...allow('bedrock:CallWithBearerToken', '*', longTerm), Effect: 'Deny' };
    const credentials = await makeUser(server, 'short-only', both, denied);
    const { secret } = await newKey('short-only');
    await refused(list(secret), 'AccessDeniedException', 403, 'explicit deny');
    assert.ok((await list(shortTerm({ credentials }))).modelSummaries?.length);
  });

  it('a short-term key is a presigned URL, and lives twelve hours at most', async () => {
    assert.ok((await list(shortTerm())).modelSummaries?.length);
    const stale = shortTerm({ at: new Date(Date.now() - 2 * 3_600_000) });
    await refused(list(stale), 'AccessDeniedException', 403, 'expired');
    for (const token of [
      shortTerm({ expires: '50000' }),
      shortTerm({ service: 's3' }),
      shortTerm({ credentials: { ...holder, secretAccessKey: 'another' } }),
      shortTerm().slice(0, -20),
      'ABSKnonsense',
      'nonsense',
    ])
      await refused(list(token), 'AccessDeniedException', 403);
  });

  it('no other service takes a key', async () => {
    const { status } = await fetch(`${server.endpoint}/`, { headers: { authorization: `Bearer ${shortTerm()}` } });
    assert.equal(status, 404);
  });
});
