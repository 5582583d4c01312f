import type { BedrockScope } from './bedrock-lists.ts';

/** What PutModelInvocationLoggingConfiguration keeps for an account in a Region. */
export interface LoggingConfiguration {
  s3Config: LogDestination;
  /** Absent, here and below: as true. */
  textDataDeliveryEnabled?: boolean;
  imageDataDeliveryEnabled?: boolean;
  embeddingDataDeliveryEnabled?: boolean;
  videoDataDeliveryEnabled?: boolean;
  audioDataDeliveryEnabled?: boolean;
}

export interface LogDestination {
  bucketName: string;
  keyPrefix?: string;
}

export interface InvocationLoggingRows {
  loggingConfigurationOf(scope: BedrockScope): Promise<LoggingConfiguration | undefined>;
  /** @param configuration undefined deletes it */
  setLoggingConfiguration(scope: BedrockScope, configuration: LoggingConfiguration | undefined): Promise<void>;
}

/** One answered invocation of a model. */
export interface Invocation extends BedrockScope {
  at: Date;
  requestId: string;
  operation: string;
  /** As the request named it. */
  modelId: string;
  callerArn: string;
  /** What the caller sent to find it by. */
  requestMetadata: Record<string, string> | undefined;
  /** Whether the request's body holds pictures beside its texts. */
  isInputWithImages: boolean;
  /** Images in the answer. */
  imageCount: number;
  /** Both are JSON texts. */
  inputBody: Uint8Array;
  outputBody: Uint8Array;
}

export interface InvocationLog {
  /** Takes it for delivery and returns at once. Never throws. */
  record(invocation: Invocation): void;
}

/** Customers' buckets as the principal bedrock.amazonaws.com sees them: what a bucket's policy allows it, and no more. */
export interface LogBuckets {
  /** @throws Fault notFound, denied, conflict (of another account or Region) */
  put(scope: BedrockScope, bucket: string, key: string, body: Uint8Array): Promise<void>;
}
