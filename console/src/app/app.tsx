import Spinner from '@cloudscape-design/components/spinner';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { usePreferences } from './preferences.ts';
import { signInCount, useSession } from './session.ts';
import { SignIn } from './sign-in.tsx';

// What a person sees after signing in: its code comes while they type.
const importShell = () => import('./shell.tsx').then(({ Shell }) => ({ default: Shell }));
const Shell = lazy(importShell);

export function App() {
  const session = useSession();
  const { region } = usePreferences();
  const queries = useQueryClient();
  const owner = session ? `${signInCount()} ${region}` : '';

  useEffect(() => {
    importShell();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what one owner was told is not shown to the next
  useEffect(() => queries.clear(), [owner, queries]);

  if (!session) return <SignIn />;
  return (
    <Suspense fallback={<Spinner size="large" />}>
      <Shell key={owner} session={session} />
    </Suspense>
  );
}
