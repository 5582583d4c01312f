import type { ButtonProps } from '@cloudscape-design/components/button';
import Button from '@cloudscape-design/components/button';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';

/** Windows that have room for the navigation beside a page. */
const WIDE = '(min-width: 901px)';

interface LayoutProps {
  /** The place that is shown: going to another puts the navigation of a narrow window away. */
  path: string;
  navigation: ReactNode;
  breadcrumbs: ReactNode;
  /** A link to what there is to read about the page. */
  guide: ReactNode;
  notices: ReactNode;
  children: ReactNode;
}

/**
 * The navigation beside a page, or over it where the window is narrow. Cloudscape's AppLayout would add a quarter to the first
 * load for panels that nothing here has.
 */
export function Layout({ path, navigation, breadcrumbs, guide, notices, children }: LayoutProps) {
  const isWide = useIsWide();
  const [isOpen, setIsOpen] = useState(isWide);
  const opener = useRef<ButtonProps.Ref>(null);
  const closer = useRef<ButtonProps.Ref>(null);
  const isOver = isOpen && !isWide;

  useEffect(() => setIsOpen(isWide), [isWide]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place was chosen
  useEffect(() => {
    if (!isWide) setIsOpen(false);
  }, [path]);

  const close = useCallback(() => {
    setIsOpen(false);
    // Once it is drawn again.
    setTimeout(() => opener.current?.focus());
  }, []);

  useEffect(() => {
    if (!isOver) return;
    closer.current?.focus();
    const closeOnEscape = (event: KeyboardEvent) => {
      if (event.key === 'Escape') close();
    };
    document.addEventListener('keydown', closeOnEscape);
    return () => document.removeEventListener('keydown', closeOnEscape);
  }, [isOver, close]);

  return (
    <div className="layout">
      <nav className="layout-navigation" aria-label="Side navigation" hidden={!isOpen}>
        <div className="layout-close">
          <Button ref={closer} variant="icon" iconName="close" ariaLabel="Close side navigation" onClick={close} />
        </div>
        {navigation}
      </nav>
      <main className="layout-main" inert={isOver}>
        {notices}
        {(!isOpen || breadcrumbs || guide) && (
          <div className="layout-bar">
            {!isOpen && (
              <Button
                ref={opener}
                variant="icon"
                iconName="menu"
                ariaLabel="Open side navigation"
                onClick={() => setIsOpen(true)}
              />
            )}
            <div className="layout-breadcrumbs">{breadcrumbs}</div>
            {guide}
          </div>
        )}
        {children}
      </main>
    </div>
  );
}

function useIsWide(): boolean {
  const [isWide, setIsWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const wide = matchMedia(WIDE);
    const follow = () => setIsWide(wide.matches);
    wide.addEventListener('change', follow);
    return () => wide.removeEventListener('change', follow);
  }, []);
  return isWide;
}
