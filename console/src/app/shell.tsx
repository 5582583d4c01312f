import Box from '@cloudscape-design/components/box';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import { I18nProvider } from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import SideNavigation, { type SideNavigationProps } from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import TopNavigation from '@cloudscape-design/components/top-navigation';
import { lazy, Suspense, useEffect } from 'react';
import { ErrorBoundary } from './error-boundary.tsx';
import { Layout } from './layout.tsx';
import { type Notice, useNotices } from './notices.ts';
import type { PageProps } from './page-props.ts';
import { useNamedTitle } from './page-title.ts';
import { navigation, pages } from './pages.ts';
import { prefer, usePreferences } from './preferences.ts';
import { regions } from './regions.ts';
import { hrefOf, matchPath, usePlace } from './router.ts';
import { type Session, signOut } from './session.ts';

// Its code comes after the first page, and before there is something to say: that may be that the service is gone. Where it does not
// come, what it says still does, and the page below stays: pictures that are not saved yet lie in it.
const loadNotices = () => import('./notice-bar.tsx').catch(() => ({ default: PlainNotices }));
const Notices = lazy(loadNotices);

interface Found {
  page: (typeof pages)[number];
  params: PageProps['params'] | undefined;
}

export function Shell({ session }: { session: Session }) {
  const { path, query } = usePlace();
  const notices = useNotices();
  const found = pages
    .map((page): Found => ({ page, params: matchPath(page.pattern, path) }))
    .find(candidate => candidate.params !== undefined);
  const named = useNamedTitle();
  const title = named ?? titleOf(found, query);
  const Page = found?.page.component;
  const above = found?.page.above ?? [];

  useEffect(() => {
    document.title = `${title} – Likeness`;
  }, [title]);
  useEffect(() => {
    loadNotices();
  }, []);

  return (
    <I18nProvider locale="en" messages={[messages]}>
      <Top session={session} />
      <Layout
        path={path}
        navigation={<Side path={path} />}
        notices={
          notices.length > 0 && (
            <Suspense>
              <Notices notices={notices} />
            </Suspense>
          )
        }
        breadcrumbs={
          path !== '/' && (
            <BreadcrumbGroup
              ariaLabel="Breadcrumbs"
              items={[
                { text: 'Likeness', href: hrefOf('/') },
                ...above.map(({ text, to }) => ({ text, href: hrefOf(to) })),
                { text: title, href: hrefOf(path) },
              ]}
            />
          )
        }
        guide={
          found?.page.guide && (
            <a className="link" href={hrefOf(`/guides/${found.page.guide}`)}>
              <Box color="inherit">Guide</Box>
            </a>
          )
        }
      >
        <ErrorBoundary key={path}>
          <Suspense fallback={<Spinner size="large" />}>
            {Page ? <Page params={found?.params ?? {}} /> : <NotFound />}
          </Suspense>
        </ErrorBoundary>
      </Layout>
    </I18nProvider>
  );
}

function titleOf(found: Found | undefined, query: URLSearchParams): string {
  if (found?.params === undefined) return 'Not found';
  const { title } = found.page;
  return typeof title === 'string' ? title : title(found.params, query);
}

function PlainNotices({ notices }: { notices: readonly Notice[] }) {
  return (
    <div role="status">
      {notices.map(({ id, content }) => (
        <p key={id}>{content}</p>
      ))}
    </div>
  );
}

function NotFound() {
  return (
    <>
      <Box variant="h1">There is no page at this address</Box>
      <a className="link" href={hrefOf('/')}>
        <Box color="inherit">Go to the overview</Box>
      </a>
    </>
  );
}

function Top({ session }: { session: Session }) {
  const { region, mode } = usePreferences();
  return (
    <div id="top">
      <TopNavigation
        identity={{ href: hrefOf('/'), title: 'Likeness', logo: { src: '/_console/icon.svg', alt: 'Logo' } }}
        i18nStrings={{ overflowMenuTriggerText: 'More', overflowMenuTitleText: 'All' }}
        utilities={[
          {
            type: 'menu-dropdown',
            text: region,
            ariaLabel: `Region ${region}`,
            items: regions.map(id => ({ id, text: id, itemType: 'checkbox', checked: id === region })),
            onItemClick: ({ detail }) => prefer({ region: detail.id }),
          },
          {
            type: 'menu-dropdown',
            iconName: 'settings',
            ariaLabel: 'Appearance',
            items: (['light', 'dark', 'system'] as const).map(id => ({
              id,
              text: { light: 'Light', dark: 'Dark', system: 'As the system' }[id],
              itemType: 'checkbox',
              checked: id === mode,
            })),
            onItemClick: ({ detail }) => prefer({ mode: detail.id as 'light' | 'dark' | 'system' }),
          },
          {
            type: 'menu-dropdown',
            iconName: 'user-profile',
            text: session.userName,
            description: `Account ${session.accountId}`,
            items: [{ id: 'sign-out', text: 'Sign out' }],
            onItemClick: () => signOut(),
          },
        ]}
      />
    </div>
  );
}

function Side({ path }: { path: string }) {
  const items: SideNavigationProps.Item[] = navigation.map(entry =>
    'section' in entry
      ? {
          type: 'section',
          text: entry.section,
          items: entry.links.map(({ text, to }) => ({ type: 'link', text, href: hrefOf(to) })),
        }
      : { type: 'link', text: entry.text, href: hrefOf(entry.to) },
  );
  const [, first = ''] = path.split('/');
  return (
    <SideNavigation header={{ text: 'Likeness', href: hrefOf('/') }} activeHref={hrefOf(`/${first}`)} items={items} />
  );
}
