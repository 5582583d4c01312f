import { Fault } from './fault.ts';

/** A network that a job may ask for with its vpcConfig, as LIKENESS_VPC_NETWORKS names it. */
export interface VpcNetwork {
  name: string;
  /** Ids of the subnets and security groups that stand for it. */
  memberIds: readonly string[];
  /** The private endpoint that the job's S3 requests come through (`aws:SourceVpce`); null: the public port. */
  endpointId: string | null;
  /** Whether the process that trains sees this machine's network; otherwise it sees none. */
  sharesHostNetwork: boolean;
}

export interface VpcConfig {
  subnetIds: string[];
  securityGroupIds: string[];
}

/**
 * The network that a vpcConfig means: the one that all its subnets and security groups belong to. None asks for none.
 * @throws Fault invalid for an id of no network, or ids of several
 */
export function networkOf(networks: readonly VpcNetwork[], vpcConfig: VpcConfig | null): VpcNetwork | undefined {
  if (vpcConfig === null) return undefined;
  let found: VpcNetwork | undefined;
  for (const member of ['subnetIds', 'securityGroupIds'] as const)
    for (const [index, id] of vpcConfig[member].entries()) {
      const network = networks.find(({ memberIds }) => memberIds.includes(id));
      if (network === undefined)
        throw new Fault(
          'invalid',
          `vpcConfig.${member}[${index}] is ${id}, which belongs to no network of this installation. Name it in LIKENESS_VPC_NETWORKS, or leave vpcConfig out.`,
        );
      if (found !== undefined && found !== network)
        throw new Fault(
          'invalid',
          `vpcConfig.${member}[${index}] is ${id} of the network ${network.name}; the others belong to ${found.name}. A job has one network.`,
        );
      found = network;
    }
  return found;
}

/**
 * Networks from a setting's pairs: `lab=subnet-0a1b+sg-0c2d+vpce-0123456789abcdef0+host`.
 * @param endpointIds those of LIKENESS_VPC_ENDPOINTS
 * @throws Error that says what is wrong with the setting
 */
export function parseNetworks(
  setting: string,
  pairs: Readonly<Record<string, string>>,
  endpointIds: readonly string[],
): VpcNetwork[] {
  const taken = new Map<string, string>();
  return Object.entries(pairs).map(([name, text]) => {
    const network: VpcNetwork & { memberIds: string[] } = {
      ...{ name, memberIds: [], endpointId: null, sharesHostNetwork: false },
    };
    for (const part of text.split('+')) {
      if (part === 'host') network.sharesHostNetwork = true;
      else if (part.startsWith('vpce-')) {
        if (!endpointIds.includes(part))
          throw new Error(`${setting}: ${part} of the network ${name} is none of LIKENESS_VPC_ENDPOINTS.`);
        network.endpointId = part;
      } else if (/^(subnet|sg)-[-0-9a-zA-Z]{1,27}$/.test(part)) {
        if (taken.has(part))
          throw new Error(`${setting}: ${part} belongs to the networks ${taken.get(part)} and ${name}.`);
        taken.set(part, name);
        network.memberIds.push(part);
      } else
        throw new Error(`${setting} must list subnet-…, sg-…, vpce-… and host, with + between; ${name} has "${part}".`);
    }
    return network;
  });
}
