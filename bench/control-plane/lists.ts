/**
 * What a page of each list costs at 1,000 and at 100,000 rows, through HTTP and the SDK:
 *
 *   node bench/control-plane/lists.ts [part of a list's name]
 *
 * Pages of 20 are asked for at the same positions at both sizes. The positions are those of the thousand rows, and the
 * 99,000 that come later sort before them: so the first page is at the head of either list, and all others are at the tail.
 * Prints a table of the 95th percentiles and fails where one grows by more than half. It is the processor time of client and
 * server together that is compared, since nothing else that runs on the machine adds to it; the time on the clock stands
 * beside it. The rows are copies of one that was
 * made through the API; no loop of the server touches them.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as bedrock from '@aws-sdk/client-bedrock';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as s3 from '@aws-sdk/client-s3';
import {
  ACCOUNT,
  type BedrockServer,
  createModel,
  makeServiceRole,
  startBedrock,
  TITAN_ARN,
} from '../../server/test/wire/bedrock-server.ts';
import { startS3 } from '../../server/test/wire/s3-server.ts';
import type { Table } from './copy-rows.ts';

const FEW = 1000;
const MANY = 100_000;
const PAGE = 20;
const PAGES = 150;
const ROUNDS = 4;
const ALLOWED_GROWTH = 1.5;
const COPY_ROWS = join(import.meta.dirname, 'copy-rows.ts');

interface List {
  name: string;
  /** One page. @returns the position of the next */
  page(position: string | undefined): Promise<string | undefined>;
}

interface Scenario {
  database: string;
  tables: readonly Table[];
  lists: readonly List[];
  /** More rows than this there may never be: parts of an upload. */
  most?: number;
}

/** In a process of its own: two libraries of SQLite in one process lose each other's locks. */
function copy(path: string, tables: readonly Table[], from: number, to: number): void {
  for (const table of tables) {
    const told = JSON.stringify([path, table, from, to]);
    const { status, stderr } = spawnSync(process.execPath, ['--no-warnings', COPY_ROWS, told]);
    if (status !== 0) throw new Error(`The rows of ${table.table} were not copied: ${stderr}`);
  }
}

/** The positions of all pages. */
async function walk(list: List): Promise<(string | undefined)[]> {
  const positions: (string | undefined)[] = [undefined];
  for (let next = await list.page(undefined); next !== undefined; next = await list.page(next)) positions.push(next);
  return positions;
}

interface Cost {
  processorMilliseconds: number;
  wallMilliseconds: number;
}

/** The 95th percentiles of a page, in the best of some rounds: a collection of garbage may fall into any of them. */
async function measure(list: List, positions: readonly (string | undefined)[]): Promise<Cost> {
  const rounds: Cost[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measureRound(list, positions));
  return rounds.reduce((best, cost) => (cost.processorMilliseconds < best.processorMilliseconds ? cost : best));
}

async function measureRound(list: List, positions: readonly (string | undefined)[]): Promise<Cost> {
  const processor: number[] = [];
  const wall: number[] = [];
  for (let page = 0; page < PAGES; page++) {
    const startedAt = performance.now();
    const before = process.cpuUsage();
    await list.page(positions[page % positions.length]);
    const { user, system } = process.cpuUsage(before);
    processor.push((user + system) / 1000);
    wall.push(performance.now() - startedAt);
  }
  return { processorMilliseconds: percentile95(processor), wallMilliseconds: percentile95(wall) };
}

function percentile95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.95)] ?? 0;
}

