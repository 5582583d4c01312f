import Spinner from '@cloudscape-design/components/spinner';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useState } from 'react';
import { usePreferences } from './preferences.ts';
import { isSessionKept, resumeSession, signInCount, useSession } from './session.ts';
import { SignIn, signInToken } from './sign-in.tsx';

// What a person sees after signing in: its code comes while they type.
const importShell = () => import('./shell.tsx').then(({ Shell }) => ({ default: Shell }));
const Shell = lazy(importShell);

export function App() {
  const session = useSession();
  const { region } = usePreferences();
  const queries = useQueryClient();
  // A link signs in anew, whoever was signed in before.
  const [isResuming, setResuming] = useState(() => isSessionKept() && signInToken() === undefined);
  const owner = session ? `${signInCount()} ${region}` : '';

  useEffect(() => {
    importShell();
  }, []);
  useEffect(() => {
    if (isResuming) resumeSession().finally(() => setResuming(false));
  }, [isResuming]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what one owner was told is not shown to the next
  useEffect(() => queries.clear(), [owner, queries]);

  if (!session && isResuming) return <Spinner size="large" />;
  if (!session) return <SignIn />;
  return (
    <Suspense fallback={<Spinner size="large" />}>
      <Shell key={owner} session={session} />
    </Suspense>
  );
}
