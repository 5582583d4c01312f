import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import limits from '../../../contract/limits.json' with { type: 'json' };
import { withCaptionWords } from '../domain/training/caption-words.ts';
import { checkRecordCount, parseManifest, parseS3Uri } from '../domain/training/manifest.ts';
import { type CaptionedFile, readCaptions } from './captions.ts';
import { CliFailure } from './failure.ts';
import { shownPath } from './shown-path.ts';

const IMAGE_EXTENSIONS = ['.jpg', '.jpeg', '.png'];
const CAPTION_FILES = ['captions.jsonl', 'captions.csv', 'captions.tsv', 'metadata.jsonl', 'metadata.csv'];
const MAXIMUM_PROBLEMS_TOLD = 20;

/** Writes a train.jsonl for a folder of images: captions from .txt files of the same name, or from one captions file. */
export function datasetBuild(
  folder: string,
  options: {
    s3Prefix: string;
    captions?: string;
    output?: string;
    force?: boolean;
    trigger?: string;
    prefix?: string;
    suffix?: string;
  },
): void {
  const home = resolve(folder);
  if (!statSync(home, { throwIfNoEntry: false })?.isDirectory()) throw new CliFailure(`${folder} is not a folder.`);
  const prefix = options.s3Prefix.replace(/\/+$/, '');
  if (!parseS3Uri(prefix))
    throw new CliFailure(`--s3-prefix must be s3://bucket or s3://bucket/folder; it is "${prefix}".`);
  const output = resolve(options.output ?? join(home, 'train.jsonl'));
  if (existsSync(output) && !options.force)
    throw new CliFailure(`${output} exists already. Add --force to write over it, or --output for another file.`);

  const { records, problems } = captioned(home, options.captions);
  const words = {
    triggerWord: options.trigger?.trim() || null,
    captionPrefix: options.prefix?.trim() || null,
    captionSuffix: options.suffix?.trim() || null,
  };
  const lines = records.map(({ file, caption }) =>
    JSON.stringify({
      ...{ 'image-ref': `${prefix}/${file}`, caption: withCaptionWords(caption, words) },
      ...maskOf(home, file, prefix),
    }),
  );
  // The same rules as the training job's own, so that what is built here is never refused there for its text.
  const checked = parseManifest(lines.join('\n'), `${prefix}/${basename(output)}`);
  problems.push(...checked.errors.map(({ line, reason }) => `${records[line - 1]?.file}: ${reason}`));
  if (problems.length > 0) {
    const more = problems.length > MAXIMUM_PROBLEMS_TOLD ? [`and ${problems.length - MAXIMUM_PROBLEMS_TOLD} more`] : [];
    for (const line of [...problems.slice(0, MAXIMUM_PROBLEMS_TOLD), ...more]) console.error(line);
    throw new CliFailure(`${problems.length} of the images in ${folder} cannot be used; nothing was written.`);
  }
  const countProblem = checkRecordCount(records.length);
  if (countProblem) throw new CliFailure(`${countProblem} Nothing was written.`);

  writeFileSync(`${output}.tmp`, `${lines.join('\n')}\n`);
  renameSync(`${output}.tmp`, output);
  console.log(`${output}: ${records.length} records.`);
  console.log(`Upload it with its images:\n  aws s3 sync ${folder} ${prefix}/ --exclude '*.txt'`);
  if (dirname(output) !== home) console.log(`  aws s3 cp ${shownPath(output)} ${prefix}/${basename(output)}`);
}

/** As dataset mask made it. */
function maskOf(home: string, file: string, prefix: string): { 'mask-ref'?: string } {
  const mask = join(dirname(file), 'masks', `${basename(file, extname(file))}.png`);
  return existsSync(join(home, mask)) ? { 'mask-ref': `${prefix}/${mask}` } : {};
}

function captioned(home: string, captionsOption: string | undefined): { records: CaptionedFile[]; problems: string[] } {
  const names = readdirSync(home).sort();
  const images = names.filter(name => IMAGE_EXTENSIONS.includes(extname(name).toLowerCase()));
  if (images.length === 0)
    throw new CliFailure(
      `${home} holds no image (${limits.trainingImage.formats.join(' or ')}; ${IMAGE_EXTENSIONS.join(', ')}).`,
    );
  const captionsFile = captionsOption ?? CAPTION_FILES.find(name => names.includes(name));
  if (captionsFile !== undefined) {
    const path = captionsOption === undefined ? join(home, captionsFile) : resolve(captionsOption);
    if (!existsSync(path)) throw new CliFailure(`there is no captions file ${captionsFile}.`);
    const records = readCaptions(readUtf8(path), path);
    const missing = records.filter(({ file }) => !existsSync(join(home, file)));
    return { records, problems: missing.map(({ file }) => `${file}: is named in ${basename(path)} but not there`) };
  }
  const records: CaptionedFile[] = [];
  const problems: string[] = [];
  for (const file of images) {
    const sidecar = `${file.slice(0, -extname(file).length)}.txt`;
    if (!names.includes(sidecar)) problems.push(`${file}: has no caption: write it into ${sidecar}`);
    else records.push({ file, caption: readUtf8(join(home, sidecar)).replaceAll(/\s+/g, ' ').trim() });
  }
  return { records, problems };
}

/** @throws CliFailure for other encodings, whose letters would be lost without a word */
function readUtf8(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CliFailure(`${shownPath(path)} is not UTF-8 text: save it as UTF-8.`);
  }
}
