import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';
import { FaultAlert } from '../../app/fault-alert.tsx';
import { hrefOf, navigate, usePlace } from '../../app/router.ts';
import { findInGuides } from './find.ts';
import { type GuideEntry, loadGuideIndex } from './guide.ts';

/** Every guide with its sections, in groups; or those alone that speak of what was typed, the best first. */
export default function GuidesPage() {
  const index = useQuery({ queryKey: ['guides'], queryFn: loadGuideIndex });
  // Part of the address, so that who comes back from a guide finds what was found.
  const typed = usePlace().query.get('find') ?? '';
  const found = findInGuides(index.data ?? [], typed);
  const groups = Map.groupBy(found, ({ group }) => group);
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="How everything here works, for this version and without the internet.">
          Guides
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Input
          type="search"
          ariaLabel="Find in guides"
          placeholder="Find in guides"
          value={typed}
          onChange={({ detail }) =>
            navigate(detail.value === '' ? '/guides' : `/guides?find=${encodeURIComponent(detail.value)}`, {
              replace: true,
            })
          }
        />
        {index.error && <FaultAlert error={index.error} retry={() => index.refetch()} />}
        {index.isPending && <Spinner size="large" />}
        {index.data && found.length === 0 && <Box color="text-body-secondary">No guide has all these words.</Box>}
        {typed.trim() === '' ? (
          [...groups].map(([group, entries]) => (
            <section key={group} aria-label={group}>
              <SpaceBetween size="s">
                <Header variant="h2">{group}</Header>
                <GuideCards entries={entries} variant="h3" />
              </SpaceBetween>
            </section>
          ))
        ) : (
          <GuideCards entries={found} variant="h2" />
        )}
      </SpaceBetween>
    </ContentLayout>
  );
}

function GuideCards({ entries, variant }: { entries: readonly GuideEntry[]; variant: 'h2' | 'h3' }) {
  return (
    <div className="guide-list">
      {entries.map(({ name, title, about, sections }) => (
        <Container
          key={name}
          fitHeight
          header={
            <Header variant={variant} description={about}>
              <a className="link" href={hrefOf(`/guides/${name}`)}>
                {title}
              </a>
            </Header>
          }
        >
          <ul className="guide-sections">
            {sections
              .filter(({ id }) => id !== '')
              .map(section => (
                <li key={section.id}>
                  <a className="link" href={hrefOf(`/guides/${name}#${section.id}`)}>
                    {section.title}
                  </a>
                </li>
              ))}
          </ul>
        </Container>
      ))}
    </div>
  );
}