async function s3Scenarios(server: Awaited<ReturnType<typeof startS3>>): Promise<Scenario[]> {
  const client = server.client();
  const [Bucket, Key, MaxKeys] = ['bench-lists', 'k', PAGE];
  await client.send(new s3.CreateBucketCommand({ Bucket }));
  await client.send(new s3.PutObjectCommand({ Bucket, Key, Body: 'x' }));
  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }));
  await client.send(new s3.UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
  const database = join(server.folder, 'likeness.sqlite');
  return [
    {
      database,
      tables: [{ table: 's3_buckets', where: `name = '${Bucket}'`, vary: { name: `'bucket-' || n` } }],
      lists: [
        {
          name: 'S3 ListBuckets',
          page: async ContinuationToken =>
            (await client.send(new s3.ListBucketsCommand({ MaxBuckets: PAGE, ContinuationToken }))).ContinuationToken,
        },
      ],
    },
    {
      database,
      tables: [{ table: 's3_versions', where: `key = '${Key}'`, vary: { key: `'k' || n`, object_id: `'o' || n` } }],
      lists: [
        {
          name: 'S3 ListObjectsV2',
          page: async ContinuationToken =>
            (await client.send(new s3.ListObjectsV2Command({ Bucket, MaxKeys, ContinuationToken })))
              .NextContinuationToken,
        },
        {
          name: 'S3 ListObjects',
          async page(Marker) {
            const answer = await client.send(new s3.ListObjectsCommand({ Bucket, MaxKeys, Marker }));
            return answer.IsTruncated ? answer.Contents?.at(-1)?.Key : undefined;
          },
        },
        {
          name: 'S3 ListObjectVersions',
          async page(position) {
            const [KeyMarker, VersionIdMarker] = position?.split(' ') ?? [];
            const input = { Bucket, MaxKeys, KeyMarker, VersionIdMarker };
            const answer = await client.send(new s3.ListObjectVersionsCommand(input));
            return answer.IsTruncated ? `${answer.NextKeyMarker} ${answer.NextVersionIdMarker}` : undefined;
          },
        },
      ],
    },
    {
      database,
      tables: [{ table: 's3_uploads', where: '1 = 1', vary: { key: `'k' || n`, upload_id: `'u' || n` } }],
      lists: [
        {
          name: 'S3 ListMultipartUploads',
          async page(position) {
            const [KeyMarker, UploadIdMarker] = position?.split(' ') ?? [];
            const input = { Bucket, MaxUploads: PAGE, KeyMarker, UploadIdMarker };
            const answer = await client.send(new s3.ListMultipartUploadsCommand(input));
            return answer.IsTruncated ? `${answer.NextKeyMarker} ${answer.NextUploadIdMarker}` : undefined;
          },
        },
      ],
    },
    {
      database,
      most: 9989,
      tables: [
        {
          table: 's3_segments',
          where: `owner_id = '${UploadId}'`,
          vary: { part_number: `case when n like 'x%' then 8990 + i else i - 999 end`, blob_id: `'b' || n` },
        },
      ],
      lists: [
        {
          name: 'S3 ListParts',
          async page(PartNumberMarker) {
            const input = { Bucket, Key, UploadId, MaxParts: PAGE, PartNumberMarker };
            const answer = await client.send(new s3.ListPartsCommand(input));
            return answer.IsTruncated ? answer.NextPartNumberMarker : undefined;
          },
        },
      ],
    },
  ];
}

async function iamScenarios(server: BedrockServer, database: string): Promise<Scenario[]> {
  const client = server.iam;
  const [MaxItems, name] = [PAGE, 'template'];
  const document = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' } };
  await client.send(new iam.CreateUserCommand({ UserName: name }));
  await makeServiceRole(client, name);
  await client.send(new iam.CreateGroupCommand({ GroupName: name }));
  await client.send(new iam.AddUserToGroupCommand({ GroupName: name, UserName: name }));
  await client.send(new iam.CreateInstanceProfileCommand({ InstanceProfileName: name }));
  const PolicyDocument = JSON.stringify(document);
  const { Policy } = await client.send(new iam.CreatePolicyCommand({ PolicyName: name, PolicyDocument }));
  const PolicyArn = Policy?.Arn ?? '';
  await client.send(new iam.AttachUserPolicyCommand({ UserName: name, PolicyArn }));
  const identities = (kind: string): Table => ({
    table: 'iam_identities',
    where: `kind = '${kind}' and name = '${name}'`,
    vary: { id: `'${kind}' || n`, name: `'x' || n`, name_key: `'x' || n` },
  });
  const list = (
    operation: string,
    send: (page: { MaxItems: number; Marker: string | undefined }) => Promise<{ Marker?: string | undefined }>,
  ): List => ({ name: `IAM ${operation}`, page: async Marker => (await send({ MaxItems, Marker })).Marker });
  return [
    {
      database,
      tables: [
        identities('user'),
        { table: 'iam_members', where: '1 = 1', vary: { user_id: `'user' || n` } },
        { table: 'iam_attachments', where: '1 = 1', vary: { identity_id: `'user' || n` } },
      ],
      lists: [
        list('ListUsers', page => client.send(new iam.ListUsersCommand(page))),
        list('GetGroup', page => client.send(new iam.GetGroupCommand({ ...page, GroupName: name }))),
        list('ListEntitiesForPolicy', page =>
          client.send(new iam.ListEntitiesForPolicyCommand({ ...page, PolicyArn })),
        ),
        list('GetAccountAuthorizationDetails', page =>
          client.send(new iam.GetAccountAuthorizationDetailsCommand(page)),
        ),
      ],
    },
    {
      database,
      tables: [identities('role')],
      lists: [list('ListRoles', page => client.send(new iam.ListRolesCommand(page)))],
    },
    {
      database,
      tables: [identities('group')],
      lists: [list('ListGroups', page => client.send(new iam.ListGroupsCommand(page)))],
    },
    {
      database,
      tables: [
        {
          table: 'iam_policies',
          where: `name = '${name}'`,
          vary: { id: `'p' || n`, name: `'x' || n`, arn: `'arn:aws:iam::${ACCOUNT}:policy/x' || n` },
        },
      ],
      lists: [list('ListPolicies', page => client.send(new iam.ListPoliciesCommand(page)))],
    },
    {
      database,
      tables: [
        {
          table: 'iam_instance_profiles',
          where: '1 = 1',
          vary: { id: `'i' || n`, name: `'x' || n`, name_key: `'x' || n` },
        },
      ],
      lists: [list('ListInstanceProfiles', page => client.send(new iam.ListInstanceProfilesCommand(page)))],
    },
  ];
}

