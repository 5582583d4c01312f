// Gaps: delivery to CloudWatch Logs (refused by name: there is no CloudWatch here).
//   Failed invocations are not recorded.
// By design: a configuration is taken once the bucket took an object from bedrock.amazonaws.com; the members that turn on
//   the delivery of a modality count as true where they are absent, and come back as they were given.
// Client quirks: Terraform repeats the Put for minutes while it answers ValidationException: policies are slow to settle on
//   AWS. Delete where there is none succeeds.
import type {
  DeleteModelInvocationLoggingConfigurationRequest,
  DeleteModelInvocationLoggingConfigurationResponse,
  GetModelInvocationLoggingConfigurationRequest,
  GetModelInvocationLoggingConfigurationResponse,
  PutModelInvocationLoggingConfigurationRequest,
  PutModelInvocationLoggingConfigurationResponse,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import { permissionCheckKey } from '../../domain/invocation-log.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { LoggingConfiguration } from '../../ports/invocation-logs.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { scopeOf } from './identifiers.ts';

export function invocationLogging({ store, logBuckets }: Pick<BedrockDependencies, 'store' | 'logBuckets'>) {
  async function checkDestination({ s3Config }: LoggingConfiguration, ctx: RequestContext): Promise<void> {
    const { bucketName, keyPrefix } = s3Config;
    const key = permissionCheckKey(keyPrefix, ctx);
    try {
      await logBuckets.put(scopeOf(ctx), bucketName, key, new Uint8Array());
    } catch (error) {
      if (!(error instanceof Fault) || error.kind === 'internal') throw error;
      throw new Fault(
        'invalid',
        `Failed to validate permissions for S3 bucket: ${bucketName}, with prefix: ${keyPrefix ?? ''}. Verify the bucket and its policy are correct: bedrock.amazonaws.com must be allowed s3:PutObject on ${key}. ${error.message}`,
        { cause: error },
      );
    }
  }

  return {
    PutModelInvocationLoggingConfiguration: {
      authorize: () => [{ resource: '*' }],
      async handle({ loggingConfig }, ctx) {
        const { cloudWatchConfig, s3Config, ...delivered } = loggingConfig ?? {};
        if (cloudWatchConfig !== undefined)
          throw new Fault(
            'unsupported',
            'loggingConfig.cloudWatchConfig is not supported by this server, which has no CloudWatch Logs; use loggingConfig.s3Config.',
          );
        if (s3Config?.bucketName === undefined)
          throw new Fault('invalid', 'loggingConfig must have s3Config: there is no other destination for the logs.');
        const { bucketName, keyPrefix } = s3Config;
        const destination = { bucketName, ...(keyPrefix !== undefined && { keyPrefix }) };
        const configuration: LoggingConfiguration = { ...given(delivered), s3Config: destination };
        await checkDestination(configuration, ctx);
        await store.transaction(rows => rows.bedrock.setLoggingConfiguration(scopeOf(ctx), configuration));
        return {};
      },
    } satisfies Operation<
      PutModelInvocationLoggingConfigurationRequest,
      PutModelInvocationLoggingConfigurationResponse
    >,

    GetModelInvocationLoggingConfiguration: {
      authorize: () => [{ resource: '*' }],
      async handle(_input, ctx) {
        const loggingConfig = await store.read(rows => rows.bedrock.loggingConfigurationOf(scopeOf(ctx)));
        return loggingConfig === undefined ? {} : { loggingConfig };
      },
    } satisfies Operation<
      GetModelInvocationLoggingConfigurationRequest,
      GetModelInvocationLoggingConfigurationResponse
    >,

    DeleteModelInvocationLoggingConfiguration: {
      authorize: () => [{ resource: '*' }],
      async handle(_input, ctx) {
        await store.transaction(rows => rows.bedrock.setLoggingConfiguration(scopeOf(ctx), undefined));
        return {};
      },
    } satisfies Operation<
      DeleteModelInvocationLoggingConfigurationRequest,
      DeleteModelInvocationLoggingConfigurationResponse
    >,
  };
}

/** The members that have a value. */
function given<Members extends object>(members: Members): { [Name in keyof Members]: NonNullable<Members[Name]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
