import { invokeBody } from './pictures.ts';
import { type DemoResult, plan } from './plan.ts';
import { dataPolicy, trustPolicy } from './service-role.ts';

/** The AWS CLI lines that do what the demo did, for a POSIX shell in the project's folder. */
export function byHand({ envCommand, bucket, accountId, region, steps }: DemoResult): string {
  const other = bucket.replace('-demo-', '-mine-');
  const name = 'my-characters';
  return `${envCommand}

npx --no-install likeness dataset build models/art/sample --s3-prefix s3://${other}/data --output train.jsonl
npx --no-install likeness dataset check train.jsonl --images models/art/sample
aws s3 mb s3://${other}
aws s3 sync models/art/sample s3://${other}/data
aws s3 cp train.jsonl s3://${other}/data/train.jsonl

aws iam create-role --role-name ${name} --assume-role-policy-document '${JSON.stringify(trustPolicy(accountId, region))}'
aws iam put-role-policy --role-name ${name} --policy-name data --policy-document '${JSON.stringify(dataPolicy(other))}'

aws bedrock create-model-customization-job --job-name ${name} --custom-model-name ${name} \\
  --role-arn arn:aws:iam::${accountId}:role/${name} \\
  --base-model-identifier ${plan.modelId} --customization-type FINE_TUNING \\
  --training-data-config s3Uri=s3://${other}/data/train.jsonl \\
  --output-data-config s3Uri=s3://${other}/output \\
  --hyper-parameters stepCount=${steps},batchSize=${plan.batchSize},learningRate=${plan.learningRate}
aws bedrock get-model-customization-job --job-identifier ${name} --query status   # until "Completed"

arn=$(aws bedrock create-provisioned-model-throughput --provisioned-model-name ${name} \\
  --model-id ${name} --model-units 1 --query provisionedModelArn --output text)
aws bedrock get-provisioned-model-throughput --provisioned-model-id $arn --query status   # until "InService"

echo '${JSON.stringify(invokeBody(plan.prompts[1]))}' > request.json
aws bedrock-runtime invoke-model --model-id $arn --body fileb://request.json answer.json
python3 -c 'import base64, json; open("picture.png", "wb").write(base64.b64decode(json.load(open("answer.json"))["images"][0]))'`;
}