async function kmsScenarios(server: BedrockServer, database: string): Promise<Scenario[]> {
  const client = server.kms;
  const { KeyMetadata } = await client.send(new kms.CreateKeyCommand({}));
  const KeyId = KeyMetadata?.KeyId ?? '';
  await client.send(new kms.CreateAliasCommand({ AliasName: 'alias/template', TargetKeyId: KeyId }));
  const principal = `arn:aws:iam::${ACCOUNT}:root`;
  const parties = { GranteePrincipal: principal, RetiringPrincipal: principal };
  // A key of its own: its hundred thousand aliases would be asked for with every use of the other.
  const { KeyMetadata: granted } = await client.send(new kms.CreateKeyCommand({}));
  const GrantedKeyId = granted?.KeyId ?? '';
  await client.send(new kms.CreateGrantCommand({ KeyId: GrantedKeyId, ...parties, Operations: ['Decrypt'] }));
  // A user's own grants are asked for by two names, as a session's are by three: the root user's by one.
  const UserName = 'keeper';
  await server.iam.send(new iam.CreateUserCommand({ UserName }));
  const document = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' } };
  const PolicyDocument = JSON.stringify(document);
  await server.iam.send(new iam.PutUserPolicyCommand({ UserName, PolicyName: UserName, PolicyDocument }));
  const { AccessKey } = await server.iam.send(new iam.CreateAccessKeyCommand({ UserName }));
  const user = server.kmsOf({
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  });
  const list = (
    operation: string,
    send: (page: { Limit: number; Marker: string | undefined }) => Promise<{ NextMarker?: string | undefined }>,
  ): List => ({ name: `KMS ${operation}`, page: async Marker => (await send({ Limit: PAGE, Marker })).NextMarker });
  return [
    {
      database,
      tables: [{ table: 'kms_keys', where: `key_id = '${KeyId}'`, vary: { key_id: `'k' || n` } }],
      lists: [list('ListKeys', page => client.send(new kms.ListKeysCommand(page)))],
    },
    {
      database,
      tables: [{ table: 'kms_aliases', where: '1 = 1', vary: { name: `'alias/' || n` } }],
      lists: [
        list('ListAliases', page => client.send(new kms.ListAliasesCommand(page))),
        list('ListAliases of a key', page => client.send(new kms.ListAliasesCommand({ ...page, KeyId }))),
      ],
    },
    {
      database,
      tables: [
        {
          table: 'kms_grants',
          where: `key_id = '${GrantedKeyId}'`,
          vary: { grant_id: `'g' || n`, grantee_principal: `'arn:aws:iam::${ACCOUNT}:user/' || n` },
        },
      ],
      lists: [
        list('ListGrants', page => user.send(new kms.ListGrantsCommand({ ...page, KeyId: GrantedKeyId }))),
        list('ListRetirableGrants', page =>
          client.send(new kms.ListRetirableGrantsCommand({ ...page, RetiringPrincipal: principal })),
        ),
      ],
    },
  ];
}

