import type { DetectedOperation, ServiceModule } from '../domain/operation.ts';
import { type Contract, loadContract, type OperationShape, type ProtocolName, type ServiceName } from './contract.ts';
import type { HeaderMap } from './message.ts';
import { Json11 } from './protocols/json-1-1.ts';
import type { Protocol } from './protocols/protocol.ts';
import { Query } from './protocols/query.ts';
import { RestJson } from './protocols/rest-json.ts';
import { RestXml } from './protocols/rest-xml.ts';
import { Router } from './protocols/router.ts';
import { Refusal } from './refusal.ts';

/** A service module with everything wire needs to speak for it. */
export interface Service {
  name: ServiceName;
  contract: Contract;
  protocol: Protocol;
  module: ServiceModule;
  router: Router | undefined;
  /** The largest body that is held whole; an S3 payload that streams has no limit here. */
  bodyLimitBytes: number;
}

const MEBIBYTE = 1024 * 1024;

/** InvokeModel takes 25,000,000 bytes (its model's `max`); DeleteObjects a thousand keys; a policy document 128 KiB. */
const BODY_LIMIT_BYTES: Readonly<Record<ServiceName, number>> = {
  bedrock: MEBIBYTE,
  'bedrock-runtime': 25 * MEBIBYTE,
  s3: 8 * MEBIBYTE,
  iam: MEBIBYTE,
  sts: MEBIBYTE,
  kms: MEBIBYTE,
};

export function createService(name: ServiceName, module: ServiceModule): Service {
  const contract = loadContract(name);
  const routed = contract.protocol === 'rest-json';
  for (const operation of Object.keys(module.operations))
    if (!contract.operations.has(operation)) throw new Error(`${operation} is not an operation of ${name}.`);
  return {
    name,
    contract,
    protocol: protocolOf(contract),
    module,
    router: routed ? new Router(contract) : undefined,
    bodyLimitBytes: BODY_LIMIT_BYTES[name],
  };
}

function protocolOf(contract: Contract): Protocol {
  switch (contract.protocol) {
    case 'rest-json':
      return new RestJson(contract);
    case 'rest-xml':
      return new RestXml(contract);
    case 'query':
      return new Query(contract);
    case 'json-1-1':
      return new Json11();
  }
}

/** An operation found, and the labels of its path. */
export interface Found {
  operation: OperationShape;
  labels: Readonly<Record<string, string>>;
}

/** What REST and JSON requests ask for; the Query protocol's name stands in the body. */
export function findOperation(
  service: Service,
  method: string,
  path: string,
  query: URLSearchParams,
  headers: HeaderMap,
): Found | Refusal {
  const { contract, module, router } = service;
  if (module.detect) return named(service, module.detect(method, path, query, headers));
  if (router) {
    const found = router.find(method, path, query);
    if (!found) return unknownOperation(contract.protocol, `No operation has ${method} on this path.`);
    return implemented(service, found.operation.name) ?? found;
  }
  const target = headers['x-amz-target'] ?? '';
  const [prefix, name = ''] = target.split('.');
  const operation = prefix === contract.targetPrefix ? contract.operations.get(name) : undefined;
  if (!operation) return unknownOperation(contract.protocol, 'X-Amz-Target names no operation of this service.');
  return implemented(service, name) ?? { operation, labels: {} };
}

/** The operation that a Query form names. */
export function findAction(service: Service, form: URLSearchParams): Found | Refusal {
  const { contract } = service;
  const name = form.get('Action') ?? '';
  const version = form.get('Version') ?? contract.version;
  const operation = contract.operations.get(name);
  if (!operation || version !== contract.version)
    return unknownOperation(
      contract.protocol,
      `Could not find operation ${printable(name) || 'NO_ACTION_SPECIFIED'} for version ${printable(version)}`,
    );
  return implemented(service, name) ?? { operation, labels: {} };
}

function named(service: Service, detected: DetectedOperation): Found | Refusal {
  if ('unsupported' in detected) return notImplemented(service.contract.protocol, detected.unsupported);
  const operation = service.contract.operations.get(detected.operation);
  if (!operation) return notImplemented(service.contract.protocol, detected.operation);
  return implemented(service, operation.name) ?? { operation, labels: detected.labels };
}

function implemented(service: Service, name: string): Refusal | undefined {
  return Object.hasOwn(service.module.operations, name) ? undefined : notImplemented(service.contract.protocol, name);
}

export function notImplemented(protocol: ProtocolName, name: string): Refusal {
  return unknownOperation(protocol, `${name} is not implemented by Likeness.`);
}

function unknownOperation(protocol: ProtocolName, message: string): Refusal {
  const kind = 'unsupported';
  if (protocol === 'rest-xml') return new Refusal(501, 'NotImplemented', message, { kind });
  if (protocol === 'query') return new Refusal(400, 'InvalidAction', message, { kind });
  return new Refusal(protocol === 'rest-json' ? 404 : 400, 'UnknownOperationException', message, { kind });
}

function printable(text: string): string {
  return text.replace(/[^\w.-]/g, '?').slice(0, 128);
}
