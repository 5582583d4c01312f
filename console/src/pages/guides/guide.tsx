import ContentLayout from '@cloudscape-design/components/content-layout';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Header from '@cloudscape-design/components/header';
import Spinner from '@cloudscape-design/components/spinner';
import TextContent from '@cloudscape-design/components/text-content';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { FailedPage } from '../../app/failed-page.tsx';
import type { PageProps } from '../../app/page-props.ts';
import { loadGuide, sectionAt } from './guide.ts';

/** One guide, at the section that its address names. */
export default function GuidePage({ params: { name = '' } }: PageProps) {
  const { data: guide, error, refetch } = useQuery({ queryKey: ['guide', name], queryFn: () => loadGuide(name) });

  useEffect(() => {
    if (!guide) return;
    document.title = `${guide.title} – Likeness`;
    const section = sectionAt(guide.sections, window.location.hash);
    if (section) document.getElementById(section.id)?.scrollIntoView();
  }, [guide]);

  if (error) return <FailedPage title="Guide" error={error} retry={() => refetch()} />;
  if (!guide) return <Spinner size="large" />;
  return (
    <ContentLayout header={<Header variant="h1">{guide.title}</Header>}>
      <TextContent>
        <article className="guide">
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
          {guide.parts.map((part, index) =>
            'html' in part ? (
              // biome-ignore lint/security/noDangerouslySetInnerHtml: the console's own build made it of this project's documents
              // biome-ignore lint/suspicious/noArrayIndexKey: a guide's parts are as they were built
              <div key={index} dangerouslySetInnerHTML={{ __html: part.html }} />
            ) : (
              // biome-ignore lint/suspicious/noArrayIndexKey: a guide's parts are as they were built
              <div key={index} className="guide-code">
                <pre>{part.code}</pre>
                <div className="guide-copy">
                  <CopyToClipboard
                    variant="icon"
                    copyButtonAriaLabel="Copy"
                    copySuccessText="Copied"
                    copyErrorText="The browser did not allow it: select the text and copy it."
                    textToCopy={part.code}
                  />
                </div>
              </div>
            ),
          )}
        </article>
      </TextContent>
    </ContentLayout>
  );
}
