import type { EventRows } from './events.ts';
import type { BatchRows } from './store-batch.ts';
import type { BedrockRows } from './store-bedrock.ts';
import type { IamRows } from './store-iam.ts';
import type { KmsRows } from './store-kms.ts';
import type { S3Rows } from './store-s3.ts';
import type { UsageRows } from './store-usage.ts';

/** All rows, by AWS service. Each service's file says what it keeps. */
export interface Rows {
  batch: BatchRows;
  bedrock: BedrockRows;
  events: EventRows;
  iam: IamRows;
  kms: KmsRows;
  s3: S3Rows;
  usage: UsageRows;
}

/**
 * Rows, transactional and durable: a resolved `transaction` survives kill -9 and power loss. SQLite in process; the SQL
 * stays portable to PostgreSQL.
 */
export interface Store {
  /** Reads what is committed. */
  read<T>(run: (rows: Rows) => Promise<T>): Promise<T>;
  /**
   * All or nothing. Transactions run one after another and those that wait together share one fsync: never do I/O other
   * than rows inside, and never start another transaction from inside.
   */
  transaction<T>(run: (rows: Rows) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
