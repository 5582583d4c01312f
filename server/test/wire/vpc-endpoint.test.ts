import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CreateBucketCommand, ListObjectsV2Command, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { readConfig } from '../../src/config.ts';
import { parseNetworks } from '../../src/domain/vpc-networks.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { signByHand } from '../support/signing.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';
import { allow, document, makeUser, refused } from './access-support.ts';

const ENDPOINT = 'vpce-0123456789abcdef0';
const OTHER = 'vpce-00000000000000001';

describe('private endpoints', () => {
  let server: TestServer;
  let folder: string;
  let port: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-vpce-'));
    port = await freePort();
    // What a killed server leaves behind: a socket file that nobody serves.
    await abandonedSocket(join(folder, 'socket'));
    const vpcEndpoints = { [ENDPOINT]: { path: join(folder, 'socket') }, [OTHER]: { host: '127.0.0.1', port } };
    const vpcNetworks = parseNetworks(
      'networks',
      { lab: `subnet-1+sg-1+${ENDPOINT}`, office: `subnet-2+sg-2+${OTHER}` },
      [ENDPOINT, OTHER],
    );
    server = await startServer({ config: { vpcEndpoints, vpcNetworks } });
    const { s3 } = server.clients();
    await s3.send(new CreateBucketCommand({ Bucket: 'private-bucket' }));
    const Policy = document({
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:ListBucket',
      Resource: 'arn:aws:s3:::private-bucket',
      Condition: { StringNotEquals: { 'aws:SourceVpce': ENDPOINT } },
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket: 'private-bucket', Policy }));
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  it('a policy lets in those who come through the endpoint that it names, and no others', async () => {
    const reader = await makeUser(server, 'reader', allow('s3:ListBucket'));
    const list = new ListObjectsV2Command({ Bucket: 'private-bucket' });
    await refused(server.clients({ credentials: reader }).s3.send(list), 'AccessDenied', 403, 'explicit deny');
    const other = new S3Client({
      ...{ endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials: reader },
      ...{ forcePathStyle: true, maxAttempts: 1 },
    });
    await refused(other.send(list), 'AccessDenied', 403, 'explicit deny');
    other.destroy();
    const through = signByHand({ target: '/private-bucket?list-type=2', host: 'localhost', credentials: reader });
    assert.equal(await overSocket(join(folder, 'socket'), through), 200);
  });

  it('a job reads and writes through the endpoint of the network that its vpcConfig means', async () => {
    const clients = server.clients();
    const roleArn = await putRole(clients, 'trains-privately');
    const vpc = (number: number) => ({ subnetIds: [`subnet-${number}`], securityGroupIds: [`sg-${number}`] });
    await putDataSet(clients, 'set-of-the-lab');
    await putDataSet(clients, 'set-of-the-office');
    for (const [bucket, endpoint] of [
      ['set-of-the-lab', ENDPOINT],
      ['set-of-the-office', OTHER],
    ] as const) {
      const Policy = document({
        ...{ Effect: 'Deny', Principal: '*', Action: ['s3:GetObject', 's3:PutObject'] },
        Resource: `arn:aws:s3:::${bucket}/*`,
        Condition: { StringNotEquals: { 'aws:SourceVpce': endpoint } },
      });
      await clients.s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    }
    // One over a Unix socket, one over an address.
    for (const [bucket, number] of [
      ['set-of-the-lab', 1],
      ['set-of-the-office', 2],
    ] as const) {
      const jobArn = await createJob(clients, bucket, roleArn, { vpcConfig: vpc(number) });
      const job = await endedJob(clients, jobArn);
      assert.deepEqual([job.status, job.failureMessage], ['Completed', undefined]);
    }
    const other = await putRole(clients, 'trains-publicly');
    const job = await endedJob(clients, await createJob(clients, 'set-of-the-lab', other, { name: 'public' }));
    assert.equal(job.status, 'Failed');
    await refused(
      createJob(clients, 'set-of-the-lab', roleArn, { name: 'public-2', vpcConfig: vpc(3) }),
      ...(['ValidationException', 400, 'belongs to no network'] as const),
    );
  });

  it('a client cannot claim to have come through one', async () => {
    const headers: [string, string][] = [['x-amz-source-vpce', ENDPOINT]];
    const request = signByHand({
      target: '/private-bucket?list-type=2',
      host: 'localhost',
      credentials: ROOT,
      headers,
    });
    const { status } = await fetch(`${server.endpoint}${request.target}`, {
      headers: Object.fromEntries(request.headers.filter(([name]) => name !== 'host')),
    });
    assert.equal(status, 403);
  });

  it('the setting is refused where it is out of form', () => {
    for (const text of ['vpce-1=unix:/a', `${ENDPOINT}=unix:a`, `${ENDPOINT}=10.0.0.1`, `${ENDPOINT}=10.0.0.1:70000`])
      assert.throws(() => readConfig({ LIKENESS_VPC_ENDPOINTS: text }), /LIKENESS_VPC_ENDPOINTS must/, text);
    const { vpcEndpoints } = readConfig({ LIKENESS_VPC_ENDPOINTS: `${ENDPOINT}=unix:/run/a,${OTHER}=[::1]:4750` });
    assert.deepEqual(vpcEndpoints, { [ENDPOINT]: { path: '/run/a' }, [OTHER]: { host: '::1', port: 4750 } });
  });
});

function overSocket(socketPath: string, request: ReturnType<typeof signByHand>): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = Object.fromEntries(request.headers);
    const sent = http.request({ socketPath, path: request.target, method: request.method, headers }, answer => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}

async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as net.AddressInfo;
  await new Promise(resolve => probe.close(resolve));
  return port;
}

/** Binds a socket in a process that is killed: the file stays. */
async function abandonedSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise(resolve => spawn(process.execPath, ['-e', script]).once('exit', resolve));
}
