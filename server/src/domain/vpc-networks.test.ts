import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf, parseNetworks } from './vpc-networks.ts';

const parse = (pairs: Record<string, string>) => parseNetworks('NETWORKS', pairs, ['vpce-01234567']);
const networks = parse({ lab: 'subnet-1+subnet-2+sg-1+vpce-01234567', office: 'subnet-3+sg-3+host' });

test('a vpcConfig means the network that all of its ids belong to', () => {
  const found = networkOf(networks, { subnetIds: ['subnet-1', 'subnet-2'], securityGroupIds: ['sg-1'] });
  assert.deepEqual(found, {
    ...{ name: 'lab', memberIds: ['subnet-1', 'subnet-2', 'sg-1'] },
    ...{ endpointId: 'vpce-01234567', sharesHostNetwork: false },
  });
  assert.equal(networkOf(networks, { subnetIds: ['subnet-3'], securityGroupIds: [] })?.sharesHostNetwork, true);
  assert.equal(networkOf(networks, null), undefined);
});

test('an id of no network, or of a second one, is refused by its place', () => {
  const refused = (subnetIds: string[], securityGroupIds: string[], message: RegExp) =>
    assert.throws(() => networkOf(networks, { subnetIds, securityGroupIds }), { kind: 'invalid', message });
  refused(['subnet-1', 'subnet-9'], ['sg-1'], /vpcConfig\.subnetIds\[1\] is subnet-9, which belongs to no network/);
  refused(['subnet-1'], ['sg-3'], /vpcConfig\.securityGroupIds\[0\] is sg-3 of the network office.*lab/);
  assert.throws(() => networkOf([], { subnetIds: ['subnet-1'], securityGroupIds: [] }), /LIKENESS_VPC_NETWORKS/);
});

test('a setting that is none says what it has', () => {
  assert.throws(() => parse({ a: 'subnet-1', b: 'subnet-1' }), /subnet-1 belongs to the networks a and b/);
  assert.throws(() => parse({ a: 'vpce-89abcdef' }), /none of LIKENESS_VPC_ENDPOINTS/);
  assert.throws(() => parse({ a: 'eni-1' }), /a has "eni-1"/);
});
