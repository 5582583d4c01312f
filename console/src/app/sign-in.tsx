import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import { FaultAlert } from './fault-alert.tsx';
import { prefer, usePreferences } from './preferences.ts';
import { resumeSession, signInWithAccessKey, signInWithLink, signInWithPassword } from './session.ts';

/** Shown at every address while nobody is signed in; the page asked for comes afterwards. */
export function SignIn() {
  useEffect(() => {
    document.title = 'Sign in – Likeness';
  }, []);
  const link = useSignInLink();
  return (
    <main className="sign-in">
      <div className="sign-in-brand">
        <img src="/_console/icon.svg" alt="" />
        <Box variant="h1" padding="n">
          Likeness
        </Box>
      </div>
      <SpaceBetween size="l">
        {link.error !== undefined && <FaultAlert error={link.error} />}
        <Container header={<Header variant="h2">Sign in</Header>}>
          <Tabs
            tabs={[
              { id: 'password', label: 'IAM user', content: <PasswordForm /> },
              { id: 'key', label: 'Access key', content: <AccessKeyForm /> },
            ]}
          />
        </Container>
        <Box color="text-body-secondary" fontSize="body-s">
          No password or key? Where the service runs, <code>npx --no-install likeness sign-in</code> prints a link that
          signs in once, and <code>npx --no-install likeness env</code> the keys (both with <code>--data FOLDER</code>{' '}
          where its data is elsewhere); an administrator makes users under IAM.
        </Box>
      </SpaceBetween>
    </main>
  );
}

/** `/_console/#/sign-in?token=TOKEN`, as `up` prints it: the fragment reaches no server and no log, and is taken out of the address at once. */
function useSignInLink(): { error: unknown } {
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const token = signInToken();
    if (token === undefined) return;
    window.history.replaceState(null, '', window.location.pathname + window.location.search);
    // A link that was used in this browser opens what it opened then.
    signInWithLink(token).catch(async thrown => (await resumeSession()) || setError(thrown));
  }, []);
  return { error };
}

/** @returns undefined where the address is no link */
export function signInToken(): string | undefined {
  const token = /^#\/sign-in\?token=(.+)$/.exec(window.location.hash)?.[1];
  return token === undefined ? undefined : decodeURIComponent(token);
}

function PasswordForm() {
  const preferences = usePreferences();
  const [account, setAccount] = useState(preferences.account);
  const [userName, setUserName] = useState(preferences.userName);
  const [password, setPassword] = useState('');
  const [newPassword, setNewPassword] = useState('');
  const [again, setAgain] = useState('');
  const [mustChange, setMustChange] = useState(false);
  const isRepeated = !mustChange || (newPassword !== '' && again === newPassword);

  async function submit(): Promise<void> {
    try {
      await signInWithPassword({ account, userName, password, ...(mustChange && { newPassword }) });
      prefer({ account, userName });
    } catch (error) {
      // What it asks for is a step of signing in, and nothing that went wrong.
      if ((error as Error).name !== 'PasswordResetRequiredException') throw error;
      setMustChange(true);
    }
  }

  return (
    <SignInForm submit={submit} isComplete={account !== '' && userName !== '' && password !== '' && isRepeated}>
      <FormField label="Account" description="Its 12 digits, or its alias.">
        <Input value={account} onChange={({ detail }) => setAccount(detail.value)} autoComplete="organization" />
      </FormField>
      <FormField label="User name">
        <Input value={userName} onChange={({ detail }) => setUserName(detail.value)} autoComplete="username" />
      </FormField>
      <PasswordField label="Password" value={password} change={setPassword} autoComplete="current-password" />
      {mustChange && (
        <SpaceBetween size="m">
          <Alert type="info" header="Choose a new password">
            The password must be changed before you go on.
          </Alert>
          <PasswordField label="New password" value={newPassword} change={setNewPassword} autoComplete="new-password" />
          <PasswordField
            label="New password again"
            value={again}
            change={setAgain}
            autoComplete="new-password"
            // Not while it is still being typed.
            errorText={newPassword.startsWith(again) ? undefined : 'This is another password than the one above.'}
          />
        </SpaceBetween>
      )}
    </SignInForm>
  );
}

interface PasswordFieldProps {
  label: string;
  value: string;
  change(value: string): void;
  autoComplete: 'current-password' | 'new-password';
  errorText?: string | undefined;
}

function PasswordField({ label, value, change, autoComplete, errorText }: PasswordFieldProps) {
  return (
    <FormField label={label} errorText={errorText}>
      <Input
        type="password"
        value={value}
        onChange={({ detail }) => change(detail.value)}
        autoComplete={autoComplete}
      />
    </FormField>
  );
}

function AccessKeyForm() {
  const { region } = usePreferences();
  const [accessKeyId, setAccessKeyId] = useState('');
  const [secretAccessKey, setSecretAccessKey] = useState('');
  const [sessionToken, setSessionToken] = useState('');

  return (
    <SignInForm
      submit={() =>
        signInWithAccessKey({ accessKeyId, secretAccessKey, ...(sessionToken !== '' && { sessionToken }) }, region)
      }
      isComplete={accessKeyId !== '' && secretAccessKey !== ''}
    >
      <FormField label="Access key ID">
        <Input
          value={accessKeyId}
          onChange={({ detail }) => setAccessKeyId(detail.value.trim())}
          autoComplete={false}
        />
      </FormField>
      <FormField label="Secret access key" description="Kept in this page's memory until you sign out or close it.">
        <Input
          type="password"
          value={secretAccessKey}
          onChange={({ detail }) => setSecretAccessKey(detail.value.trim())}
          autoComplete={false}
        />
      </FormField>
      <FormField label="Session token - optional" description="Only for temporary credentials.">
        <Input
          type="password"
          value={sessionToken}
          onChange={({ detail }) => setSessionToken(detail.value.trim())}
          autoComplete={false}
        />
      </FormField>
    </SignInForm>
  );
}

function SignInForm(props: { submit: () => Promise<void>; isComplete: boolean; children: ReactNode }) {
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (!props.isComplete) return;
    setBusy(true);
    setError(undefined);
    try {
      await props.submit();
    } catch (thrown) {
      setError(thrown);
    }
    setBusy(false);
  }

  return (
    <form onSubmit={submit}>
      <Form
        actions={
          <Button variant="primary" formAction="submit" loading={busy} disabled={!props.isComplete}>
            Sign in
          </Button>
        }
      >
        <SpaceBetween size="m">
          {error !== undefined && <FaultAlert error={error} deniedTitle="You are not signed in" />}
          {props.children}
        </SpaceBetween>
      </Form>
    </form>
  );
}
