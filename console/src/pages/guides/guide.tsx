import Box from '@cloudscape-design/components/box';
import ContentLayout from '@cloudscape-design/components/content-layout';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Header from '@cloudscape-design/components/header';
import Spinner from '@cloudscape-design/components/spinner';
import TextContent from '@cloudscape-design/components/text-content';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { createPortal } from 'react-dom';
import { FailedPage } from '../../app/failed-page.tsx';
import type { PageProps } from '../../app/page-props.ts';
import { usePageTitle } from '../../app/page-title.ts';
import { loadGuide, readable, sectionAt } from './guide.ts';

/** One guide, at the section that its address names. */
export default function GuidePage({ params: { name = '' } }: PageProps) {
  const { data: guide, error, refetch } = useQuery({ queryKey: ['guide', name], queryFn: () => loadGuide(name) });
  usePageTitle(guide?.title);
  const hash = useHash();

  useEffect(() => {
    if (!guide) return;
    const section = sectionAt(guide.sections, window.location.hash);
    if (section) document.getElementById(section.id)?.scrollIntoView();
  }, [guide]);

  if (error) return <FailedPage title="Guide" error={error} retry={() => refetch()} />;
  if (!guide) return <Spinner size="large" />;
  const isLost = hash.length > 1 && !sectionAt(guide.sections, hash);
  return (
    <ContentLayout header={<Header variant="h1">{guide.title}</Header>}>
      <TextContent>
        <article className="guide">
          <div role="status">
            {isLost && (
              <Box color="text-body-secondary" padding={{ bottom: 's' }}>
                This guide has no section “{readable(hash)}”
                {guide.sections.length > 1 ? ': these are its sections.' : ', so here it is from its beginning.'}
              </Box>
            )}
          </div>
          {guide.sections.length > 1 && (
            <nav aria-label="On this page" className="guide-contents">
              <ul className="guide-sections">
                {guide.sections.map(({ id, title }) => (
                  <li key={id}>
                    <a className="link" href={`#${id}`}>
                      {title}
                    </a>
                  </li>
                ))}
              </ul>
            </nav>
          )}
          <GuideText html={guide.html} />
        </article>
      </TextContent>
    </ContentLayout>
  );
}

/** The text, with a button in each block of code that copies it, wherever the block stands. */
function GuideText({ html }: { html: string }) {
  const text = useRef<HTMLDivElement>(null);
  const [places, setPlaces] = useState<readonly { place: Element; code: string }[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text has other blocks
  useEffect(() => {
    const blocks = [...(text.current?.querySelectorAll('.guide-code') ?? [])];
    setPlaces(
      blocks.flatMap(block => {
        const place = block.querySelector('.guide-copy');
        return place ? [{ place, code: block.querySelector('pre')?.textContent ?? '' }] : [];
      }),
    );
  }, [html]);
  return (
    <>
      {/* biome-ignore lint/security/noDangerouslySetInnerHtml: the console's own build made it of this project's documents */}
      <div ref={text} dangerouslySetInnerHTML={{ __html: html }} />
      {places.map(({ place, code }, index) =>
        createPortal(
          <CopyToClipboard
            variant="icon"
            copyButtonAriaLabel="Copy"
            copySuccessText="Copied"
            copyErrorText="The browser did not allow it: select the text and copy it."
            textToCopy={code}
          />,
          place,
          String(index),
        ),
      )}
    </>
  );
}

/** Of the address: the browser goes to a section of the page itself. */
function useHash(): string {
  return useSyncExternalStore(
    listener => {
      window.addEventListener('hashchange', listener);
      return () => window.removeEventListener('hashchange', listener);
    },
    () => window.location.hash,
  );
}
