import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { send } from '../support/raw-http.ts';
import { callRoute } from '../support/routes.ts';
import { type Credentials, ROOT, startServer, type TestServer } from '../support/server.ts';
import { signByHand } from '../support/signing.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';
import { makeUser } from './access-support.ts';

describe('the routes of a job', () => {
  let server: TestServer;
  let nobody: Credentials;
  let jobId: string;

  before(async () => {
    server = await startServer({
      overrides: { compute: createInProcessCompute({ slots: 1, millisecondsAStep: 2 }) },
    });
    nobody = await makeUser(server, 'nobody');
    const clients = server.clients();
    const roleArn = await putRole(clients, 'trainer');
    await putDataSet(clients, 'watched');
    const hyperParameters = { validationInterval: '10', rank: '4' };
    const jobArn = await createJob(clients, 'watched', roleArn, { hyperParameters });
    await endedJob(clients, jobArn);
    jobId = jobArn.slice(-12);
  });
  after(() => server.close());

  it('advise, with the numbers that led to it and the hyperparameters as given and as applied', async () => {
    const { status, json } = await callRoute(server, 'GET', `/jobs/${jobId}/advice`);
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal(json.advice, 'moreSteps');
    assert.equal(json.numbers.lastStep, 20);
    assert.deepEqual([json.hyperParameters.given.rank, json.hyperParameters.applied.rank], ['4', 4]);
    assert.deepEqual(
      json.evaluations.map((evaluation: { step: number }) => evaluation.step),
      [0, 10, 20],
    );
    assert.ok(!JSON.stringify(json).includes('evaluations/step'));
  });

  it('send the events as they come, and the end; a client goes on from the last id', async () => {
    const stream = async (target: string) => {
      const request = signByHand({
        ...{ method: 'GET', region: 'us-east-1', service: 'likeness', host: `127.0.0.1:${server.port}` },
        ...{ target, body: '', credentials: ROOT, say: {} },
      });
      return send(server.port, request);
    };
    const whole = await stream(`/_likeness/v1/jobs/${jobId}/events`);
    assert.equal(whole.headers['content-type'], 'text/event-stream');
    assert.equal(whole.body.match(/^event: step$/gm)?.length, 20);
    assert.equal(whole.body.match(/^event: evaluation$/gm)?.length, 3);
    assert.match(whole.body, /event: end\ndata: {"status":"Completed"}\n\n/);
    const id = /^id: (.*)$/m.exec(whole.body)?.[1] ?? '';
    const rest = await stream(`/_likeness/v1/jobs/${jobId}/events?after=${encodeURIComponent(id)}`);
    assert.deepEqual(rest.body.match(/^event: .*$/gm), ['event: end']);
  });

  it('refuse what is not there, not allowed or not a position', async () => {
    const absent = await callRoute(server, 'GET', '/jobs/aaaaaaaaaaaa/advice');
    assert.deepEqual([absent.status, absent.json.__type], [404, 'ResourceNotFoundException']);
    const elsewhere = await callRoute(server, 'GET', `/jobs/${jobId}/advice`, { region: 'eu-west-1' });
    assert.equal(elsewhere.status, 404);
    for (const route of ['advice', 'events']) {
      const denied = await callRoute(server, 'GET', `/jobs/${jobId}/${route}`, { credentials: nobody });
      assert.deepEqual([denied.status, denied.json.__type], [403, 'AccessDeniedException']);
    }
    const odd = await callRoute(server, 'GET', `/jobs/${jobId}/events?after=soon`);
    assert.deepEqual([odd.status, odd.json.__type], [400, 'ValidationException']);
  });
});
