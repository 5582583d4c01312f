// The direction of dependencies (ARCHITECTURE.md). Run by `npm run check`, which also plants a violation of each rule
// and counts modules: beside TypeScript 7 this tool silently checks nothing unless @swc/core is installed.
const source = '^server/src';

/** Whoever lives in `from` may import only what `to` matches: itself, and what the list names. */
const only = (name, folder, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `${source}/${folder}/`, pathNot: '\\.test\\.ts$' },
  to: { path: source, pathNot: [folder, ...allowed].map(path => `${source}/${path}`).join('|') },
});

export default {
  forbidden: [
    only('domain-is-pure', 'domain', [], 'Rules know no I/O, no adapter and no AWS machinery.'),
    {
      name: 'domain-has-no-io',
      comment: 'The core decides; the edges act. crypto is a function of its input.',
      severity: 'error',
      from: { path: `${source}/domain/`, pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer)$' },
    },
    only('ports-name-domain-types', 'ports', ['domain/'], 'A port is what the core needs, said in its own words.'),
    only('services-use-ports', 'services', ['domain/', 'ports/', 'generated/'], 'A service never names an adapter or the wire.'),
    only('reconcile-uses-ports', 'reconcile', ['domain/', 'ports/'], 'A loop makes reality match rows through ports.'),
    only('adapters-implement-ports', 'adapters', ['domain/', 'ports/'], 'An adapter serves ports; it calls no service.'),
    only('wire-knows-no-feature', 'wire', ['domain/(call|fault|operation|route|well-formed)', 'generated/'], 'main joins wire and services.'),
    only('http-stands-before-wire', 'http', ['wire/', 'domain/(call|fault|operation|route)', 'ports/time'], 'HTTP hands on to wire.'),
    {
      name: 'only-main-names-adapters',
      comment: 'The composition root is the one place to swap an adapter.',
      severity: 'error',
      from: { path: source, pathNot: `${source}/(adapters/|main\\.ts$)|\\.test\\.ts$` },
      to: { path: `${source}/adapters/` },
    },
    {
      name: 'services-stand-alone',
      comment: 'One AWS service reaches the rows of another through ports, never its code.',
      severity: 'error',
      from: { path: `${source}/services/([^/]+)/`, pathNot: '\\.test\\.ts$' },
      to: { path: `${source}/services/`, pathNot: `${source}/services/$1/` },
    },
    {
      name: 'console-is-an-aws-client',
      comment: 'Its only backends are the AWS operations and the documented routes; of the project it reads the contract.',
      severity: 'error',
      from: { path: '^console/' },
      to: { path: '^(server|scripts|worker|e2e)/' },
    },
    {
      name: 'e2e-imports-no-source',
      comment: 'The end-to-end tests drive the running product, as a stranger would.',
      severity: 'error',
      from: { path: '^e2e/' },
      to: { path: '^(server|console)/' },
    },
    {
      name: 'sources-import-no-test',
      comment: 'What ships does not depend on what tests it.',
      severity: 'error',
      from: { path: source, pathNot: '\\.test\\.ts$' },
      to: { path: '\\.test\\.ts$|^server/test/' },
    },
    { name: 'no-cycles', comment: 'A cycle hides which way knowledge flows.', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', comment: 'A typo, or a missing package.', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
    combinedDependencies: true,
  },
};
