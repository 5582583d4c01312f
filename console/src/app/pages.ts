import { type ComponentType, lazy } from 'react';
import type { PageProps } from './page-props.ts';

interface Page {
  pattern: string;
  /** Of the document, and of the last breadcrumb: of a page about one resource, its name. */
  title: string | ((params: PageProps['params'], query: URLSearchParams) => string);
  /** The pages above it, outermost first. */
  above: readonly { text: string; to: string }[];
  /** What there is to read about it: a guide, `guides/NAME`, with or without `#SECTION`. */
  guide?: string;
  component: ComponentType<PageProps>;
}

const customModels = { text: 'Custom models', to: '/custom-models' };

/** Every address of the console. */
export const pages: readonly Page[] = [
  {
    pattern: '/',
    title: 'Overview',
    above: [],
    guide: 'first-model',
    component: lazy(() => import('../pages/overview/overview.tsx')),
  },
  {
    pattern: '/custom-models',
    title: 'Custom models',
    above: [],
    guide: 'custom-models',
    component: lazy(() => import('../pages/custom-models/list.tsx')),
  },
  {
    pattern: '/custom-models/create',
    title: 'Create Fine-tuning job',
    above: [customModels],
    guide: 'evaluation#hyperparameters',
    component: lazy(() => import('../pages/custom-models/create-job.tsx')),
  },
  {
    pattern: '/custom-models/jobs/{jobName}',
    title: ({ jobName = '' }) => jobName,
    above: [customModels],
    guide: 'evaluation',
    component: lazy(() => import('../pages/custom-models/job.tsx')),
  },
  {
    pattern: '/custom-models/models/{modelName}',
    title: ({ modelName = '' }) => modelName,
    above: [customModels],
    guide: 'custom-models',
    component: lazy(() => import('../pages/custom-models/model.tsx')),
  },
  {
    pattern: '/base-models',
    title: 'Base models',
    above: [],
    guide: 'base-models',
    component: lazy(() => import('../pages/base-models/list.tsx')),
  },
  {
    pattern: '/data-sets',
    title: 'Data sets',
    above: [],
    guide: 'data-sets',
    component: lazy(() => import('../pages/data-sets/list.tsx')),
  },
  {
    pattern: '/data-sets/edit',
    title: (_, query) => query.get('name') || 'New data set',
    above: [{ text: 'Data sets', to: '/data-sets' }],
    guide: 'data-sets#captions-that-teach',
    component: lazy(() => import('../pages/data-sets/editor.tsx')),
  },
  {
    pattern: '/provisioned-throughput',
    title: 'Provisioned Throughput',
    above: [],
    guide: 'usage-and-quotas#before-a-job-before-a-purchase',
    component: lazy(() => import('../pages/provisioned-throughput/list.tsx')),
  },
  {
    pattern: '/provisioned-throughput/create',
    title: 'Purchase Provisioned Throughput',
    above: [{ text: 'Provisioned Throughput', to: '/provisioned-throughput' }],
    guide: 'usage-and-quotas#before-a-job-before-a-purchase',
    component: lazy(() => import('../pages/provisioned-throughput/create.tsx')),
  },
  {
    pattern: '/deployments',
    title: 'Custom model deployments',
    above: [],
    guide: 'aws-clients#without-model-units',
    component: lazy(() => import('../pages/deployments/list.tsx')),
  },
  {
    pattern: '/s3',
    title: 'S3',
    above: [],
    guide: 'aws-clients#what-s3-keeps-of-a-bucket',
    component: lazy(() => import('../pages/s3/buckets.tsx')),
  },
  {
    pattern: '/s3/{bucket}',
    title: ({ bucket = '' }) => bucket,
    above: [{ text: 'S3', to: '/s3' }],
    guide: 'aws-clients#what-s3-keeps-of-a-bucket',
    component: lazy(() => import('../pages/s3/objects.tsx')),
  },
  {
    pattern: '/batch-inference',
    title: 'Batch inference',
    above: [],
    guide: 'batch-inference',
    component: lazy(() => import('../pages/batch/list.tsx')),
  },
  {
    pattern: '/watermark-detection',
    title: 'Watermark detection',
    above: [],
    guide: 'editing#was-this-drawn-here',
    component: lazy(() => import('../pages/watermark/watermark.tsx')),
  },
  {
    pattern: '/iam',
    title: 'IAM',
    above: [],
    guide: 'operations#policies-and-keys',
    component: lazy(() => import('../pages/iam/iam.tsx')),
  },
  {
    pattern: '/kms',
    title: 'KMS keys',
    above: [],
    guide: 'operations#encryption-at-rest',
    component: lazy(() => import('../pages/kms/keys.tsx')),
  },
  {
    pattern: '/api-keys',
    title: 'API keys',
    above: [],
    guide: 'aws-clients#bedrock-api-keys',
    component: lazy(() => import('../pages/settings/api-keys.tsx')),
  },
  {
    pattern: '/invocation-logging',
    title: 'Model invocation logging',
    above: [],
    guide: 'operations#logs-of-invocations',
    component: lazy(() => import('../pages/settings/invocation-logging.tsx')),
  },
  {
    pattern: '/imported-models',
    title: 'Imported models',
    above: [],
    guide: 'moving-models#import',
    component: lazy(() => import('../pages/imported-models/list.tsx')),
  },
  {
    pattern: '/usage',
    title: 'Usage',
    above: [],
    guide: 'usage-and-quotas#usage',
    component: lazy(() => import('../pages/usage/usage.tsx')),
  },
  {
    pattern: '/audit-trail',
    title: 'Audit trail',
    above: [],
    guide: 'audit-events-metrics#the-audit-trail',
    component: lazy(() => import('../pages/settings/audit-trail.tsx')),
  },
  {
    pattern: '/accounts',
    title: 'Accounts',
    above: [],
    guide: 'operations#several-accounts',
    component: lazy(() => import('../pages/settings/accounts.tsx')),
  },
  {
    pattern: '/health',
    title: 'Health and quotas',
    above: [],
    guide: 'usage-and-quotas#quotas',
    component: lazy(() => import('../pages/settings/health.tsx')),
  },
  {
    pattern: '/image-playground',
    title: 'Image playground',
    above: [],
    guide: 'editing',
    component: lazy(() => import('../pages/image-playground/playground.tsx')),
  },
  {
    pattern: '/guides',
    title: 'Guides',
    above: [],
    component: lazy(() => import('../pages/guides/list.tsx')),
  },
  {
    pattern: '/guides/{name}',
    title: 'Guide',
    above: [{ text: 'Guides', to: '/guides' }],
    component: lazy(() => import('../pages/guides/guide.tsx')),
  },
];

