import { createHash } from 'node:crypto';
import { Fault } from '../domain/fault.ts';
import type { CallNotes } from './call.ts';
import type { ProtocolName } from './contract.ts';
import type { RequestRecord, WireRequest, WireResponse } from './message.ts';
import { json11Fault } from './protocols/json-1-1.ts';
import type { Answer, WireFault } from './protocols/protocol.ts';
import { queryFault } from './protocols/query.ts';
import { restJsonFault } from './protocols/rest-json.ts';
import { restXmlFault } from './protocols/rest-xml.ts';
import { Refusal } from './refusal.ts';
import type { Service } from './registry.ts';
import { refusalFor, SignatureProblem } from './sigv4/problem.ts';

export interface FailedPassage {
  request: WireRequest;
  service: Service | undefined;
  protocol: ProtocolName;
  record: RequestRecord;
  notes: CallNotes;
}

/** Writes whatever was thrown as the error that the AWS service would answer. */
export function encodeFailure(error: unknown, passage: FailedPassage): WireResponse {
  const { request, service, protocol, record } = passage;
  const fault = error instanceof SignatureProblem ? refusalFor(error, protocol) : error;
  const { code, status } = codeAndStatus(fault, service, protocol);
  record.code = code;
  if (!(fault instanceof Fault) || fault.kind === 'internal') record.error = error;
  const message =
    fault instanceof Fault
      ? fault.message
      : `We encountered an internal error. Please try again; the server's log has it as request ${request.requestId}.`;
  passage.notes.error = { code, message };
  const wireFault: WireFault = {
    code,
    status,
    message,
    members: fault instanceof Fault ? fault.members : {},
    requestId: request.requestId,
    extendedRequestId: extendedRequestId(request.requestId),
  };
  const answer = service?.protocol.encodeFault(wireFault) ?? encodeBare(wireFault, protocol);
  const headers = fault instanceof Fault ? { ...answer.headers, ...fault.headers } : answer.headers;
  return { ...answer, headers, record };
}

function codeAndStatus(
  fault: unknown,
  service: Service | undefined,
  protocol: ProtocolName,
): { code: string; status: number } {
  if (fault instanceof Refusal) return fault;
  if (service === undefined) return INTERNAL[protocol];
  if (!(fault instanceof Fault)) return modelled(service, service.module.faultFor('internal', undefined));
  const answer = service.module.faultFor(fault.kind, fault.resource, fault.code);
  return modelled(service, { code: fault.code ?? answer.code, status: answer.status });
}

/** The SDK's schema decides the status and spelling of the codes that it models. */
function modelled(service: Service, answer: { code: string; status: number }): { code: string; status: number } {
  return service.contract.errors.get(answer.code) ?? answer;
}

const INTERNAL: Readonly<Record<ProtocolName, { code: string; status: number }>> = {
  'rest-xml': { code: 'InternalError', status: 500 },
  query: { code: 'InternalFailure', status: 500 },
  'rest-json': { code: 'InternalServerException', status: 500 },
  'json-1-1': { code: 'InternalFailure', status: 500 },
};

/** S3's second id, for support: as long as AWS's, and made from the first. */
export function extendedRequestId(requestId: string): string {
  return createHash('sha512').update(requestId).digest('base64').slice(0, 76);
}

/** The error of a request whose service is not known. */
function encodeBare(fault: WireFault, protocol: ProtocolName): Answer {
  switch (protocol) {
    case 'rest-json':
      return restJsonFault(fault);
    case 'json-1-1':
      return json11Fault(fault);
    case 'query':
      return queryFault(fault, '');
    case 'rest-xml':
      return restXmlFault(fault);
  }
}
