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
import { findInGuides, loadGuideIndex } from './guide.ts';

/** Every guide with its sections, and those alone that speak of what was typed. */
export default function GuidesPage() {
  const index = useQuery({ queryKey: ['guides'], queryFn: loadGuideIndex });
  // Part of the address, so that who comes back from a guide finds what was found.
  const typed = usePlace().query.get('find') ?? '';
  const found = findInGuides(index.data ?? [], typed);
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
        <div className="guide-list">
          {found.map(({ name, title, sections }) => (
            <Container
              key={name}
              fitHeight
              header={
                <Header variant="h2">
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
      </SpaceBetween>
    </ContentLayout>
  );
}