async function bedrockScenarios(server: BedrockServer, database: string): Promise<Scenario[]> {
  const client = server.control();
  const roleArn = await makeServiceRole(server.iam, 'bedrock-of-the-bench', { Condition: {} });
  const { modelArn } = await createModel(server, roleArn, 'template');
  const name = 'template';
  await client.send(
    new bedrock.CreateProvisionedModelThroughputCommand({
      provisionedModelName: name,
      modelId: modelArn,
      modelUnits: 1,
    }),
  );
  await client.send(new bedrock.CreateCustomModelDeploymentCommand({ modelDeploymentName: name, modelArn }));
  const s3Uri = 's3://a-bucket/batch/';
  await client.send(
    new bedrock.CreateModelInvocationJobCommand({
      ...{ jobName: name, roleArn, modelId: TITAN_ARN.replace('v1:0', 'v1') },
      inputDataConfig: { s3InputDataConfig: { s3Uri } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri } },
    }),
  );
  const list = (
    operation: string,
    send: (page: { maxResults: number; nextToken: string | undefined }) => Promise<{ nextToken?: string | undefined }>,
  ): List => ({
    name: `Bedrock ${operation}`,
    page: async nextToken => (await send({ maxResults: PAGE, nextToken })).nextToken,
  });
  const copies = (table: string, columns: readonly string[]): Table => ({
    table,
    where: '1 = 1',
    vary: {
      ...Object.fromEntries(columns.map(column => [column, `substr(template.${column}, 1, 5) || n`])),
      created_at: 'template.created_at + i',
    },
  });
  return [
    {
      database,
      tables: [copies('bedrock_jobs', ['job_id', 'job_name', 'custom_model_name'])],
      lists: [
        list('ListModelCustomizationJobs', page => client.send(new bedrock.ListModelCustomizationJobsCommand(page))),
      ],
    },
    {
      database,
      tables: [copies('bedrock_custom_models', ['model_id', 'model_arn', 'model_name', 'job_id'])],
      lists: [list('ListCustomModels', page => client.send(new bedrock.ListCustomModelsCommand(page)))],
    },
    {
      database,
      tables: [
        copies('bedrock_throughputs', ['provisioned_model_id', 'provisioned_model_arn', 'provisioned_model_name']),
      ],
      lists: [
        list('ListProvisionedModelThroughputs', page =>
          client.send(new bedrock.ListProvisionedModelThroughputsCommand(page)),
        ),
      ],
    },
    {
      database,
      tables: [copies('bedrock_deployments', ['deployment_id', 'deployment_arn', 'deployment_name'])],
      lists: [
        list('ListCustomModelDeployments', page => client.send(new bedrock.ListCustomModelDeploymentsCommand(page))),
      ],
    },
    {
      database,
      tables: [copies('bedrock_batch_jobs', ['job_id', 'job_arn', 'job_name'])],
      lists: [list('ListModelInvocationJobs', page => client.send(new bedrock.ListModelInvocationJobsCommand(page)))],
    },
  ];
}

/** @returns whether every list kept its cost */
async function run({ database, tables, lists, most = MANY }: Scenario, wanted: string): Promise<boolean> {
  const chosen = lists.filter(({ name }) => name.includes(wanted));
  if (chosen.length === 0) return true;
  copy(database, tables, 0, FEW);
  const few: { list: List; positions: (string | undefined)[]; before: Cost }[] = [];
  for (const list of chosen) {
    const positions = await walk(list);
    few.push({ list, positions, before: await measure(list, positions) });
  }
  copy(database, tables, FEW, most);
  let isSteady = true;
  for (const { list, positions, before } of few) {
    const after = await measure(list, positions);
    const growth = after.processorMilliseconds / before.processorMilliseconds;
    if (growth > ALLOWED_GROWTH) isSteady = false;
    const costs = [before, after].flatMap(cost => [cost.processorMilliseconds, cost.wallMilliseconds]);
    const figures = [...costs.map(cost => cost.toFixed(1)), growth.toFixed(2)].map(text => text.padStart(11));
    console.log(`${list.name.padEnd(36)} ${figures.join(' ')}${growth > ALLOWED_GROWTH ? '  grows' : ''}`);
  }
  return isSteady;
}

async function main(wanted: string): Promise<boolean> {
  const [ofS3, others] = [await startS3(), await startBedrock()];
  try {
    const database = join(others.folder, 'rows.sqlite');
    const scenarios = [
      ...(await s3Scenarios(ofS3)),
      ...(await iamScenarios(others, database)),
      ...(await kmsScenarios(others, database)),
      ...(await bedrockScenarios(others, database)),
    ];
    const heads = [FEW, FEW, MANY, MANY].map((rows, index) => `${rows} ${index % 2 === 0 ? 'cpu' : 'wall'}`);
    console.log(`p95 of a page of ${PAGE}, in ms`.padEnd(36), ...heads.map(head => head.padStart(11)), '      ratio');
    let isSteady = true;
    for (const scenario of scenarios) isSteady = (await run(scenario, wanted)) && isSteady;
    return isSteady;
  } finally {
    await ofS3.stop();
    await others.stop();
  }
}

process.exitCode = (await main(process.argv[2] ?? '')) ? 0 : 1;
