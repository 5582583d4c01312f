import { type ComponentType, lazy } from 'react';
import type { PageProps } from './page-props.ts';

interface Page {
  pattern: string;
  /** Of the document, and of the last breadcrumb where the page has no resource to name. */
  title: string;
  /** The pages above it, outermost first. */
  above: readonly { text: string; to: string }[];
  component: ComponentType<PageProps>;
}

const customModels = { text: 'Custom models', to: '/custom-models' };

/** Every address of the console. */
export const pages: readonly Page[] = [
  {
    pattern: '/',
    title: 'Overview',
    above: [],
    component: lazy(() => import('../pages/overview/overview.tsx')),
  },
  {
    pattern: '/custom-models',
    title: 'Custom models',
    above: [],
    component: lazy(() => import('../pages/custom-models/list.tsx')),
  },
  {
    pattern: '/custom-models/jobs/{jobName}',
    title: 'Job',
    above: [customModels],
    component: lazy(() => import('../pages/custom-models/job.tsx')),
  },
];

/** The side navigation, in the order of the seed system's console. */
export const navigation = [
  { text: 'Overview', to: '/' },
  {
    section: 'Foundation models',
    links: [{ text: 'Custom models', to: '/custom-models' }],
  },
] as const satisfies readonly (
  | { text: string; to: string }
  | { section: string; links: readonly { text: string; to: string }[] }
)[];
