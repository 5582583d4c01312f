import { SimulateCustomPolicyCommand } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Textarea from '@cloudscape-design/components/textarea';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { problemOf } from '../../app/fault-alert.tsx';
import { iam } from '../../aws/iam.ts';
import { indented } from './json-text.tsx';

const TYPING_MILLISECONDS = 400;

interface PolicyEditorProps {
  text: string;
  problem: string | undefined;
  onChange(text: string): void;
}

/** A policy document as text, with what is wrong in it below. */
export function PolicyEditor({ text, problem, onChange }: PolicyEditorProps) {
  return (
    <FormField
      stretch
      label="Policy document"
      errorText={problem}
      secondaryControl={
        <Button disabled={jsonProblem(text) !== undefined} onClick={() => onChange(indented(text))}>
          Format
        </Button>
      }
    >
      <div className="policy-text">
        <Textarea rows={16} spellcheck={false} value={text} onChange={({ detail }) => onChange(detail.value)} />
      </div>
    </FormField>
  );
}

/** What is wrong with a policy of a user or a role: its JSON as it is typed, what it says once the typing stops. */
export function usePolicyProblem(text: string): string | undefined {
  const problem = jsonProblem(text);
  const settled = useSettled(text);
  const { error } = useQuery({
    queryKey: ['policy-problem', settled],
    enabled: problem === undefined && settled === text,
    retry: false,
    queryFn: () => refusePolicy(settled),
  });
  return problem ?? (error && settled === text ? error.message : undefined);
}

/** @throws the service's error for a document that it cannot read; whoever may not ask learns it when saving */
async function refusePolicy(text: string): Promise<null> {
  try {
    await iam().send(
      new SimulateCustomPolicyCommand({ PolicyInputList: [text], ActionNames: ['sts:GetCallerIdentity'] }),
    );
  } catch (error) {
    if (!problemOf(error).name.startsWith('AccessDenied')) throw error;
  }
  return null;
}

/** Of the form alone, with the line and column. */
export function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return problemOf(error).message;
  }
}

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