/** The side navigation, in the order of the seed system's console. */
export const navigation: readonly NavigationEntry[] = [
  { text: 'Overview', to: '/' },
  {
    section: 'Foundation models',
    links: [
      { text: 'Base models', to: '/base-models' },
      { text: 'Custom models', to: '/custom-models' },
      { text: 'Imported models', to: '/imported-models' },
    ],
  },
  { section: 'Training data', links: [{ text: 'Data sets', to: '/data-sets' }] },
  { section: 'Playgrounds', links: [{ text: 'Image', to: '/image-playground' }] },
  { section: 'Safeguards', links: [{ text: 'Watermark detection', to: '/watermark-detection' }] },
  {
    section: 'Inference and assessment',
    links: [
      { text: 'Provisioned Throughput', to: '/provisioned-throughput' },
      { text: 'Custom model deployments', to: '/deployments' },
      { text: 'Batch inference', to: '/batch-inference' },
    ],
  },
  {
    section: 'Storage and access',
    links: [
      { text: 'S3', to: '/s3' },
      { text: 'IAM', to: '/iam' },
      { text: 'KMS keys', to: '/kms' },
      { text: 'API keys', to: '/api-keys' },
    ],
  },
  {
    section: 'Settings',
    links: [
      { text: 'Model invocation logging', to: '/invocation-logging' },
      { text: 'Usage', to: '/usage' },
      { text: 'Audit trail', to: '/audit-trail' },
      { text: 'Accounts', to: '/accounts' },
      { text: 'Health and quotas', to: '/health' },
    ],
  },
  { text: 'Guides', to: '/guides' },
];

type NavigationEntry =
  | { text: string; to: string }
  | { section: string; links: readonly { text: string; to: string }[] };
