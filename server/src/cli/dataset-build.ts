import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import limits from '../../../contract/limits.json' with { type: 'json' };
import { withCaptionWords } from '../domain/training/caption-words.ts';
import { checkPicture, checkRecordCount, parseManifest, parseS3Uri } from '../domain/training/manifest.ts';
import { type CaptionedFile, readCaptions, readText } from './captions.ts';
import { CliFailure } from './failure.ts';
import { kohyaFolderOf, recordsOf } from './kohya-folders.ts';
import {
  captionsFileOf,
  exactCopies,
  factsOfFile,
  filesBelow,
  isPictureName,
  maskOf,
  newSidecarOf,
  sidecarOf,
} from './picture-files.ts';
import { shownPath } from './shown-path.ts';

const MOST_LINES_TOLD = 20;

/** A picture of the folder; `caption` undefined: none is written yet. `problem`: it cannot stay so. */
interface Picture {
  file: string;
  caption: string | undefined;
  problem?: string;
}

/**
 * Writes a train.jsonl for a folder of images: captions from .txt files of the same name, or from one captions file. Pictures that
 * a job would refuse are left out and named; captions that are missing or wrong can be mended, and fail the build.
 */
export async function datasetBuild(
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
): Promise<void> {
  const home = resolve(folder);
  if (!statSync(home, { throwIfNoEntry: false })?.isDirectory()) throw new CliFailure(`${folder} is not a folder.`);
  const prefix = options.s3Prefix.replace(/\/+$/, '');
  if (!parseS3Uri(prefix))
    throw new CliFailure(`--s3-prefix must be s3://bucket or s3://bucket/folder; it is "${prefix}".`);
  const output = resolve(options.output ?? join(home, 'train.jsonl'));
  if (existsSync(output) && !options.force)
    throw new CliFailure(`${output} exists already. Add --force to write over it, or --output for another file.`);

  const { pictures, leftOut, isNamed } = captioned(home, options.captions);
  const problems: string[] = [];
  const usable: CaptionedFile[] = [];
  for (const { file, caption, problem } of pictures) {
    const refusal = existsSync(join(home, file))
      ? checkPicture(await factsOfFile(join(home, file)), undefined)
      : undefined;
    if (refusal !== undefined) leftOut.push(`${file}: ${refusal}`);
    else if (problem !== undefined) problems.push(`${file}: ${problem}`);
    else usable.push({ file, caption: caption ?? '' });
  }
  // A captions file says itself how often it names a picture.
  const repeats = isNamed ? usable.map(() => 1) : recordsOf(usable.map(({ file }) => file));
  const records = usable.flatMap((record, index) => Array<CaptionedFile>(repeats[index] ?? 1).fill(record));
  const words = {
    triggerWord: options.trigger?.trim() || null,
    captionPrefix: options.prefix?.trim() || null,
    captionSuffix: options.suffix?.trim() || null,
  };
  const lines = records.map(({ file, caption }) =>
    JSON.stringify({
      ...{ 'image-ref': `${prefix}/${file}`, caption: withCaptionWords(caption, words) },
      ...maskRefOf(home, file, prefix),
    }),
  );
  // The same rules as the training job's own, so that what is built here is never refused there for its text.
  const checked = parseManifest(lines.join('\n'), `${prefix}/${basename(output)}`);
  problems.push(...checked.errors.map(({ line, reason }) => `${records[line - 1]?.file}: ${reason}`));
  tell(leftOut.map(line => `left out: ${line}`));
  if (problems.length > 0) {
    tell(problems);
    throw new CliFailure(`${problems.length} of the images in ${folder} cannot be used; nothing was written.`);
  }
  const countProblem = checkRecordCount(records.length);
  if (countProblem) throw new CliFailure(`${countProblem} Nothing was written.`);
  const copies = await exactCopies(usable.map(({ file }) => ({ file, path: join(home, file) })));
  tell(
    copies.map(([copy, first]) =>
      copy.file === first.file
        ? `${copy.file}: is named twice, and counts twice`
        : `${copy.file}: is the same picture as ${first.file}, and counts twice`,
    ),
  );
  tell(repeatsTold(usable, repeats));

  writeFileSync(`${output}.tmp`, `${lines.join('\n')}\n`);
  renameSync(`${output}.tmp`, output);
  console.log(`${output}: ${records.length} records${summary(leftOut.length, copies.length)}.`);
  console.log(`Upload it with its images:\n  aws s3 sync ${folder} ${prefix}/ --exclude '*.txt' --exclude '*.caption'`);
  if (dirname(output) !== home) console.log(`  aws s3 cp ${shownPath(output)} ${prefix}/${basename(output)}`);
}

