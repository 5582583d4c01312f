import { Fault } from '../domain/fault.ts';
import { networkOf, type VpcConfig, type VpcNetwork } from '../domain/vpc-networks.ts';
import type { RoleSession, RoleSessions } from '../ports/customer-data.ts';
import type { Time } from '../ports/time.ts';
import { JobFailure } from './job-failure.ts';

const SESSION_SECONDS = 3600;
/** A session with less than this left is renewed first, so that no call meets its end. */
const RENEW_BEFORE_SECONDS = 600;

/**
 * The service role of a job, assumed anew when its session nears the end.
 * @returns a function that gives a session good for at least ten minutes
 * @throws (the function) JobFailure when the role cannot be assumed (any more), or the job's network is gone
 */
export function serviceRole(
  job: {
    roleArn: string;
    accountId: string;
    region: string;
    jobArn: string;
    jobId: string;
    vpcConfig: VpcConfig | null;
  },
  sessionName: 'BedrockModelCustomizationJob' | 'BedrockBatchInferenceJob' | 'BedrockModelImportJob',
  dependencies: { roleSessions: RoleSessions; time: Time; vpcNetworks: readonly VpcNetwork[] },
): () => Promise<RoleSession> {
  let session: RoleSession | undefined;
  return async () => {
    const needed = dependencies.time.now().getTime() + RENEW_BEFORE_SECONDS * 1000;
    if (session && session.expiresAt.getTime() > needed) return session;
    const endpointId = jobNetwork(job, dependencies.vpcNetworks)?.endpointId;
    try {
      const assumed = await dependencies.roleSessions.assumeForService({
        roleArn: job.roleArn,
        servicePrincipal: 'bedrock.amazonaws.com',
        sourceAccountId: job.accountId,
        sourceArn: job.jobArn,
        region: job.region,
        sessionName: `${sessionName}-${job.jobId}`,
        durationSeconds: SESSION_SECONDS,
      });
      session = { ...assumed, ...(endpointId ? { vpcEndpointId: endpointId } : {}) };
      return session;
    } catch (error) {
      if (!(error instanceof Fault) || (error.kind !== 'denied' && error.kind !== 'invalid')) throw error;
      throw new JobFailure(`Could not assume provided IAM role ${job.roleArn}: ${error.message}`, { cause: error });
    }
  };
}

/** The network of a job. @throws JobFailure where the installation names it no more */
export function jobNetwork(
  { vpcConfig }: { vpcConfig: VpcConfig | null },
  networks: readonly VpcNetwork[],
): VpcNetwork | undefined {
  try {
    return networkOf(networks, vpcConfig);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new JobFailure(error.message, { cause: error });
  }
}
