import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Textarea from '@cloudscape-design/components/textarea';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { problemOf } from '../../app/fault-alert.tsx';
import { callRoute } from '../../aws/clients.ts';
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

/**
 * What is wrong with a policy: its JSON as it is typed, what it says once the typing stops.
 * @param kind `identity`: of a user or a role; `trust`: of who may assume a role
 */
export function usePolicyProblem(text: string, kind: 'identity' | 'trust'): string | undefined {
  const problem = jsonProblem(text);
  const settled = useSettled(text);
  const { data } = useQuery({
    queryKey: ['policy-problem', kind, settled],
    enabled: problem === undefined && settled === text,
    retry: false,
    queryFn: () => problemWith(settled, kind),
  });
  return problem ?? (settled === text ? (data?.problem ?? undefined) : undefined);
}

/** Whoever may not ask learns it when saving. */
async function problemWith(document: string, kind: 'identity' | 'trust'): Promise<{ problem: string | null }> {
  try {
    return await callRoute({ method: 'POST', path: '/policies/check', body: { kind, document } });
  } catch (error) {
    if (problemOf(error).name.startsWith('AccessDenied')) return { problem: null };
    throw error;
  }
}

/** Of the form alone, with the line and column. */
function jsonProblem(text: string): string | undefined {
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