/** On standard error: what is to be mended is no result. */
function tell(lines: readonly string[]): void {
  for (const line of lines.slice(0, MOST_LINES_TOLD)) console.error(line);
  if (lines.length > MOST_LINES_TOLD) console.error(`and ${lines.length - MOST_LINES_TOLD} more`);
}

function summary(leftOut: number, copies: number): string {
  const pictures = (count: number, verb: string) => `${count} ${count === 1 ? 'picture' : 'pictures'} ${verb}`;
  return [
    ...(leftOut > 0 ? [`, ${pictures(leftOut, 'left out')}`] : []),
    ...(copies > 0 ? [`, ${pictures(copies, 'there twice')}`] : []),
  ].join('');
}

/** A line for each folder whose pictures count more than once. */
function repeatsTold(usable: readonly CaptionedFile[], repeats: readonly number[]): string[] {
  const lines = usable.map(({ file }, index) => {
    const count = repeats[index] ?? 1;
    return count === 1 ? [] : [`${dirname(file)}: each picture counts ${count} times, by the numbers of the folders`];
  });
  return [...new Set(lines.flat())];
}

/** As dataset mask made it. */
function maskRefOf(home: string, file: string, prefix: string): { 'mask-ref'?: string } {
  const mask = maskOf(file);
  return existsSync(join(home, mask)) ? { 'mask-ref': `${prefix}/${mask}` } : {};
}

/**
 * @returns every picture of the folder: those to look at, why others are none of the data set, and whether a captions file names
 *   them
 */
function captioned(
  home: string,
  captionsOption: string | undefined,
): { pictures: Picture[]; leftOut: string[]; isNamed: boolean } {
  const names = filesBelow(home);
  const images = names.filter(isPictureName);
  if (images.length === 0)
    throw new CliFailure(`${home} holds no picture. A job takes ${limits.trainingImage.formats.join(' and ')}.`);
  const captionsFile = captionsOption ?? captionsFileOf(names);
  if (captionsFile === undefined)
    return { pictures: captionedBeside(home, images, names), leftOut: [], isNamed: false };
  const path = captionsOption === undefined ? join(home, captionsFile) : resolve(captionsOption);
  if (!existsSync(path)) throw new CliFailure(`there is no captions file ${captionsFile}.`);
  // A path may begin above the folder, or be another machine's: then the file's own name tells.
  const here = (file: string) =>
    existsSync(join(home, file)) || !names.includes(basename(file)) ? file : basename(file);
  const records = readCaptions(readText(path), path).map(({ file, caption }) => ({ file: here(file), caption }));
  const named = new Set(records.map(({ file }) => file));
  const isNamedWrongly = (file: string) => !existsSync(join(home, file));
  return {
    pictures: records.map(({ file, caption }) => ({
      ...{ file, caption },
      ...(isNamedWrongly(file) && { problem: `is named in ${basename(path)} but not there` }),
    })),
    leftOut: images.filter(file => !named.has(file)).map(file => `${file}: ${basename(path)} has no caption for it`),
    isNamed: true,
  };
}

/** Captions from the files beside; a kohya folder without any is its own pictures' caption. */
function captionedBeside(home: string, images: readonly string[], names: readonly string[]): Picture[] {
  const pictures = images.map(file => beside(home, file, names));
  const written = new Set(pictures.filter(({ caption }) => caption !== undefined).map(({ file }) => dirname(file)));
  return pictures.map(picture => {
    const folder = kohyaFolderOf(picture.file);
    const isNamedByFolder = folder !== undefined && !written.has(dirname(picture.file));
    return isNamedByFolder ? { file: picture.file, caption: folder.concept } : picture;
  });
}

function beside(home: string, file: string, names: readonly string[]): Picture {
  const found = sidecarOf(file, names);
  if (found === undefined)
    return { file, caption: undefined, problem: `has no caption: write it into ${newSidecarOf(file)}` };
  return { file, caption: readText(join(home, found)).replaceAll(/\s+/g, ' ').trim() };
}
